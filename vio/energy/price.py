"""Accesses and arithmetic times the energy of each: the bill of every frame at once.

The model is linear in the features of a frame, so a plan on a target becomes one matrix:
features (F, E) times matrix (E, lines) is joules. A live node prices one frame by the same
product. Energies that share a constant err together, different constants independently.
"""

from typing import NamedTuple

import numpy as np

from vio.energy import stages
from vio.energy.actions import ON_CHIP, Level
from vio.energy.features import AT, FEATURES, matrix
from vio.energy.memory import homes, map_uses

DYNAMIC, COMPUTE, LINK, LEAK = "dynamic", "compute", "link", "leakage"
KINDS = (DYNAMIC, COMPUTE, LINK, LEAK)


class Line(NamedTuple):
    """One column of the matrix."""

    kind: str
    stage: str
    tensor: str
    level: str
    write: bool
    constant: str
    event: int
    joules: float  # per event
    bits: float  # moved per event
    accesses: float  # per event


class Bill:
    """A plan on a target, ready to price frames.

    Attributes:
        lines: (L,) Line. leak_w: power of the memories while nothing happens [W].
    """

    def __init__(self, plan, target, uses=None, work=None, homes_of=None):
        self.plan, self.target = plan, target
        uses = stages.uses(plan) if uses is None else uses
        work = stages.work(plan) if work is None else work
        self.home = homes(plan.tensors, target.levels) | (homes_of or {})
        for level in set(self.home.values()):
            if level is not Level.LINK:
                target.access(level, False)  # a level the target does not have is an error
        tensors = plan.tensors
        self.asked = np.zeros(len(FEATURES))
        for use in uses:
            self.asked[AT[use.event]] += (use.reads + use.writes) * tensors[use.tensor].bits / 8
        self.lines = list(self.memory_lines(uses)) + list(self.work_lines(work))
        self.lines.append(self.link_line())
        L = self.lines
        self.event = np.array([line.event for line in L])
        self.joules = np.array([line.joules for line in L])
        self.bits = np.array([line.bits for line in L])
        self.keys = sorted({line.constant for line in L})
        self.leaks = self.leakage()
        self.leak_w = sum(self.leaks.values())
        self.stage_names = list(dict.fromkeys(line.stage for line in L))
        self.stage_index = np.array([self.stage_names.index(line.stage) for line in L])
        self.kind_index = np.array([KINDS.index(line.kind) for line in L])
        self.on_chip = np.array([line.level in ON_CHIP for line in L])
        self.off_chip = np.array([line.level == Level.DRAM for line in L])
        self.rates = self.frame_rates()

    def memory_lines(self, uses):
        """Reads and writes at every level."""
        for a in map_uses(uses, self.plan.tensors, self.target.levels, self.home):
            constant = self.target.access(a.level, a.write)
            joules = a.accesses * constant.energy_j(a.bits, a.bank_bits)
            yield Line(
                DYNAMIC, a.stage, a.tensor, a.level.value, a.write, constant.key,
                AT[a.event], joules, a.accesses * a.bits, a.accesses,
            )  # fmt: skip

    def work_lines(self, work):
        """Arithmetic."""
        for item in work:
            for op, count in item.ops.items():
                constant = self.target.op(op)
                joules = count * constant.energy_j(constant.width_bits, 0)
                yield Line(
                    COMPUTE, item.stage, op.value, "compute", False, constant.key,
                    AT[item.event], joules, 0.0, count,
                )  # fmt: skip

    def link_line(self):
        """Pixels over the sensor's link."""
        constant = self.target.access(Level.LINK, False)
        return Line(
            LINK, "sensor", "pixels", Level.LINK.value, False, constant.key,
            AT["link_px"], constant.energy_j(8, 0), 8.0, 1.0,
        )  # fmt: skip

    def leakage(self) -> dict:
        """Power of each memory that leaks [W]: of what lives in it, or of all of a fixed one."""
        out = {}
        for spec in self.target.levels:
            key = self.target.leak_of.get(spec.level)
            if key is None:
                continue
            bits = spec.capacity_bits
            if self.target.sized[spec.level]:
                here = [t for t in self.plan.tensors.values() if self.home[t.name] is spec.level]
                bits = sum(t.total_bits for t in here)
            out[spec.level.value] = bits * self.target.constant(key).energy_j(1, 0)
        return out

    def price(self, events) -> np.ndarray:
        """Joules of every line for every frame, (F, L), of tallies (F, N_EVENTS)."""
        return matrix(events, self.plan)[:, self.event] * self.joules

    def moved_bits(self, events) -> np.ndarray:
        """Bits moved by every line for every frame, (F, L)."""
        return matrix(events, self.plan)[:, self.event] * self.bits

    def asked_bytes(self, events) -> np.ndarray:
        """Bytes the datapath reads and writes per frame, (F,)."""
        return matrix(events, self.plan) @ self.asked

    def uncertainty_j(self, joules, leak_j: float) -> float:
        """Standard deviation of a sum of lines (L,) [J] and of leakage from their constants."""
        variance = 0.0
        for key in self.keys:
            mine = sum(joules[i] for i, line in enumerate(self.lines) if line.constant == key)
            variance += (mine * self.target.constant(key).uncertainty) ** 2
        for level in self.leaks:
            key = self.target.leak_of[Level(level)]
            share = leak_j * self.leaks[level] / self.leak_w if self.leak_w else 0.0
            variance += (share * self.target.constant(key).uncertainty) ** 2
        return variance**0.5

    def frame_rates(self) -> np.ndarray:
        """The lines summed beforehand, (E, columns): what one frame alone is priced with.

        Columns: joules by stage, joules by kind, bytes by stage (in memories and over the link),
        bytes on the chip, in DRAM.
        """

        def summed(values, groups, count):
            out = np.zeros((len(FEATURES), count))
            np.add.at(out, (self.event, groups), values)
            return out

        stage, stages = self.stage_index, len(self.stage_names)
        moved = self.bits / 8 * [line.level != Level.REGISTER for line in self.lines]
        return np.hstack(
            [
                summed(self.joules, stage, stages),
                summed(self.joules, self.kind_index, len(KINDS)),
                summed(moved, stage, stages),
                summed(moved * self.on_chip, 0, 1),
                summed(moved * self.off_chip, 0, 1),
            ]
        )

    def price_frame(self, events_row, period_s: float) -> dict:
        """Small bill of one frame: joules by stage and kind, bytes by stage and place.

        Args:
            events_row: (N_EVENTS,) tallies. period_s: time since the frame before [s].
        """
        row = (matrix(events_row, self.plan)[0] @ self.rates).tolist()
        n, k = len(self.stage_names), len(KINDS)
        kinds = dict(zip(KINDS, row[n : n + k]))
        kinds[LEAK] = self.leak_w * period_s
        return {
            "energy_j": sum(kinds.values()),
            "by_stage_j": dict(zip(self.stage_names, row)),
            "by_kind_j": kinds,
            "by_stage_bytes": dict(zip(self.stage_names, row[n + k :])),
            "sram_bytes": row[-2],
            "dram_bytes": row[-1],
        }

    def bytes_by_place(self, events):
        """(on-chip, DRAM) bytes moved per frame, each (F,)."""
        moved = self.moved_bits(events) / 8
        return moved[:, self.on_chip].sum(axis=1), moved[:, self.off_chip].sum(axis=1)


def price_frame(events_row, timing, target: Bill) -> dict:
    """Bill of one frame for a live node.

    Args:
        events_row: (N_EVENTS,) tallies. timing: seconds since the frame before.
        target: a `Bill`, made once for the plan and target.
    """
    return target.price_frame(events_row, timing)
