"""The command `vio bench`."""

from pathlib import Path
from typing import Annotated

import typer

from vio.choices import Debug, Json, Quiet
from vio.console import errors, note, note_if_cold, progress_bar, show_parts

GROUPS = "accuracy, energy, memory, speed, traffic, scaling, robustness, startup"


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Two minutes, on what is small.")] = False,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit 1 if anything is worse than the baseline.")
    ] = False,
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Make these figures the baseline.")
    ] = False,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Render every recording that can be, and stop.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"Only this of {GROUPS}; repeat.")] = None,
    against: Annotated[
        str | None, typer.Option(help="Checkout or YAML file whose speed to compare with.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = Path("runs/bench"),
    data: Annotated[Path | None, typer.Option(help="Recordings; default VIO_SHARED_DATA.")] = None,
    rendered: Annotated[
        Path | None, typer.Option(help="Rendered ones; default VIO_RENDERED, else the cache.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=0, help="Processes, 0 for one per core.")] = 0,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
):
    """Measure accuracy, cost, robustness and start-up against a baseline.

    **Examples**

    - `vio bench --quick`
    - `vio bench --prepare --data recordings` (renders whole flights; go on after a stop)
    - `vio bench --only speed --against ../vio-before`
    - `vio bench --gate`
    """
    with errors(debug):
        from vio.bench import command

        silent = quiet or as_json
        places = command.places(data, rendered)
        if prepare:
            with progress_bar("rendering", silent) as progress:
                folders = command.prepare_all(places, jobs, progress)
            note(f"{len(folders)} recordings in {places.rendered}", silent)
            return
        note_if_cold(silent)
        with progress_bar("bench", silent, "steps") as progress:
            found, parts = command.run(
                places, out, jobs, quick, only or [], against, update_baseline,
                lambda line: note(line, silent), progress,
            )  # fmt: skip
        if not quiet:
            show_parts((found, parts), as_json)
        note(f"results in {out}", silent)
        if gate and found["worse"]:
            raise typer.Exit(1)
