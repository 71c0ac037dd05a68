"""What the commands say at the terminal: figures on stdout, everything else on stderr."""

import contextlib
import json
import os
import sys

import typer

from vio.types import VioError


def show(metrics: dict, title: str, as_json: bool, quiet: bool = False):
    """The figures as JSON or as a table."""
    if as_json:
        typer.echo(json.dumps(metrics, indent=2))
    elif not quiet:
        from rich.console import Console

        from vio.report import table

        Console().print(table(metrics, title))


def show_parts(parts, as_json: bool):
    """A result as JSON, or as its tables and lines one after the other.

    Args:
        parts: (tree for JSON, list of tables and strings).
    """
    tree, pieces = parts
    if as_json:
        from vio.runfolder import plain

        typer.echo(json.dumps(plain(tree), indent=2))
        return
    from rich.console import Console

    console = Console()
    if not console.is_terminal:  # a file has no width
        console = Console(width=120)
    for piece in pieces:
        console.print(piece, highlight=False)


def note(text: str, silent: bool):
    """One line for the person at the terminal; never mixed into standard output."""
    if not silent:
        typer.echo(text, err=True)


def note_if_cold(silent: bool):
    """Say so if the kernels must be compiled first: a minute of silence looks like a hang."""
    from vio.warm import is_cold

    if is_cold():
        note("compiling kernels for this version (about a minute, once)", silent)


@contextlib.contextmanager
def progress_bar(label: str, silent: bool, unit: str = "images"):
    """`progress(done, total)` that draws a bar once the work has lasted two seconds."""
    if silent:
        yield lambda done, total: None
        return
    from tqdm import tqdm

    rarely = 0.2 if sys.stderr.isatty() else 15  # a log file wants lines, not a film
    with tqdm(desc=label, unit=f" {unit}", delay=2, leave=False, mininterval=rarely) as bar:

        def progress(done: int, total: int):
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def kernel_bar(silent: bool):
    """The bar of kernels being compiled."""
    return progress_bar("compiling", silent, "kernels")


@contextlib.contextmanager
def spinner(label: str, silent: bool):
    """A moving sign of life for work that cannot tell how far it is."""
    from rich.console import Console

    if silent:
        yield
    else:
        with Console(stderr=True).status(label):
            yield


@contextlib.contextmanager
def errors(debug: bool):
    """Problems as one line: exit 2 for the user's to mend, 1 for ours, 130 for Ctrl-C."""
    try:
        yield
    except VioError as error:
        if debug:
            raise
        typer.echo(f"vio: error: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo("vio: stopped", err=True)
        raise typer.Exit(130) from None
    except BrokenPipeError:  # who read us has seen enough: `vio memory | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except OSError as error:
        if debug:
            raise
        where = f"{error.filename}: " if error.filename else ""
        what = f"{where}{error.strerror or error}; check the path, permissions and free space"
        typer.echo(f"vio: error: {what}", err=True)
        raise typer.Exit(2) from None
    except Exception as error:
        if debug or isinstance(error, typer.Exit):
            raise
        what = " ".join(str(error).split()) or "no message"
        text = f"vio: internal error: {type(error).__name__}: {what} (--debug shows where)"
        typer.echo(text, err=True)
        raise typer.Exit(1) from None
