"""Every setting once: default, unit, range and meaning; YAML files only overlay it.

`load()` merges defaults <- YAML files <- `--set a.b=v`; an unknown key is an error that
names the nearest match. `docs_table()` generates docs/configuration.md.
"""

import dataclasses
import difflib
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path

import yaml

from vio.types import VioError


def setting(default, unit: str, doc: str, lo=None, hi=None, choices=None):
    """A field with its unit, meaning and range (inclusive)."""
    meta = {"unit": unit, "doc": doc, "lo": lo, "hi": hi, "choices": choices}
    return field(default=default, metadata=meta)


@dataclass(frozen=True)
class FrontendConfig:
    """Images to feature tracks."""

    max_features: int = setting(200, "1", "features tracked at the most", 10, 1000)


@dataclass(frozen=True)
class ImuConfig:
    """Inertial samples to preintegrated motion."""

    max_gap_s: float = setting(0.5, "s", "longest IMU gap that is bridged", 0.01, 5.0)


@dataclass(frozen=True)
class WindowConfig:
    """Sliding-window estimation."""

    max_keyframes: int = setting(7, "1", "keyframe poses kept", 3, 30)


@dataclass(frozen=True)
class Config:
    """All settings, nested like the package."""

    seed: int = setting(0, "1", "seed of every random draw, keyed per frame", 0, 2**31 - 1)
    frontend: FrontendConfig = field(default_factory=FrontendConfig)
    imu: ImuConfig = field(default_factory=ImuConfig)
    window: WindowConfig = field(default_factory=WindowConfig)


def load(files=(), assignments=()) -> Config:
    """Defaults, overlaid by YAML files in order, then by `a.b=value` strings.

    A file is a path or the name of a file in the installed `config/` folder.
    Raises VioError that names file, key and the nearest known key.
    """
    config = Config()
    for name in files:
        path = find_file(name)
        try:
            tree = yaml.safe_load(path.read_text()) or {}
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise VioError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
        if not isinstance(tree, dict):
            raise VioError(f"{path}: expected a mapping of settings at the top level")
        config = overlay(config, ros_parameters(tree), str(path))
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals:
            raise VioError(f"--set {text}: write it as section.key=value")
        tree = yaml.safe_load(value)
        for part in reversed(key.strip().split(".")):
            tree = {part: tree}
        config = overlay(config, tree, f"--set {text}")
    return config


def config_folder() -> Path:
    """The folder of built-in YAML files: of the source tree, or share/vio/config of the prefix.

    Every way of installing (pip, pip -e, colcon) puts the package somewhere below the
    prefix that holds `share/`, so the way up from this file leads to it.
    """
    here = Path(__file__).resolve()
    root = here.parent.parent
    if (root / "package.xml").is_file():
        return root / "config"
    for prefix in here.parents:
        folder = prefix / "share" / "vio" / "config"
        if folder.is_dir():
            return folder
    raise VioError(f"{here.parent}: no share/vio/config in any folder above; install vio again")


def find_file(name) -> Path:
    """`name` as a path, or as a file (`.yaml` may be left out) of the built-in config folder."""
    if Path(name).is_file():
        return Path(name)
    folder = config_folder()
    for path in (folder / str(name), folder / f"{name}.yaml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml"))) or "none"
    raise VioError(f"{name}: no such configuration file; built-in ones are: {known}")


def ros_parameters(tree: dict) -> dict:
    """The settings of a ROS 2 parameter file (`/**: ros__parameters:`), or the tree itself."""
    for value in tree.values():
        if isinstance(value, dict) and "ros__parameters" in value:
            return value["ros__parameters"].get("vio", {})
    return tree


def overlay(config, tree: dict, origin: str, prefix: str = ""):
    """A copy of a config dataclass with the values of `tree` in place, checked."""
    known = {f.name: f for f in fields(config)}
    changes = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if key not in known:
            near = difflib.get_close_matches(name, [n for n, _, _ in flatten(Config())], 1, 0.4)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise VioError(f"{origin}: unknown setting '{name}'{hint}")
        old = getattr(config, key)
        if is_dataclass(old):
            if not isinstance(value, dict):
                raise VioError(f"{origin}: '{name}' is a group of settings, not a value")
            changes[key] = overlay(old, value, origin, name + ".")
        else:
            changes[key] = checked(name, value, known[key], origin)
    return replace(config, **changes)


def checked(name, value, spec, origin):
    """`value` converted to the type of the setting and held to its range."""
    kind = type(spec.default)
    meta = spec.metadata
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind is float and isinstance(value, str):
        try:  # YAML 1.1 reads 1e-3 as a string
            value = float(value)
        except ValueError:
            pass
    if type(value) is not kind:
        raise VioError(f"{origin}: '{name}' wants {kind.__name__}, got {value!r}")
    if meta["choices"] and value not in meta["choices"]:
        raise VioError(f"{origin}: '{name}' is one of {', '.join(meta['choices'])}; got {value!r}")
    if meta["lo"] is not None and not meta["lo"] <= value <= meta["hi"]:
        raise VioError(f"{origin}: '{name}' must be in [{meta['lo']}, {meta['hi']}], got {value}")
    return value


def flatten(config, prefix: str = ""):
    """(dotted name, value, field) of every setting, in order."""
    for f in fields(config):
        value = getattr(config, f.name)
        if is_dataclass(value):
            yield from flatten(value, f"{prefix}{f.name}.")
        else:
            yield f"{prefix}{f.name}", value, f


def dump(config: Config) -> str:
    """The effective configuration as YAML that `load` reads back."""
    return yaml.safe_dump(dataclasses.asdict(config), sort_keys=False)


def docs_table() -> str:
    """Markdown table of every setting; docs/configuration.md is this text."""
    lines = [
        "# Configuration",
        "",
        "Generated from `vio/config.py` by `vio info --config-table`; do not edit.",
        "",
        "| key | default | unit | range | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, value, spec in flatten(Config()):
        meta = spec.metadata
        span = f"{meta['lo']} .. {meta['hi']}" if meta["lo"] is not None else ""
        if meta["choices"]:
            span = ", ".join(f"`{c}`" for c in meta["choices"])
        lines.append(f"| `{name}` | `{value}` | {meta['unit']} | {span} | {meta['doc']} |")
    return "\n".join(lines) + "\n"
