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
    reduce: int = setting(
        1, "1", "images are averaged down by this factor as they arrive", choices=(1, 2, 4)
    )
    levels: int = setting(3, "1", "pyramid levels, full resolution included", 2, 6)
    finest_bits: int = setting(
        1, "bit", "code of a pixel of the finest level: 1, 2, or 8 for raw", choices=(1, 2, 8)
    )
    second_bits: int = setting(2, "bit", "the same for the level above", choices=(1, 2, 4, 8))
    coarse_bits: int = setting(2, "bit", "the same for all other levels", choices=(1, 2, 4, 8))
    template_bits: int = setting(4, "bit", "pixel of a stored template", choices=(4, 8))
    confident_level: int = setting(2, "1", "coarsest level tried when the motion is known", 0, 5)
    klt_iterations: int = setting(10, "1", "alignment steps per level at the most", 1, 100)
    klt_step_px: float = setting(
        0.02,
        "px",
        "an alignment step below this ends the finest level, one five times as long the others",
        1e-4,
        1.0,
    )
    klt_correlation: float = setting(0.8, "1", "least correlation of a tracked patch", 0.0, 1.0)
    klt_texture: float = setting(100.0, "grey^2", "least gradient energy of a patch", 0.0, 1e6)
    refresh_correlation: float = setting(
        0.92, "1", "below this correlation a keyframe takes a new template", 0.0, 1.0
    )
    ransac_px: float = setting(
        1.5, "px", "distance from the epipolar line of an outlier", 0.1, 20.0
    )
    ransac_hypotheses: int = setting(60, "1", "translations tried per frame", 1, 1000)
    key_ratio: float = setting(
        0.75, "1", "share of a keyframe's features in view below which a new one is made", 0.1, 1.0
    )
    key_parallax_px: float = setting(
        25.0, "px", "median parallax since the last keyframe that makes a new one", 1.0, 1000.0
    )
    key_min_features: int = setting(30, "1", "fewer shared features make a keyframe", 0, 1000)
    still_px: float = setting(0.4, "px", "median motion of the features at rest", 0.0, 10.0)
    corner_score: float = setting(300.0, "grey^2", "least corner score", 0.0, 1e6)
    stereo_every: int = setting(
        1, "1", "frames from one look at cam1 to the next; keyframes always look", 1, 1000
    )
    search_level: int = setting(2, "1", "pyramid level of the first stereo search", 0, 5)
    nearest_m: float = setting(0.3, "m", "least depth of a stereo match", 0.05, 10.0)
    epipolar_px: float = setting(
        1.5, "px", "distance from the epipolar line that refuses", 0.1, 20.0
    )


@dataclass(frozen=True)
class ImuConfig:
    """Inertial samples to preintegrated motion."""

    buffer_samples: int = setting(
        256, "1", "recent samples kept; joined in pairs they cover twice the time", 50, 10000
    )
    noise_scale: float = setting(
        2.0, "1", "how much worse than the calibration's densities the samples are", 0.1, 100.0
    )
    gap_gyro: float = setting(0.5, "rad/s", "rate uncertainty inside a gap", 0.0, 100.0)
    gap_accel: float = setting(5.0, "m/s^2", "force uncertainty inside a gap", 0.0, 1000.0)
    gyro_range: float = setting(34.0, "rad/s", "rate at which the gyro saturates", 0.1, 1e3)
    quiet_seconds: float = setting(0.3, "s", "span that must be quiet to stand still", 0.05, 5.0)
    quiet_gyro: float = setting(0.02, "rad/s", "deviation of the rate at rest", 1e-4, 1.0)
    quiet_accel: float = setting(0.2, "m/s^2", "deviation of the force at rest", 1e-3, 10.0)
    accel_range: float = setting(
        156.0, "m/s^2", "force at which the accelerometer saturates", 1.0, 1e4
    )


