"""The rules of docs/architecture.md, checked on the source itself."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "vio"
MAX_LINES = 400

STAGE = {"types", "config", "events", "_jit", "geometry"}
CORE = STAGE | {"memory", "frontend", "imu", "window"}
OFFLINE = CORE | {"odometry", "sync", "io", "eval", "viz", "runfolder", "record", "warm", "energy"}
ALLOWED = {
    "__init__": set(),
    "types": set(),
    "_jit": set(),
    "config": {"types"},
    "events": {"types"},
    "geometry": {"types", "_jit"},
    "frontend": STAGE | {"memory", "imu"},
    "imu": STAGE | {"memory"},
    "memory": STAGE,
    "window": STAGE | {"memory", "imu"},
    "odometry": CORE | {"standing"},
    "sync": {"types"},
    "io": {"types", "config"},
    "eval": {"types"},
    "energy": {"types", "config", "events"},
    "viz": {"types", "config", "eval"},
    "sim": {"types", "config", "_jit", "geometry", "io"},
    "runfolder": {"types"},
    "record": {"types", "eval", "runfolder"},
    "warm": {"_jit"},
    "apart": {"_jit", "odometry"},
    "standing": {"types"},
    "replay": OFFLINE,
    "about": {"types", "_jit", "runfolder", "warm"},
    "report": {"types"},
    "console": {"types", "report", "runfolder", "warm"},
    "footprint": OFFLINE | {"replay"},
    "choices": set(),
    "bench": OFFLINE | {"replay", "footprint", "sim", "choices", "console"},
    "steps": OFFLINE | {"replay", "console"},
    "cli": OFFLINE
    | {
        "choices",
        "_jit",
        "sim",
        "replay",
        "about",
        "report",
        "console",
        "footprint",
        "steps",
        "bench",
        "ros",
    },
    "ros": OFFLINE | {"choices", "console"},
}
"""Unit (file or folder of vio/) -> units it may import; everyone may import itself."""

NO_TWIN = {
    "total": "a sum of eight; seen in project_patch",
    "is_bent": "a comparison; held to its meaning in test_patch",
    "project_bent": "project_patch through other warps, with the same twin",
    "_row": "the row numbers of the system; seen in add_factor and linearise_motion",
    "first_pose": "a minimum; seen in linearise",
    "_spread": "writes a column of a landmark's elimination; seen in linearise",
    "_subtract": "six rows of it; seen in linearise",
    "add_pairs": "sums of a host brought to their rows; seen in linearise",
    "to_body": "change of coordinates at the end; seen in linearise",
    "_turn_block": "one block of it; seen in linearise",
    "load_blocks": "the half of load_region for levels that stand for themselves",
    "load_finest": "the other half",
    "put_pixels": "four pixels of load_blocks",
    "put_details": "four pixels of load_finest",
    "solve_all": "solve, counted; seen in optimise",
    "add_squares": "a row's share of reduce_rows; seen there",
    "place": "a landmark read and stood; seen in reject, depths and fold_displaced",
    "apart": "a distance; seen in choose_keyframe",
    "shrink": "what leaves marked, turned into the prior, freed; its test does so one by one",
    "take_prior": "with `layout` and `assemble` before it is `marginalise` of test/naive",
    "copy": "its twin is the original; seen in optimise",
    "copy_row": "its twin is the original; seen in encode",
    "copy_state": "copies there and back; its test compares with the original",
}
"""Kernels without a slow twin in test/naive: name -> reason."""

FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
SKIPPED_FOLDERS = {".git", ".venv", "runs", "build", "install", "log", "dist", "__pycache__"}


def name_of(path):
    return str(path.relative_to(ROOT))


def unit_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree):
    """Dotted names a module imports anywhere in it, `from a import b` as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def decorated_kernels(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if any(isinstance(d, ast.Name) and d.id == "kernel" for d in node.decorator_list):
                yield node.name


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_follow_the_table(path):
    unit = unit_of(path)
    assert unit in ALLOWED, f"{unit}: enter it here and in docs/architecture.md"
    for name in imports(TREES[path]):
        parts = name.split(".")
        if parts[0] == "vio" and len(parts) > 1:
            target = parts[1]
            inside = (PACKAGE / target).is_dir() or (PACKAGE / f"{target}.py").is_file()
            allowed = target in ALLOWED[unit] | {unit} or not inside
            assert allowed, f"{unit} must not import vio.{target}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_special_packages_stay_in_their_place(path):
    roots = {name.split(".")[0] for name in imports(TREES[path])}
    assert "numba" not in roots or path.name == "_jit.py"
    assert "rclpy" not in roots or unit_of(path) == "ros"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_the_command_line_prints(path):
    calls = [n for n in ast.walk(TREES[path]) if isinstance(n, ast.Call)]
    prints = [n.lineno for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"]
    assert not prints or unit_of(path) == "cli", f"print( in lines {prints}"


def test_every_kernel_has_a_slow_twin():
    twins = set()
    for path in (ROOT / "test" / "naive").rglob("*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        twins |= {node.name for node in body if isinstance(node, ast.FunctionDef)}
    kernels = {name: path for path in FILES for name in decorated_kernels(TREES[path])}
    missing = {n: name_of(p) for n, p in kernels.items() if n not in twins and n not in NO_TWIN}
    assert not missing, f"no twin in test/naive and no reason in NO_TWIN: {missing}"
    assert not set(NO_TWIN) - set(kernels), "NO_TWIN names kernels that do not exist"
    assert all(NO_TWIN.values())


@pytest.mark.parametrize("path", FILES + sorted((ROOT / "test").rglob("*.py")), ids=name_of)
def test_files_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def text_files():
    kinds = {".py", ".md", ".yaml", ".xml", ".cfg", ".toml", ".txt", ""}
    for path in sorted(ROOT.rglob("*")):
        parts = set(path.relative_to(ROOT).parts)
        if path.is_file() and path.suffix in kinds and not parts & SKIPPED_FOLDERS:
            if not any(part.endswith(".egg-info") for part in parts):
                yield path


def test_no_path_of_a_machine_is_written_down():
    personal = re.compile(r"(?<![\w.$~}/-])/(home|Users|root|work|opt|mnt)/\w")
    for path in text_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found = personal.search(text)
        assert not found, f"{name_of(path)}: {text[found.start() : found.end() + 20]!r}"


def test_import_vio_is_light():
    assert not list(imports(TREES[PACKAGE / "__init__.py"]))
