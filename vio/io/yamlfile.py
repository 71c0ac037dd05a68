"""YAML whose errors name file and key: what calibration files are read with."""

from pathlib import Path

import numpy as np
import yaml

from vio.types import VioError

MAX_ROTATION_ERROR = 1e-2


class Node:
    """A mapping in a yaml file that knows its place, so that errors can name file and key."""

    def __init__(self, path: Path, prefix: str, values: dict):
        self._path, self._prefix, self._values = path, prefix, values

    @classmethod
    def read(cls, path: Path) -> "Node":
        """Read a yaml file; OpenCV's `%YAML:1.0` header and matrix tags are tolerated."""
        try:
            lines = Path(path).read_text().splitlines()
            text = "\n".join("" if line.startswith("%YAML") else line for line in lines)
            values = yaml.load(text, _Loader)
        except FileNotFoundError:
            raise VioError(f"{path}: no such file; a calibration is needed") from None
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise VioError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
        if not isinstance(values, dict):
            raise VioError(f"{path}: expected keys and values, as in EuRoC's or Kalibr's files")
        return cls(path, "", values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def error(self, key: str, what: str) -> VioError:
        """A VioError that names file and key."""
        return VioError(f"{self._path}: '{self._prefix}{key}': {what}")

    def get(self, key: str, *aliases: str):
        """The value under a key or one of its other names."""
        for name in (key, *aliases):
            if name in self._values:
                return self._values[name]
        raise self.error(key, "is missing; add it, or give another calibration")

    def child(self, key: str) -> "Node":
        """The mapping under a key."""
        values = self.get(key)
        if not isinstance(values, dict):
            raise self.error(key, "expected keys and values")
        return Node(self._path, f"{self._prefix}{key}.", values)

    def text(self, key: str) -> str:
        """A word, in lower case."""
        return str(self.get(key)).strip().lower()

    def number(self, key: str, default: float | None = None) -> float:
        """One finite number."""
        if default is not None and key not in self:
            return default
        return float(self._floats(key, self.get(key), ())[()])

    def numbers(self, key: str, count: int, *aliases: str) -> np.ndarray:
        """(count,) finite numbers."""
        return self._floats(key, self.get(key, *aliases), (count,))

    def transform(self, key: str) -> np.ndarray:
        """A rigid transformation (4, 4): 16 numbers, flat, nested, or in OpenCV's `data`."""
        value = self.get(key)
        if isinstance(value, dict):
            value = Node(self._path, f"{self._prefix}{key}.", value).get("data")
        try:
            value = np.ravel(value).tolist()
        except ValueError:  # rows of different lengths
            value = []
        matrix = rigid(self._floats(key, value, (16,)).reshape(4, 4))
        if matrix is None:
            raise self.error(
                key,
                "is no rigid transformation (rotation not orthonormal, or last row not 0 0 0 1); "
                "copy the matrix again",
            )
        return matrix

    def _floats(self, key, value, shape) -> np.ndarray:
        try:  # YAML 1.1 reads 1e-3 as text, float does not
            result = np.array(value, dtype="f8")
        except (TypeError, ValueError):
            result = np.array(np.nan)
        if result.shape != shape or not np.isfinite(result).all():
            wanted = f"{shape[0]} numbers" if shape else "a number"
            raise self.error(key, f"expected {wanted}, got {value!r}")
        return result


class _Loader(yaml.SafeLoader):
    """Safe YAML that takes OpenCV's matrix tag for a plain mapping."""


_Loader.add_constructor(
    "tag:yaml.org,2002:opencv-matrix",
    lambda loader, node: loader.construct_mapping(node, deep=True),
)


def rigid(matrix: np.ndarray) -> np.ndarray | None:
    """The nearest rigid transformation, or None when it is not near."""
    R = matrix[:3, :3]
    skewed = np.abs(R @ R.T - np.eye(3)).max() > MAX_ROTATION_ERROR
    if not np.isfinite(matrix).all() or skewed or np.linalg.det(R) < 0:
        return None
    if np.abs(matrix[3] - [0.0, 0.0, 0.0, 1.0]).max() > 1e-9:
        return None
    U, _, Vt = np.linalg.svd(R)
    result = np.array(matrix)
    result[:3, :3] = U @ Vt
    return result