@dataclass(frozen=True)
class WindowConfig:
    """Sliding-window estimation."""

    max_keyframes: int = setting(7, "1", "keyframe poses kept", 3, 30)
    max_states: int = setting(3, "1", "newest frames kept with velocity and biases", 2, 20)
    max_landmarks: int = setting(280, "1", "landmarks kept", 20, 5000)
    iterations: int = setting(4, "1", "linearisations per frame at the most", 1, 50)
    sigma_px: float = setting(0.4, "px", "noise of a tracked pixel", 0.01, 10.0)
    sigma_factor: float = setting(
        3.0, "1", "reported deviations over those of independent errors", 0.1, 100.0
    )
    max_misfit: float = setting(
        9.0, "1", "chi-square per row of inertial factors that casts doubt on them", 1.0, 1e6
    )
    lasting_misfit: float = setting(3.5, "1", "the same as a mean over a second", 1.0, 1e6)
    huber: float = setting(1.75, "sigma", "residual at which the robust loss sets in", 0.1, 100.0)
    reject_px: float = setting(3.0, "px", "residual that drops an observation", 0.1, 100.0)
    depth_sigma: float = setting(
        0.15, "1/m", "largest deviation of the inverse depth of a new landmark", 1e-3, 10.0
    )
    nearest_m: float = setting(0.2, "m", "least depth of a landmark", 0.01, 10.0)
    keep_ratio: float = setting(
        0.3, "1", "share of a keyframe's landmarks in view below which it leaves", 0.0, 1.0
    )
    small_turn: float = setting(
        5e-4, "rad", "steps smaller than this end the optimisation", 0.0, 1.0
    )
    small_move: float = setting(5e-3, "m", "steps smaller than this end the optimisation", 0.0, 1.0)
    repropagate_gyro: float = setting(
        0.01, "rad/s", "move of the gyro bias that integrates an interval anew", 0.0, 1.0
    )
    repropagate_accel: float = setting(
        0.1, "m/s^2", "move of the accelerometer bias that does", 0.0, 10.0
    )
    init_seconds: float = setting(0.8, "s", "time over which a start is attempted", 0.2, 10.0)
    start_gyro_bias: float = setting(
        0.02, "rad/s", "deviation of the gyro bias at start", 1e-6, 1.0
    )
    start_accel_bias: float = setting(
        0.1, "m/s^2", "deviation of the accelerometer bias at start", 1e-6, 10.0
    )
    start_cost: float = setting(6.0, "1", "most cost per residual of a good start", 0.1, 100.0)
    gravity: float = setting(9.81, "m/s^2", "magnitude of gravity", 9.7, 9.9)
    estimate_time_offset: bool = setting(
        True, "1", "estimate how much later the imu's clock is than the cameras'"
    )
    time_offset_sigma: float = setting(0.02, "s", "its deviation from the rig's", 1e-5, 1.0)
    relearn_offset: float = setting(
        2e-3, "s", "move of it after which what was learned of it is forgotten", 1e-5, 1.0
    )
    estimate_extrinsics: bool = setting(
        True, "1", "estimate where the imu is on the rig; the cameras are held to each other"
    )
    turn_sigma: float = setting(0.01, "rad", "deviation of its turn, per axis", 1e-6, 1.0)
    shift_sigma: float = setting(0.006, "m", "deviation of its place, per axis", 1e-6, 1.0)
    still_turn: float = setting(1e-3, "rad", "rotation allowed between frames at rest", 1e-6, 1.0)
    still_move: float = setting(1e-3, "m", "translation allowed between frames at rest", 1e-6, 1.0)
    still_speed: float = setting(5e-3, "m/s", "speed allowed at rest", 1e-6, 1.0)


@dataclass(frozen=True)
class MemoryConfig:
    """Formats of what is kept, and the cap on all of it. See docs/memory.md."""

    budget_bytes: int = setting(0, "B", "most bytes the arena may take, 0 = no cap", 0, 2**31)
    observation_bits: int = setting(
        16, "bit", "coordinate of an observation: 16 fixed point, 32 float", choices=(16, 32)
    )
    point_bits: int = setting(32, "bit", "coordinate of a landmark", choices=(32, 64))
    prior_bits: int = setting(32, "bit", "element of the prior's square root", choices=(32, 64))
    inertial_bits: int = setting(
        32, "bit", "IMU samples, bias Jacobians and whitening of the factors", choices=(32, 64)
    )


