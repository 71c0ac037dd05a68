"""The `vio` command. Arguments are checked before anything slow is imported."""

import gc
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from vio.choices import (
    MAX_S,
    Align,
    Calibration,
    Configs,
    Debug,
    Json,
    Mono,
    Out,
    Profile,
    Quiet,
    Seconds,
    Settings,
    Start,
    Topics,
)
from vio.console import errors, kernel_bar, note, note_if_cold, progress_bar, show, show_parts
from vio.steps import load_config, opened, read_truth, replay
from vio.types import VioError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root():
    """Stereo visual-inertial odometry: images and IMU in, a trajectory and its bill out.

    **Start here:** `vio demo`, then `vio run DATASET`.
    """


@app.command()
def run(
    dataset: Annotated[Path, typer.Argument(help="EuRoC folder, ROS 1 .bag or rosbag2 folder.")],
    config: Configs = None,
    assignments: Settings = None,
    mono: Mono = False,
    calibration: Calibration = None,
    topics: Topics = None,
    start: Start = 0.0,
    seconds: Seconds = None,
    out: Out = None,
    rerun: Annotated[bool, typer.Option("--rerun", help="Watch live (extra `viz`).")] = False,
    target: Annotated[
        str | None, typer.Option(help="Price every frame on this energy target.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
):
    """Run the odometry over a recording and write a run folder.

    **Examples**

    - `vio run MH_01_easy`
    - `vio run MH_01_easy --start 40 --seconds 20 --out runs/mh01`
    - `vio run MH_01_easy.bag --mono --config fast --set window.max_keyframes=5`
    - `vio run flight.bag --calibration camchain-imucam.yaml --topic imu=/imu/data`
    - `vio run flight --target navion65`
    """
    with errors(debug):
        settings = load_config(config, assignments)
        source = opened(dataset, mono, calibration, topics)
        view = None
        if rerun:
            from vio.viz.rerun_view import RerunView

            view = RerunView(source.name)
        if target:
            from vio.energy.table import load

            load(target)
        replay(source, settings, out, start, seconds, mono, view, as_json, quiet, target=target)


@app.command("eval")
def evaluate(
    estimate: Annotated[Path, typer.Argument(help="Trajectory, TUM format.")],
    groundtruth: Annotated[Path, typer.Argument(help="TUM file, EuRoC csv or a recording.")],
    align: Annotated[Align, typer.Option(help="Alignment before the ATE.")] = Align.se3,
    tolerance: Annotated[
        float, typer.Option(min=0, max=MAX_S, help="Largest stamp difference [s].")
    ] = 0.01,
    interpolate: Annotated[
        bool, typer.Option("--interpolate", help="Evaluate the truth at the estimate's stamps.")
    ] = False,
    calibration: Calibration = None,
    topics: Topics = None,
    as_json: Json = False,
    debug: Debug = False,
):
    """Compare a trajectory with ground truth.

    **Examples**

    - `vio eval runs/latest/trajectory.tum MH_01_easy`
    - `vio eval estimate.tum truth.tum --align yaw --json`
    """
    with errors(debug):
        from vio.eval import metrics
        from vio.eval.trajectory import Trajectory, from_truth
        from vio.io.tum import read_tum

        poses = Trajectory(*read_tum(estimate))
        truth = from_truth(read_truth(groundtruth, calibration, topics))
        if truth is None:
            raise VioError(f"{groundtruth}: no ground truth in it; name a file that has it")
        try:
            figures = metrics.evaluate(poses, truth, align.value, tolerance, interpolate)
        except VioError as error:
            raise VioError(f"{estimate}, {groundtruth}: {error}") from None
        show(figures, estimate.name, as_json)


@app.command()
def energy(
    run_dirs: Annotated[list[Path] | None, typer.Argument(help="Run folders, saved runs.")] = None,
    target: Annotated[str, typer.Option(help="Energy target, name or file.")] = "navion65",
    compare: Annotated[
        list[str] | None, typer.Option(help="Further targets, side by side; repeat.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Folder to draw pictures into.")] = None,
    validate: Annotated[
        bool, typer.Option("--validate", help="Check the model and print published anchors.")
    ] = False,
    constants: Annotated[
        Path | None, typer.Option(help="Renew the table of constants in this page, and stop.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
):
    """Price a saved run: memory traffic and joules of every stage on a target.

    **Examples**

    - `vio energy runs/latest`
    - `vio energy runs/latest --target navion65 --compare asic28 --compare cortex_a_lpddr4`
    - `vio energy runs/a runs/b --plot pictures`
    """
    with errors(debug):
        from vio.energy import command

        if constants is not None:
            from vio.energy.docs import renewed

            constants.write_text(renewed(constants.read_text(encoding="utf-8")), encoding="utf-8")
            return
        if not run_dirs and not validate:
            raise VioError("name a run folder, or use --validate")
        folders = run_dirs or []
        show_parts(command.run(folders, target, compare or [], plot, validate), as_json)


@app.command()
def sim(
    out: Annotated[Path, typer.Argument(help="Folder to write the sequence to.")],
    profile: Annotated[Profile, typer.Option(help="Kind of motion.")] = Profile.gentle,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="Length [s].")] = 20.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of motion, world and noise.")] = 0,
    dark: Annotated[bool, typer.Option("--dark", help="Low light.")] = False,
    blur: Annotated[bool, typer.Option("--blur", help="Motion blur.")] = False,
    speed: Annotated[float, typer.Option(min=0, help="Scale of the motion; 0 stands still.")] = 1.0,
    trajectory: Annotated[
        Path | None, typer.Option(help="Fly this recorded trajectory (TUM file).")
    ] = None,
    imu: Annotated[Path | None, typer.Option(help="Recorded IMU that belongs to it (csv).")] = None,
    camera_stamps: Annotated[
        Path | None, typer.Option(help="Recorded camera stamps [ns], one per line.")
    ] = None,
    start: Start = 0.0,
    quiet: Quiet = False,
    debug: Debug = False,
):
    """Render a stereo-inertial sequence with exact ground truth, as an EuRoC folder.

    **Examples**

    - `vio sim sequences/gentle`
    - `vio sim sequences/night --profile aggressive --dark --blur --seed 3`
    - `vio sim sequences/v101 --trajectory groundtruth.tum --imu imu.csv`
    """
    with errors(debug):
        from vio.sim import SimSpec, render_sequence

        spec = SimSpec(
            profile=profile.value,
            seconds=seconds,
            seed=seed,
            dark=dark,
            blur=blur,
            trajectory=trajectory,
            imu=imu,
            camera_stamps=camera_stamps,
            start_s=start,
            speed=speed,
        )
        with progress_bar("rendering", quiet) as progress:
            folder = render_sequence(out, spec, progress)
        note(f"sequence in {folder}", quiet)


@app.command()
def demo(
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
):
    """Render a built-in 20 s flight (once), run it and draw what happened.

    **Examples**

    - `vio demo`
    - `vio demo --out runs/demo`
    """
    with errors(debug):
        from vio._jit import cache_root
        from vio.sim import SimSpec, render_sequence
        from vio.sim.spec import RENDERER
        from vio.viz.view import PlotView

        spec = SimSpec(profile="gentle", seconds=20.0, seed=0)
        cached = cache_root() / "sequences" / f"demo-{RENDERER}"
        if not cached.exists():
            note("rendering the demo flight (a minute or two, once)", quiet or as_json)
        with progress_bar("rendering", quiet or as_json) as progress:
            folder = render_sequence(cached, spec, progress)
        source = opened(folder, mono=False)
        view = PlotView(source.truth)
        settings = load_config(None, None)
        target = replay(source, settings, out, 0.0, None, False, view, as_json, quiet, name="demo")
        for picture in ("trajectory.png", "features.png"):
            if (target / picture).exists():
                note(f"picture in {target / picture}", quiet or as_json)


@app.command()
def memory(
    config: Configs = None,
    assignments: Settings = None,
    mono: Mono = False,
    dataset: Annotated[
        Path | None, typer.Option(help="Recording whose rig counts; default EuRoC's sensor.")
    ] = None,
    ablate: Annotated[
        Path | None, typer.Option(help="Run this recording with each technique off in turn.")
    ] = None,
    seconds: Seconds = None,
    profiles: Annotated[
        bool, typer.Option("--profiles", help="Print the built-in profiles as Markdown only.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
):
    """Show the ledger of the arena: every buffer, its format, who writes and who reads it.

    **Examples**

    - `vio memory`
    - `vio memory --config nano --json | jq .total_bytes`
    - `vio memory --ablate MH_01_easy --seconds 14`
    """
    with errors(debug):
        from vio import footprint

        settings = load_config(config, assignments)
        if ablate is None:
            from vio.sim.rig import euroc_rig

            rig = opened(dataset, mono).rig if dataset else euroc_rig()
            if profiles:
                sys.stdout.write(footprint.markdown(rig))
                return
            show_parts(footprint.memory(rig, settings, mono), as_json)
            return
        silent = quiet or as_json
        source = opened(ablate, mono)
        note_if_cold(silent)
        note("formats that have not run before are compiled first", silent)
        with progress_bar("frames", silent) as progress:
            found = footprint.ablation(source, settings, seconds, mono, progress)
        show_parts(found, as_json)


@app.command()
def info(
    dataset: Annotated[Path | None, typer.Argument(help="Also show this recording's rig.")] = None,
    mono: Mono = False,
    calibration: Calibration = None,
    topics: Topics = None,
    config_table: Annotated[
        bool, typer.Option("--config-table", help="Print docs/configuration.md and nothing else.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
):
    """Show versions, the kernel cache and a recording's calibration.

    **Examples**

    - `vio info`
    - `vio info MH_01_easy`
    - `vio info --config-table > docs/configuration.md`
    """
    with errors(debug):
        if config_table:
            from vio.config import docs_table

            sys.stdout.write(docs_table())
            return
        from vio.about import describe

        facts = describe(opened(dataset, mono, calibration, topics) if dataset else None)
        if as_json:
            sys.stdout.write(json.dumps(facts, indent=2) + "\n")
        else:
            import yaml

            sys.stdout.write(yaml.safe_dump(facts, sort_keys=False, default_flow_style=None))


@app.command()
def warmup(quiet: Quiet = False, debug: Debug = False):
    """Compile every kernel now, so that the first run does not have to.

    **Examples**

    - `vio warmup`
    """
    with errors(debug):
        import time

        note_if_cold(quiet)
        from vio.config import Config
        from vio.odometry import Odometry
        from vio.sim.rig import euroc_rig
        from vio.warm import warm_up

        began = time.perf_counter()
        with kernel_bar(quiet) as compiling:
            warm_up(Odometry(euroc_rig(), Config()), compiling)
        note(f"kernels ready after {time.perf_counter() - began:.1f} s", quiet)


def main():
    """Entry point of the console script."""
    from vio.bench.cli import bench
    from vio.ros.cli import app as ros

    gc.set_threshold(100_000)  # starting makes many objects and hardly any garbage
    app.command()(bench)
    app.add_typer(ros, name="ros")
    app()


if __name__ == "__main__":
    main()
