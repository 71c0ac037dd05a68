"""Settings: overlay, errors that name the cure, and round trips."""

import dataclasses

import pytest

from vio.config import Config, config_folder, docs_table, dump, find_file, flatten, load
from vio.types import VioError


def first_integer():
    """An integer setting other than the seed, whichever it is."""
    return next(
        (name, spec)
        for name, value, spec in flatten(Config())
        if type(value) is int and "." in name
    )


def test_defaults_are_within_their_own_ranges():
    assignments = [f"{name}={value}" for name, value, _ in flatten(Config())]
    assert load(assignments=assignments) == Config()


def test_every_setting_is_documented():
    for name, _, spec in flatten(Config()):
        assert spec.metadata["doc"] and spec.metadata["unit"], name
        assert f"`{name}`" in docs_table()


def test_dump_reads_back(tmp_path):
    path = tmp_path / "c.yaml"
    config = load(assignments=["seed=7"])
    path.write_text(dump(config))
    assert load([path]) == config


def test_later_files_and_assignments_win(tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.yaml").write_text(f"seed: {seed}\n")
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    assert load(files).seed == 2
    assert load(files, ["seed=3"]).seed == 3


def test_ros_parameter_file_is_understood(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("/**:\n  ros__parameters:\n    vio: {seed: 5}\n    frame: odom\n")
    assert load([path]).seed == 5
    path.write_text("/**:\n  ros__parameters: {vio.seed: 6, vio.window.max_keyframes: 4}\n")
    assert load([path]).seed == 6 and load([path]).window.max_keyframes == 4
    path.write_text("/**:\n  ros__parameters:\n")
    assert load([path]) == Config()


@pytest.mark.parametrize(
    "text, message",
    [
        ("sed: 1", "did you mean 'seed'"),
        ("seed: one", "wants int"),
        ("seed: true", "wants int"),
        ("seed: -1", r"in \[0"),
        ("- 1", "mapping"),
        ("a: [", "not valid YAML"),
        ("frontend: 3", "group"),
        ("a: {ros__parameters: 3}", "groups"),
        ("a: {ros__parameters: {vio: 3}}", "groups"),
        ("a: {ros__parameters: {vio.sed: 3}}", "did you mean 'seed'"),
    ],
)
def test_a_bad_file_is_one_line_with_its_name(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(VioError, match=message) as caught:
        load([path])
    assert "bad.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_range_is_inclusive_and_names_the_limits():
    name, spec = first_integer()
    lo, hi = spec.metadata["lo"], spec.metadata["hi"]
    load(assignments=[f"{name}={lo}", f"{name}={hi}"])
    with pytest.raises(VioError, match=str(hi)):
        load(assignments=[f"{name}={hi + 1}"])


def test_a_float_may_be_written_as_integer_or_exponent():
    name, spec = next(
        (n, s) for n, v, s in flatten(Config()) if type(v) is float and s.metadata["lo"] is not None
    )
    value = float(spec.metadata["hi"])
    assert load(assignments=[f"{name}={value:.6e}"]) == load(assignments=[f"{name}={value}"])


def test_assignment_without_value_is_refused():
    with pytest.raises(VioError, match="section.key=value"):
        load(assignments=["seed"])
    with pytest.raises(VioError, match=r"--set seed=\[1: .* section.key=value"):
        load(assignments=["seed=[1"])


def test_built_in_files_load_by_name():
    for path in config_folder().glob("*.yaml"):
        assert find_file(path.stem) == path
        load([path.stem])
    with pytest.raises(VioError, match="euroc"):
        find_file("no_such_file")


def test_config_cannot_be_changed_by_accident():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().seed = 1
