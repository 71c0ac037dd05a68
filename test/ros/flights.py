"""Every fault on whole recordings, at their own pace: `python -m pytest -s test/ros/flights.py`.

Takes a quarter of an hour, so it is not part of the usual run. VIO_SHARED_DATA names the folder
of the recordings; what is absent is skipped.
"""

import os
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install 'vio[ros]'")

from faults import CASES, Flight  # noqa: E402
from harness import Feeder, Stack  # noqa: E402

from vio.io.open import open_dataset  # noqa: E402
from vio.ros import session  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("VIO_SHARED_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="module", params=["mh01_real", "v102_rendered"])
def recorded(request):
    folder = DATA / request.param
    if not folder.is_dir():
        pytest.skip(f"no recording at {folder} (VIO_SHARED_DATA)")
    dataset = open_dataset(folder)
    return folder, dataset, list(dataset.measurements())


@pytest.fixture(scope="module", params=["composed", "split"])
def flight(request, recorded, tmp_path_factory):
    folder, dataset, measurements = recorded
    names = session.COMPOSED if request.param == "composed" else session.SPLIT
    stack = Stack(names, folder, tmp_path_factory.mktemp(request.param))
    feeder = Feeder(len(names) - (len(names) > 1))
    feeder.wait_for_stack()
    yield Flight(stack, feeder, dataset, measurements, 1.0)
    feeder.close()
    assert set(stack.interrupt().values()) == {0}, stack.logs()


@pytest.mark.parametrize("case", CASES)
def test_fault(flight, case):
    case(flight)
    t_ns, _ = flight.feeder.known()
    texts = dict.fromkeys(text for _, level, text in flight.feeder.messages if level != b"\x00")
    print(f"\n{case.__name__}: {len(flight.feeder.poses)} frames, {len(t_ns)} poses, ", end="")
    late = t_ns.size and t_ns[-1] > flight.measurements[0].t_ns + 8 * 10**9
    print(f"ATE from 6 s on {flight.ate(6.0) * 1e3:.1f} mm" if late else "ended early")
    print("".join(f"  {text}\n" for text in list(texts)[:6]))
