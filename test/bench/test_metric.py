"""Rules, bars, baseline and gate."""

import json

import pytest

from vio.bench.command import baseline_file
from vio.bench.metric import BARS, Baseline, Metric
from vio.bench.report import number, tables, tree
from vio.types import VioError

ATE = "accuracy/mh01_real/ate_m"


def test_every_metric_of_the_baseline_has_a_rule_and_a_finite_value():
    for name, value in Baseline.load(baseline_file()).values.items():
        assert Metric(name, value).rule.unit and value == value, name


def test_every_bar_belongs_to_a_rule():
    for pattern in BARS:
        assert Metric(pattern, 0.0).rule, pattern


def test_an_unknown_name_is_a_defect():
    with pytest.raises(KeyError, match="no rule"):
        Metric("beauty/all/stars", 5.0).rule  # noqa: B018


@pytest.mark.parametrize(
    "name, value, base, worse",
    [
        (ATE, 0.0109, 0.010, False),
        (ATE, 0.0112, 0.010, True),
        (ATE, 0.0104, 0.010, False),
        (ATE, 0.005, 0.010, False),
        (ATE, None, 0.010, True),
        (ATE, 0.02, None, False),
        ("accuracy/x/coverage", 0.98, 1.0, True),
        ("accuracy/x/coverage", 1.0, 0.9, False),
        ("robustness/x/failed", 1.0, 0.0, True),
        ("memory/default/arena_bytes", 381600, 381538, False),
    ],
)
def test_worse_means_by_more_than_the_tolerance(name, value, base, worse):
    assert Metric(name, value).is_worse(base) is worse


def test_bars():
    assert Metric(ATE, 0.008).meets_bar() is True
    assert Metric(ATE, 0.0081).meets_bar() is False
    assert Metric("accuracy/x/coverage", 0.9).meets_bar() is False
    assert Metric("speed/x/cpu_ms_window", 3.0).meets_bar() is None


def test_baseline_round_trip(tmp_path):
    file = tmp_path / "bench" / "baseline.json"
    old = Baseline({"energy/a/mcu": 1.0, ATE: 0.1}, "one")
    old.renewed([Metric(ATE, 0.0123456789), Metric("speed/a/ratio", None)], "two").save(file)
    assert Baseline.load(file) == Baseline({"energy/a/mcu": 1.0, ATE: 0.0123457}, "two")
    assert Baseline.load(tmp_path / "absent.json").values == {}
    file.write_text("{}")
    with pytest.raises(VioError, match="update-baseline"):
        Baseline.load(file)


def test_times_of_another_processor_are_not_compared():
    baseline = Baseline({"speed/a/cpu_ms": 1.0, ATE: 0.1}, "one")
    assert baseline.of(Metric("speed/a/cpu_ms", 9.0), "one") == 1.0
    assert baseline.of(Metric("speed/a/cpu_ms", 9.0), "two") is None
    assert baseline.of(Metric(ATE, 9.0), "two") == 0.1


def test_report_names_what_is_worse_and_what_is_short():
    baseline = Baseline({ATE: 0.005, "speed/a/ratio": 1.0}, "cpu")
    metrics = [Metric(ATE, 0.009), Metric("speed/a/ratio", 1.01), Metric("speed/b/cpu_ms", 4.0)]
    found = tree(metrics, baseline, "cpu", {})
    assert found["worse"] == [ATE] and found["missed"] == [ATE]
    assert json.loads(json.dumps(found)) == found
    table, last = tables(found, {})
    assert table.row_count == 3 and "1 worse" in last
    assert number(None) == "-" and number(0.0123456) == "0.01235"
