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
