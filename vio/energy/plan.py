"""What ran: sizes of images, tables and buffers, as plain data a run folder keeps.

`describe` turns a rig, its configuration and the arena's ledger into `ledger.json`;
`Plan` reads that. Pricing needs nothing else of a run but its events.
"""

import json
from pathlib import Path

from vio.energy.memory import Tensor
from vio.types import VioError

FILE = "ledger.json"
ITEM_BITS = {"1": 8, "2": 16, "4": 32, "8": 64}


def describe(rig, config, ledger, mono: bool = False) -> dict:
    """Plain description of an odometry, for `ledger.json`.

    Args:
        ledger: lines with name, shape, dtype (or bits per element), bytes and lifetime.
    """
    f = config.frontend
    cameras = rig.cameras[: 1 if mono else 2]
    return {
        "cameras": [[cam.width, cam.height] for cam in cameras],
        "rate_hz": rig.cam0.rate_hz,
        "reduce": f.reduce,
        "search_level": f.search_level,
        "level_bits": [f.finest_bits, f.second_bits, *[f.coarse_bits] * (f.levels - 2)],
        "template_bits": f.template_bits,
        "buffers": [
            {
                "name": line.name,
                "shape": [int(n) for n in line.shape],
                "bits": bits_of(line),
                "bytes": int(line.bytes),
                "lifetime": line.lifetime,
            }
            for line in ledger
        ],
    }


def bits_of(line) -> float:
    """Bits of what a kernel reads or writes at once in a line of the ledger: an array element."""
    return float(ITEM_BITS[line.dtype[-1]])


class Buffers(dict):
    """Name -> what is known of a buffer; a run of another version may not have had it."""

    def __missing__(self, name):
        raise VioError(f"{FILE}: no buffer '{name}'; run the recording again with this version")


class Plan:
    """Sizes the models are written in.

    Attributes:
        width, height: of level 0 of an image [px]. reduce: sensor's pixels along its sides.
        cameras: how many. rate_hz: of the frames.
        level_bits: bits of a pixel's code on each pyramid level, 8 = raw. template_bits: of one
            pixel of a template. search_level: level of the first stereo search.
        tensors: name -> Tensor; the buffers of the arena, the images as they arrive, and the
            calibration. shapes: name -> shape.
    """

    def __init__(self, tree: dict):
        self.reduce = int(tree["reduce"])
        width, height = (n // self.reduce for n in tree["cameras"][0])
        whole = 1 << (len(tree["level_bits"]) - 1)  # what fills no coarsest pixel is cut off
        self.width = width // max(whole, 8) * max(whole, 8)
        self.height = height // whole * whole
        self.cameras = len(tree["cameras"])
        self.rate_hz = float(tree["rate_hz"])
        self.search_level = int(tree["search_level"])
        self.level_bits, self.template_bits = list(tree["level_bits"]), int(tree["template_bits"])
        self.shapes, self.tensors, self.lifetime = Buffers(), Buffers(), {}
        for line in tree["buffers"]:
            shape = tuple(line["shape"])
            self.add(line["name"], shape, float(line["bits"]), line["lifetime"])
        halves = {"front": 0, "back": 0}  # their scratch lies over each other
        for line in tree["buffers"]:
            if line["lifetime"] in halves:
                halves[line["lifetime"]] += line["bytes"]
        self.arena_bytes = sum(line["bytes"] for line in tree["buffers"]) - min(halves.values())
        for cam in range(self.cameras):
            if f"image{cam}" not in self.tensors:
                shape = self.height * self.reduce, self.width * self.reduce
                self.add(f"image{cam}", shape, 8.0, "frame")
        self.add("calibration", (2, 40), 64.0, "run")

    def add(self, name, shape, bits, lifetime):
        """Enter a tensor."""
        elements = 1
        for n in shape:
            elements *= n
        self.shapes[name], self.lifetime[name] = shape, lifetime
        # A line buffer is one memory per line, so that its lines are read at once.
        lines = elements // shape[-1] if name.startswith("stream.") else 1
        self.tensors[name] = Tensor(name, elements, bits, lines)

    def size(self, name) -> int:
        """Elements of a tensor."""
        return self.tensors[name].elements

    @property
    def pixels(self) -> int:
        """Of level 0 of one image."""
        return self.width * self.height

    @property
    def sensor_pixels(self) -> int:
        """Of one image as it arrives."""
        return self.pixels * self.reduce**2


def load(folder) -> dict:
    """The description in a run folder; VioError if it has none."""
    path = Path(folder) / FILE
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        Plan(tree)
    except FileNotFoundError:
        raise VioError(f"{path}: not there; run the recording again with this version") from None
    except (ValueError, KeyError, TypeError) as error:
        raise VioError(f"{path}: not a ledger: {type(error).__name__}: {error}") from None
    return tree
