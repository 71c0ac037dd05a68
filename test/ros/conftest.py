import pytest

from vio._jit import cache_root

SECONDS, SCALE = 8.0, 0.5


@pytest.fixture(scope="session")
def recording():
    """A small rendered flight, made once per version of the renderer.

    Also compiles every kernel first: nodes that start cold would keep their callers waiting.
    """
    from vio.config import Config
    from vio.odometry import Odometry
    from vio.sim import SimSpec, render_sequence
    from vio.sim.rig import euroc_rig
    from vio.sim.spec import RENDERER
    from vio.warm import warm_up

    warm_up(Odometry(euroc_rig(SCALE), Config()))
    folder = cache_root() / "sequences" / f"ros-{RENDERER}"
    return render_sequence(folder, SimSpec(profile="gentle", seconds=SECONDS, scale=SCALE))


@pytest.fixture(scope="session")
def dataset(recording):
    from vio.io.open import open_dataset

    return open_dataset(recording)


@pytest.fixture(scope="session")
def measurements(dataset):
    """Everything in it, decoded once."""
    return list(dataset.measurements())


@pytest.fixture(scope="session")
def flown(dataset):
    """What `vio run` makes of it: a FrameResult for each frame."""
    from vio.config import Config
    from vio.odometry import Odometry
    from vio.replay import frames
    from vio.sync import Sequencer

    odometry, sequencer = Odometry(dataset.rig, Config()), Sequencer(dataset.rig)
    odometry.warm_up()
    return [odometry.process(*item) for item in frames(dataset, sequencer, None, None)]


@pytest.fixture(scope="session")
def offline(flown):
    """Stamp -> Estimate."""
    return {result.estimate.t_ns: result.estimate for result in flown}
