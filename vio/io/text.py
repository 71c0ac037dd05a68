"""Plain tables of numbers (csv or blanks, gzipped or not) with errors that name file and line."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from vio.types import VioError

LAST_NS = 2**62
"""Stamps beyond it (the year 2116) are no stamps; below it sums and differences hold."""


def read_rows(path, n_columns: tuple[int, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """The data rows of a text table; `#` comments and blank lines are skipped.

    Args:
        path: file, gzipped when its name ends in `.gz`.
        n_columns: allowed column counts; empty allows any.

    Yields:
        ("file:line", fields): fields are split at commas or blanks.

    Raises:
        VioError: the file is missing or unreadable, or a row has another number of columns.
    """
    path = Path(path)
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                text = line.strip()
                if not text or text.startswith("#"):
                    continue
                fields = text.replace(",", " ").split()
                where = f"{path}:{number}"
                if n_columns and len(fields) not in n_columns:
                    wanted = " or ".join(map(str, n_columns))
                    raise VioError(
                        f"{where}: {len(fields)} columns, expected {wanted}; "
                        "mend or delete the line"
                    )
                yield where, fields
    except FileNotFoundError:
        raise VioError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise VioError(f"{path}: is a folder; name the file in it") from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or error
        raise VioError(f"{path}: cannot be read ({what}); fetch the file again") from None


def integer(text: str, where: str) -> int:
    """A stamp in whole nanoseconds; VioError naming `where` when it is anything else."""
    try:
        t_ns = int(text)
        if abs(t_ns) > LAST_NS:
            raise ValueError
    except ValueError:
        raise VioError(
            f"{where}: '{text}' is no time stamp in whole nanoseconds; "
            "restore the original file, and put # before header lines"
        ) from None
    return t_ns


def numbers(fields: list[str], where: str) -> list[float]:
    """Floats; VioError naming `where` when one is not a number (NaN passes)."""
    try:
        return [float(field) for field in fields]
    except ValueError as error:
        raise VioError(f"{where}: {error}; mend or delete the line") from None
