"""Parts sum to totals, targets are complete, and pricing is fast."""

import time

import numpy as np
import pytest
import yaml
from energy.runs import events, plan

from vio.energy import report, table
from vio.energy.actions import Level, Op
from vio.energy.price import KINDS, Bill, price_frame
from vio.events import arrived_px
from vio.types import VioError

PLAN = plan()


@pytest.fixture(params=table.names())
def bill(request):
    return Bill(PLAN, table.load(request.param))


def test_parts_sum_to_totals(bill):
    rows, period = events(), 0.05
    figures = report.summary(bill, rows, period)
    total = figures["energy_j"]["mean"]
    by_stage = sum(sum(row.values()) for row in figures["by_stage_j"].values())
    assert np.isclose(by_stage, total, rtol=1e-12)
    assert np.isclose(sum(figures["by_kind_j"].values()), total, rtol=1e-12)
    assert np.isclose(figures["power_w"] * period, total, rtol=1e-12)
    frames = bill.price(rows).sum(axis=1) + bill.leak_w * period
    assert np.isclose(frames.mean(), total, rtol=1e-12)
    assert figures["energy_j"]["p50"] <= figures["energy_j"]["p99"] <= figures["energy_j"]["max"]
    assert 0 < figures["energy_std_j"] < total


def test_one_frame_alone_costs_what_it_costs_in_a_run(bill):
    rows = events()
    all_frames = bill.price(rows).sum(axis=1) + bill.leak_w * 0.05
    small = price_frame(rows[7], 0.05, bill)
    assert np.isclose(small["energy_j"], all_frames[7], rtol=1e-12)
    assert np.isclose(sum(small["by_kind_j"].values()), all_frames[7], rtol=1e-12)
    assert list(small["by_kind_j"]) == list(KINDS)
    stages = sum(small["by_stage_j"].values()) + small["by_kind_j"]["leakage"]
    assert np.isclose(stages, all_frames[7], rtol=1e-12)
    sram, dram = bill.bytes_by_place(rows)
    assert np.allclose([small["sram_bytes"], small["dram_bytes"]], [sram[7], dram[7]], rtol=1e-12)
    places = sram[7] + dram[7] + arrived_px(rows[7])  # the last over the link
    assert np.isclose(sum(small["by_stage_bytes"].values()), places, rtol=1e-12)


def test_pricing_is_fast(bill):
    rows = events(600)
    began = time.thread_time()
    report.summary(Bill(PLAN, bill.target), rows, 0.05)
    assert time.thread_time() - began < 2.0
    began = time.thread_time()
    for row in rows[:100]:
        price_frame(row, 0.05, bill)
    assert (time.thread_time() - began) / 100 < 1e-3


def test_what_a_target_lacks_is_an_error():
    target = table.load("navion65")
    with pytest.raises(VioError, match="no level 'dram'"):
        target.access(Level.DRAM, False)
    del target.constants["op.mul_f64"]
    with pytest.raises(VioError, match="op.mul_f64"):
        Bill(PLAN, target)


def test_every_target_prices_every_operation():
    for name in table.names():
        target = table.load(name)
        for op in Op:
            assert target.op(op).energy_j(target.op(op).width_bits, 0) > 0


def test_faults_of_a_file_are_named(tmp_path):
    tree = yaml.safe_load(table.find("navion65").read_text())
    del tree["constants"]["leak"]["source"]
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(tree))
    with pytest.raises(VioError, match="'leak' lacks"):
        table.load(path)
    with pytest.raises(VioError, match="built-in ones are: asic28"):
        table.load("nothing")


def test_larger_memories_and_wider_words_cost_more():
    constant = table.load("navion65").constant("sram_read")
    kb = 8 * 1024
    assert constant.energy_j(64, 0.5 * kb) == pytest.approx(2.7e-12)
    assert constant.energy_j(64, 32 * kb) == pytest.approx(30.1e-12)
    assert constant.energy_j(64, 3 * kb) < constant.energy_j(64, 4 * kb)
    assert constant.energy_j(8, 32 * kb) == pytest.approx(30.1e-12 * (0.7 / 8 + 0.3))
    assert constant.energy_j(64, 512 * kb) == pytest.approx(126.2e-12), "no bank is free of wires"
