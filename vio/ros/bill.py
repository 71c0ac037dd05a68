"""The bill of one frame: what it did, in which bytes, at what energy.

The one place where an energy model plugs in: give `price` the tallies, get bytes and joules by
stage. Without a model there are tallies and the bytes that are known for certain; a joule that
nobody has computed is not sent.
"""

from vio.events import NAMES


def price(counts) -> dict:
    """Bytes and microjoules by stage, `{"<stage>_bytes": .., "<stage>_uj": ..}`.

    Args:
        counts: (N_EVENTS,) int64 tallies of one frame.
    """
    return {}


def of_frame(t_ns: int, counts, arena_bytes: int, laps_ns: dict) -> dict:
    """Everything known of one frame, in a fixed order, for the topic `vio/bill`.

    Args:
        laps_ns: CPU time by stage [ns].
    """
    bill = {"stamp_s": t_ns * 1e-9, "arena_bytes": arena_bytes}
    bill["sensor_bytes"] = int(counts[NAMES.index("sensor_px")])  # gray, one byte a pixel
    bill.update({f"{stage}_cpu_us": lap * 1e-3 for stage, lap in laps_ns.items()})
    bill.update(price(counts))
    bill.update({f"n_{name}": int(count) for name, count in zip(NAMES, counts)})
    return bill
