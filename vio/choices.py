"""Options that several commands share, and the words they offer to choose from."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print only JSON on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar and no table.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="Run folder; default `runs/<name>-<time>`.")
]
Configs = Annotated[
    list[Path] | None, typer.Option("--config", "-c", help="YAML over the defaults; repeat.")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="One setting, `section.key=value`; repeat.")
]
MAX_S = 1e6
"""Longest time that can be asked for [s]: eleven days."""

Start = Annotated[float, typer.Option(min=0, max=MAX_S, help="Begin this many seconds in.")]
Seconds = Annotated[
    float | None, typer.Option(min=0, max=MAX_S, help="Stop after this many seconds.")
]
Calibration = Annotated[
    Path | None, typer.Option(help="Calibration, file or folder; default: beside the recording.")
]
Topics = Annotated[
    list[str] | None,
    typer.Option(
        "--topic", help="Topic of a bag, `cam0=/left`; of cam0, cam1, imu, truth; repeat."
    ),
]
Mono = Annotated[bool, typer.Option("--mono", help="Use the left camera only.")]


class Profile(str, Enum):
    """Motions of the simulator."""

    hover = "hover"
    gentle = "gentle"
    aggressive = "aggressive"
    rover = "rover"


class Align(str, Enum):
    """Alignments before the absolute error."""

    se3 = "se3"
    yaw = "yaw"
    sim3 = "sim3"
    none = "none"
