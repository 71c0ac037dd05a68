"""What a frame costs: time by stage, instructions and cache misses, memory, and how it grows."""

import shutil
from pathlib import Path

import numpy as np

from vio.bench import clip as clips
from vio.bench.cachegrind import per_frame
from vio.bench.clip import Build
from vio.config import load
from vio.footprint import PROFILES, uncompressed
from vio.memory.arena import arena_bytes
from vio.odometry import ledger
from vio.sim.rig import euroc_rig

FRAMES, QUICK_FRAMES, ROUNDS = 200, 80, 6
CURVES = {
    "features": ("frontend.max_features", (50, 100, 200, 400)),
    "window": ("window.max_keyframes", (5, 7, 10, 14)),
}
SCALES = (0.5, 0.71, 1.0)


def cases(session) -> list[tuple[str, Path, bool, tuple[str, ...]]]:
    """(name, recording, mono, settings) of what is timed."""
    recorded = session.places.recorded()
    if session.quick or not recorded:
        from vio.bench.accuracy import cases as flights

        first = flights(session)[0]
        recorded = {first.name: first.folder}
    out = []
    for name, folder in recorded.items():
        out.append((name, folder, False, ()))
        if not session.quick:
            out += [(f"{name} mono", folder, True, ()), (f"{name} nano", folder, False, ("nano",))]
    return out


def clip_of(session, name, folder, mono, frames) -> Path:
    """The clip of a case, made once."""
    path = session.out / "clips" / f"{name.replace(' ', '_')}.pickle"
    return path if path.is_file() else clips.make(folder, path, frames, mono)


def speed(session) -> dict:
    """Time per frame of A, and A over B, in turns; B is --against, or the uncompressed build."""
    out, stages = {}, {}
    for name, folder, mono, settings in cases(session):
        clip = clip_of(session, name, folder, mono, QUICK_FRAMES if session.quick else FRAMES)
        a = Build("A", settings)
        b = (session.against or Build("uncompressed", raw_settings())).over(settings)
        first, second = clips.compare(clip, [a, b], ROUNDS)
        session.progress(len(stages) + 1, len(cases(session)))
        times = first["frame_ms"]
        out[f"{name}/cpu_ms"] = times.mean()
        out[f"{name}/cpu_ms_p99"] = np.percentile(times, 99)
        for stage, values in first["stages_ms"].items():
            out[f"{name}/cpu_ms_{stage}"] = values.mean()
        out[f"{name}/ratio"] = times.mean() / second["frame_ms"].mean()
        stages[name] = {
            build: {s: float(v.mean()) for s, v in told["stages_ms"].items()}
            for build, told in (("A", first), (b.name, second))
        }
    session.detail["speed"] = stages
    shutil.rmtree(session.out / "clips", ignore_errors=True)
    return out


def raw_settings() -> tuple[str, ...]:
    """Settings that switch every compression off."""
    groups = uncompressed().items()
    return tuple(f"{g}.{key}={value}" for g, values in groups for key, value in values.items())


def memory(session) -> dict:
    """Arena of every profile, and the peak of a process that only flies."""
    rig = euroc_rig()
    out = {f"{p}/arena_bytes": arena_bytes(ledger(rig, load([p]))) for p in PROFILES}
    name, folder, mono, settings = cases(session)[0]
    small = session.out / "clips" / "memory.pickle"
    clips.make(folder, small, 30, mono)
    peaks = [clips.fly(small, Build("A", settings))["peak_kb"] for _ in range(2)]
    out[f"{name}/peak_rss_mb"] = min(peaks) * 1024 / 1e6  # the first may have had to compile
    small.unlink()
    return out


def traffic(session) -> dict:
    """Instructions and last-level misses of a frame, counted by a simulated processor."""
    if shutil.which("valgrind") is None:
        session.say("traffic: valgrind is not installed, nothing counted")
        return {}
    out = {}
    for name, folder, mono, settings in cases(session):
        clip = clip_of(session, name, folder, mono, FRAMES)
        found = per_frame(clip, Build("A", settings), session.out, session.jobs)
        session.progress(len(out) // 2 + 1, len(cases(session)))
        out[f"{name}/instructions_m"] = found["instructions"] / 1e6
        out[f"{name}/miss_mb"] = found["miss_bytes"] / 1e6
    return out


def scaling(session) -> dict:
    """Exponents of the time per frame over features, window and pixels."""
    name, folder, mono, settings = cases(session)[0]
    curves = {}
    clip = clips.make(folder, session.out / "clips" / "scaling.pickle", FRAMES // 2, mono)
    for curve, (setting, values) in CURVES.items():
        room = room_for(curve, max(values))
        builds = [Build(str(v), (*settings, *room, f"{setting}={v}")) for v in values]
        told = clips.compare(clip, builds, 2)
        curves[curve] = [(float(v), float(t["frame_ms"].mean())) for v, t in zip(values, told)]
        session.progress(len(curves), 3)
    points = []
    for scale in SCALES:
        clips.make(folder, clip, FRAMES // 2, mono, scale)
        [told] = clips.compare(clip, [Build("A", settings)], 2)
        points.append((scale**2 * 752 * 480, float(told["frame_ms"].mean())))
    curves["pixels"] = points
    session.progress(3, 3)
    clip.unlink()
    fits = {curve: exponent(points) for curve, points in curves.items()}
    session.detail["scaling"] = {"curves": curves, "exponents": fits}
    return {f"{curve}/exponent": value for curve, value in fits.items()}


def room_for(curve: str, largest: int) -> tuple[str, ...]:
    """Settings that let a curve reach its end."""
    return (f"window.max_landmarks={largest + largest // 4}",) if curve == "features" else ()


def exponent(points) -> float:
    """k of the power law y = c x^k through points (x, y), least squares of the logarithms."""
    x, y = np.log(np.array(points)).T
    return float(np.polyfit(x, y, 1)[0])