@dataclass(frozen=True)
class HealthConfig:
    """When an estimate is degraded or lost."""

    min_support: int = setting(12, "1", "landmarks in view below which it is degraded", 0, 1000)
    max_blind_s: float = setting(3.0, "s", "time without support after which it is lost", 0.0, 60.0)
    max_one_eyed_s: float = setting(0.5, "s", "time without cam1 that degrades stereo", 0.0, 60.0)
    max_dropped: float = setting(
        0.3, "1", "share of residuals rejected in one frame that degrades it", 0.0, 1.0
    )
    max_bad_frames: int = setting(10, "1", "such frames in a row that lose it", 1, 1000)
    max_speed: float = setting(
        40.0, "m/s", "speed beyond which the state is not believed", 0.1, 1e3
    )
    turn_error: float = setting(
        0.012, "rad", "turn of the imu on the rig from which the extrinsics are corrected", 0.0, 1.0
    )
    turn_sigmas: float = setting(12.0, "1", "certainty of a turned imu", 1.0, 100.0)
    shift_error: float = setting(
        0.03, "m", "shift of the imu on the rig from which they are", 0.0, 1.0
    )
    shift_sigmas: float = setting(22.0, "1", "certainty of a shifted imu", 1.0, 100.0)
    max_refused: float = setting(
        0.5, "1", "share of stereo matches off their epipolar line that degrades it", 0.0, 1.0
    )
    max_displaced: float = setting(
        0.03,
        "1",
        "share of cam1's residuals explained by another pose of it that degrades it",
        0.0,
        1.0,
    )
    scale_error: float = setting(
        0.03,
        "1",
        "share by which cameras and accelerometer differ about lengths that is told",
        0.0,
        10.0,
    )
    max_speed_sigma: float = setting(3.0, "m/s", "velocity uncertainty that loses it", 0.01, 1e3)


@dataclass(frozen=True)
class Config:
    """All settings, nested like the package."""

    seed: int = setting(0, "1", "seed of every random draw, keyed per frame", 0, 2**31 - 1)
    frontend: FrontendConfig = field(default_factory=FrontendConfig)
    imu: ImuConfig = field(default_factory=ImuConfig)
    window: WindowConfig = field(default_factory=WindowConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    health: HealthConfig = field(default_factory=HealthConfig)


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
        for part in ros_parameters(tree, path):
            config = overlay(config, part, str(path))
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals:
            raise VioError(f"--set {text}: write it as section.key=value")
        try:
            tree = nested(key.strip(), yaml.safe_load(value))
        except yaml.YAMLError:
            raise VioError(
                f"--set {text}: '{value}' is no value; write section.key=value"
            ) from None
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


def ros_parameters(tree: dict, path) -> list[dict]:
    """The settings of a ROS 2 parameter file (`/**: ros__parameters:`), or the tree itself.

    ROS takes `vio: {seed: 3}` and `vio.seed: 3` for the same.
    """
    for value in tree.values():
        if isinstance(value, dict) and "ros__parameters" in value:
            given = value["ros__parameters"] or {}
            whole = given.get("vio") or {} if isinstance(given, dict) else None
            if not isinstance(whole, dict):
                raise VioError(f"{path}: 'ros__parameters' and its 'vio' are groups, not values")
            dotted = [name for name in map(str, given) if name.startswith("vio.")]
            return [whole, *(nested(name[len("vio.") :], given[name]) for name in dotted)]
    return [tree]


def nested(name: str, value) -> dict:
    """`value` under a dotted name, as a tree."""
    for part in reversed(name.split(".")):
        value = {part: value}
    return value


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
        raise VioError(
            f"{origin}: '{name}' is one of {', '.join(map(str, meta['choices']))}; got {value!r}"
        )
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
