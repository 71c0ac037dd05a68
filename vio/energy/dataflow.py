"""Ways to lay the same events out in memory: streamed or not, packed or raw, on chip or off.

A target names its own way; the others answer what each idea saves.
"""

from typing import NamedTuple

from vio.energy import stages
from vio.energy.actions import Level
from vio.energy.features import dense
from vio.energy.memory import Tensor, sequential
from vio.energy.plan import Plan
from vio.energy.price import Bill


class Dataflow(NamedTuple):
    """What of the three ideas is used.

    Attributes:
        stream: rows of the image go through line buffers as they arrive; else the image is
            written to a memory first and every level of it kept whole while it is encoded.
        packed: frames and templates in their packed formats; else 8 bit per pixel.
        sparse: frames that do not see a landmark are skipped, triangles stored once.
        off_chip: frames live in DRAM.
    """

    stream: bool = True
    packed: bool = True
    sparse: bool = True
    off_chip: bool = False


def bill(tree: dict, target, flow: Dataflow | None = None) -> Bill:
    """The Bill of a described run on a target in a dataflow; None is the target's own."""
    flow = flow or Dataflow(stream=target.stream)
    plan = Plan(tree if flow.packed else raw(tree))
    if not flow.sparse:
        for name, rows in (("system.H", "system.b"), ("prior.L", "prior.r")):
            plan.tensors[name] = plan.tensors[name]._replace(elements=plan.size(rows) ** 2)
    uses = stages.uses(plan)
    images = [f"image{cam}" for cam in range(plan.cameras)]
    if flow.stream:
        uses = [use for use in uses if use.tensor not in images]  # from the link to the lines
    else:
        for cam, name in enumerate(images):
            uses.append(sequential("sensor", name, f"cam{cam}", writes=plan.sensor_pixels))
        if target.whole_levels:
            whole_levels(plan)
    homes = {}
    if flow.off_chip:
        homes = {n: Level.DRAM for n in plan.tensors if n.startswith(("frame", "image"))}
    if flow.stream:
        homes |= dict.fromkeys(images, Level.LINK)  # nowhere: no memory leaks for them
    return Bill(plan, target, uses, homes_of=homes)


def tallies(events, flow: Dataflow):
    """The tallies a dataflow works through."""
    return events if flow.sparse else dense(events)


def whole_levels(plan):
    """Without streaming the lines and rings are whole levels, each one memory."""
    levels = sum(plan.pixels >> (2 * k) for k in range(1, len(plan.level_bits)))
    for name, elements in (("stream.lines", plan.pixels), ("stream.rings", levels)):
        plan.tensors[name] = Tensor(name, elements, 8.0)


def raw(tree: dict) -> dict:
    """The description of the same odometry with 8 bit per pixel everywhere."""
    levels = len(tree["level_bits"])
    width, height = (n // tree["reduce"] for n in tree["cameras"][0])
    buffers = []
    for line in tree["buffers"]:
        name, shape = line["name"], list(line["shape"])
        if name.startswith("frame"):
            shape = [sum((width >> k) * (height >> k) for k in range(levels))]
        elif name == "track.template":
            shape = [*shape[:2], 100]
        count = 1
        for n in shape:
            count *= n
        buffers.append(line | {"shape": shape, "bytes": int(count * line["bits"] / 8)})
    return tree | {"level_bits": [8] * levels, "template_bits": 8, "buffers": buffers}


ABLATIONS = {
    "as built": Dataflow(),
    "without compression": Dataflow(packed=False),
    "without sparsity": Dataflow(sparse=False),
    "without streaming": Dataflow(stream=False),
    "without all three": Dataflow(stream=False, packed=False, sparse=False),
}
"""Rows of the table of what each idea saves."""
OFF_CHIP = {
    "frames in DRAM": Dataflow(off_chip=True),
    "frames in DRAM, without compression": Dataflow(off_chip=True, packed=False),
    "frames in DRAM, without streaming": Dataflow(off_chip=True, stream=False),
    "frames in DRAM, without either": Dataflow(off_chip=True, stream=False, packed=False),
}
"""More rows for a target that has DRAM."""
