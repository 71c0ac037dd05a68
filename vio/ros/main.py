"""How a node starts and ends: exit 0 on SIGINT and SIGTERM, however often they come."""

import gc
import logging
import os
import signal
import sys

import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rclpy.executors import ExternalShutdownException
from rclpy.signals import SignalHandlerOptions

from vio.ros import dds
from vio.ros.executor import MessageExecutor
from vio.types import VioError

SWITCH_S = 2e-4
"""How long the executor may hold the interpreter while the worker comes out of a kernel [s]."""

STOPPED_BY_FAULT = 1
MISCONFIGURED = 2


class Stop:
    """Set by the first signal; later ones change nothing."""

    def __init__(self):
        self.asked, self.running = False, False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self)

    def __call__(self, number, frame):
        """Take a signal."""
        first, self.asked = not self.asked, True
        if first and not self.running:  # still compiling: do not wait for that
            raise KeyboardInterrupt


def run(make_node) -> int:
    """Spin a node until it is done or a signal comes.

    Args:
        make_node: () -> node; it may have `close()`, `done` and `failed`.

    Returns:
        Exit code: 0, 1 after a fault, 2 for a mistake of the user's.
    """
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.WARNING)
    stop, node, code = Stop(), None, 0
    dds.set_profile()
    sys.setswitchinterval(SWITCH_S)
    try:
        start_rcl()
        node = make_node()
        gc.freeze()  # to walk all that starting made takes 80 ms: no frame is to wait for that
        stop.running = True
        with MessageExecutor() as executor:
            executor.add_node(node)
            code = spin(executor, node, stop)
    except VioError as error:
        logging.getLogger("vio").error("%s", error)
        code = MISCONFIGURED
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        stop.running = True  # nothing interrupts what follows
        if node is not None:
            if hasattr(node, "close"):
                node.close()
            node.destroy_node()
        rclpy.try_shutdown()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # the interpreter is still to end
    return getattr(node, "code", 0) or code


def start_rcl():
    """`rclpy.init`; what it minds is in the arguments after --ros-args or in a file they name."""
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    except RCLError as error:
        what = " ".join(str(error).split()).partition(", at /")[0]
        raise VioError(f"{what}; check what follows --ros-args") from None


def spin(executor, node, stop) -> int:
    """Work until the node is done, its worker has failed or a signal has come; the exit code."""
    while not stop.asked and not getattr(node, "done", False):
        executor.spin_once(timeout_sec=0.1)
        worker = getattr(node, "worker", None)
        if worker is not None and worker.error is not None:
            return STOPPED_BY_FAULT
    return 0


def exit_with(make_node):
    """`run` and end the process with its code, at once.

    Everything is closed by then. To take the interpreter apart as well, with numba and LLVM in it,
    takes longer on a busy computer than launch waits before it kills.
    """
    code = run(make_node)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
