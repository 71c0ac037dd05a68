"""A target: its memory levels and the energy of every action, each constant with its origin.

One YAML file per target. A constant states `value` as printed in `source` with its `unit`,
`node_nm` and `width_bits`; `factor` brings it to the target, `scaling` says why; `uncertainty`
is its relative standard deviation. What is not in the file does not exist: asking for it raises.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from vio.config import config_folder
from vio.energy.actions import Level, Op
from vio.energy.memory import LevelSpec
from vio.types import VioError

SI = {
    "pJ": 1e-12,
    "pJ/bit": 1e-12,
    "pJ/B": 1e-12 / 8,
    "mW/MB": 1e-3 / (8 * 2**20),
    "pJ by kB": 1e-12,
}
"""Unit in the file -> factor to J, J/bit or W/bit."""

FIELDS = {
    "unit", "value", "printed", "source", "node_nm", "width_bits", "factor", "scaling",
    "uncertainty",
}  # fmt: skip


@dataclass(frozen=True)
class Constant:
    """One number and where it is from; `by_kb` holds (sizes [kB], energies [J]) of a table."""

    key: str
    unit: str
    value: object
    printed: str
    source: str
    node_nm: float
    width_bits: int
    factor: float
    scaling: str
    uncertainty: float

    def energy_j(self, bits: float, bank_bits: float) -> float:
        """Energy of one access `bits` wide to a memory of `bank_bits` [J].

        Narrow accesses to an SRAM follow Accelergy's rule for the width, 0.7 w + 0.3.
        """
        scale = SI[self.unit] * self.factor
        if self.unit in ("pJ/bit", "pJ/B"):
            return float(self.value) * scale * bits
        if self.unit == "pJ by kB":
            kb = np.array(sorted(self.value))
            energy = np.array([self.value[k] for k in sorted(self.value)])
            size = np.clip(bank_bits / 8192, kb[0], kb[-1])
            joules = math.exp(np.interp(math.log(size), np.log(kb), np.log(energy))) * scale
            return joules * (0.7 * bits / self.width_bits + 0.3)
        return float(self.value) * scale


@dataclass(frozen=True)
class Target:
    """A place the odometry could run on."""

    name: str
    title: str
    covers: str
    rate_hz: float
    levels: tuple
    energy_of: dict  # Level -> (read key, write key)
    leak_of: dict  # Level -> key, W per bit
    sized: dict  # Level -> True if the memory is as large as what lives in it
    constants: dict
    stream: bool  # rows of an image go straight from the link to line buffers
    whole_levels: bool  # without that, levels are kept whole: no line buffers to fall back on

    def constant(self, key: str) -> Constant:
        """The constant `key`; VioError if the target does not have it."""
        if key not in self.constants:
            raise VioError(f"target {self.name}: no constant '{key}'; add it to its file")
        return self.constants[key]

    def access(self, level: Level, write: bool) -> Constant:
        """Constant of a read or write at `level`."""
        if level not in self.energy_of:
            raise VioError(f"target {self.name}: has no level '{level.value}'")
        return self.constant(self.energy_of[level][int(write)])

    def op(self, op: Op) -> Constant:
        """Constant of one arithmetic operation."""
        return self.constant(f"op.{op.value}")


def names() -> list[str]:
    """Targets that come with the package."""
    return sorted(path.stem for path in (config_folder() / "energy").glob("*.yaml"))


def find(name) -> Path:
    """The file of a target given by name or path."""
    if Path(name).is_file():
        return Path(name)
    path = config_folder() / "energy" / f"{name}.yaml"
    if path.is_file():
        return path
    raise VioError(f"{name}: no such target; built-in ones are: {', '.join(names())}")


def load(name) -> Target:
    """Target by name or path; VioError names what is missing or wrong in the file."""
    path = find(name)
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        constants = {key: constant(key, entry, path) for key, entry in tree["constants"].items()}
        levels, energy_of, leak_of, sized = [], {}, {}, {}
        for entry in tree["levels"]:
            level = Level(entry["level"])
            capacity = entry["capacity_bytes"]
            levels.append(
                LevelSpec(
                    level,
                    math.inf if capacity is None else 8.0 * capacity,
                    port_bits(entry),
                    8 * entry.get("line_bytes", 0),
                    entry.get("keeps", False),
                    entry.get("dedicated", False),
                )
            )
            energy_of[level] = entry["read"], entry["write"]
            if "leak" in entry:
                leak_of[level] = entry["leak"]
            sized[level] = entry.get("dedicated", False)
        if not levels:
            raise ValueError("'levels' is empty")
        energy_of[Level.LINK] = tree["link"]["read"], tree["link"]["read"]
        target = Target(
            path.stem, tree["title"], tree["covers"], float(tree["rate_hz"]), tuple(levels),
            energy_of, leak_of, sized, constants, tree["stream"], any(sized.values()),
        )  # fmt: skip
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise VioError(f"{path}: not a target: {type(error).__name__}: {error}") from None
    for key in [k for pair in energy_of.values() for k in pair] + list(leak_of.values()):
        target.constant(key)
    return target


def port_bits(entry: dict) -> int:
    """Width of a level's port; ValueError if it is none."""
    if not is_positive(entry["port_bits"]):
        raise ValueError(f"level {entry['level']}: port_bits is {entry['port_bits']!r}")
    return entry["port_bits"]


def is_positive(value) -> bool:
    """Whether this is a finite number above zero."""
    return type(value) in (int, float) and 0 < value < math.inf


def constant(key: str, entry: dict, path) -> Constant:
    """A constant with all its fields, checked."""
    missing, unknown = FIELDS - set(entry), set(entry) - FIELDS
    if missing or unknown:
        what = f"lacks {sorted(missing)}" if missing else f"has unknown {sorted(unknown)}"
        raise VioError(f"{path}: constant '{key}' {what}")
    if entry["unit"] not in SI:
        raise VioError(f"{path}: constant '{key}': unit '{entry['unit']}'; use one of {sorted(SI)}")
    values = [entry["value"]]
    if entry["unit"] == "pJ by kB":
        pairs = entry["value"] if isinstance(entry["value"], dict) else {}
        values = [*pairs, *pairs.values()]
    numbers = [*values, entry["node_nm"], entry["width_bits"], entry["factor"]]
    if not values or not all(map(is_positive, numbers)):
        raise VioError(
            f"{path}: constant '{key}': value, node_nm, width_bits and factor are numbers above "
            "zero; by kB the value is pairs of size: energy"
        )
    made = Constant(key=key, **entry)
    if not is_positive(made.uncertainty):
        raise VioError(f"{path}: constant '{key}': no constant is exact, give its uncertainty")
    return made
