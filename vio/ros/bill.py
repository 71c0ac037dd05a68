"""The bill of one frame: what it did, in which bytes, at what energy.

Tallies and CPU time are measured; bytes and joules by stage are vio/energy's model of a target.
"""

from vio.energy import dataflow, plan, table
from vio.energy.price import price_frame
from vio.events import NAMES, arrived_px
from vio.memory.arena import arena_bytes
from vio.odometry import ledger

MICRO = 1e6
SUMMED = ("_bytes", "_uj", "_cpu_us")
"""Endings of what is worth a mean over frames."""


class Biller:
    """Writes the bill of each frame of a node.

    Args:
        rig, config: of the odometry.
        target: name or file of an energy target; "" for a bill without joules.

    Raises:
        VioError: no such target, or a fault in its file.
    """

    def __init__(self, rig, config, target: str):
        lines = ledger(rig, config)
        self.target, self.arena_bytes = target, arena_bytes(lines)
        self.nominal_s, self.last_ns, self.model = 1.0 / rig.cam0.rate_hz, None, None
        if target:
            self.model = dataflow.bill(plan.describe(rig, config, lines), table.load(target))

    def of_frame(self, t_ns: int, counts, laps_ns: dict) -> dict:
        """Everything known of one frame, in a fixed order, for the topic `vio/bill`.

        Args:
            counts: (N_EVENTS,) int64 tallies. laps_ns: CPU time by stage [ns].
        """
        bill = {"stamp_s": t_ns * 1e-9}
        bill["sensor_bytes"] = int(arrived_px(counts))  # gray, one byte a pixel
        bill.update({f"{stage}_cpu_us": lap * 1e-3 for stage, lap in laps_ns.items()})
        if self.model is not None:
            bill.update(flat(price_frame(counts, self.period_s(t_ns), self.model)))
        bill.update({f"n_{name}": int(count) for name, count in zip(NAMES, counts)})
        return bill

    def report(self) -> dict:
        """What is the same for every frame, for /diagnostics."""
        return {"arena_bytes": self.arena_bytes, "energy_target": self.target or "none"}

    def period_s(self, t_ns: int) -> float:
        """Time since the frame before, while memories leak; the nominal one after a jump back."""
        last_ns, self.last_ns = self.last_ns, t_ns
        gone = last_ns is not None and t_ns > last_ns
        return (t_ns - last_ns) * 1e-9 if gone else self.nominal_s


def flat(priced: dict) -> dict:
    """A priced frame as names with units: totals, then energy by kind and stage, then bytes."""
    return {
        "energy_uj": priced["energy_j"] * MICRO,
        "sram_bytes": priced["sram_bytes"],
        "dram_bytes": priced["dram_bytes"],
        **{f"{kind}_uj": joules * MICRO for kind, joules in priced["by_kind_j"].items()},
        **{f"{stage}_uj": joules * MICRO for stage, joules in priced["by_stage_j"].items()},
        **{f"{stage}_bytes": moved for stage, moved in priced["by_stage_bytes"].items()},
    }
