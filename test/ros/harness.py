"""A stack in processes of its own, and a node in this one that plays to it and listens."""

import itertools
import os
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import Odometry
from rclpy.context import Context
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, Imu
from std_srvs.srv import SetBool, Trigger

from vio.ros import convert, dds, qos, session
from vio.ros.executor import MessageExecutor
from vio.types import CameraImage

IN_FLIGHT = 10


def domain():
    """A ROS_DOMAIN_ID for this process alone."""
    return 101 + os.getpid() % 100


def unused_domain():
    """One where nothing ran before: a node that was killed is known for a while."""
    return 201 + os.getpid() % 32


class Stack:
    """The nodes of a stack as processes."""

    def __init__(self, names, dataset, folder, **parameters):
        self.env, self.folder = session.environment(domain()), folder
        self.parameters = {
            "calibration": str(dataset), "reliability": "reliable", "use_sim_time": True,
            **parameters,
        }  # fmt: skip
        self.running = {}
        for name in names:
            self.start(name)

    def start(self, name):
        log = self.folder / f"{name}-{time.time_ns()}.log"
        words = session.command(name, self.parameters)
        self.running[name] = session.Process(name, words, self.env, log)

    def interrupt(self, times=1):
        codes = {name: p.interrupt(times) for name, p in reversed(self.running.items())}
        self.running = {}
        return codes

    def logs(self):
        return "\n".join(p.read_text() for p in sorted(self.folder.glob("*.log")))


class Feeder(Node):
    """Publishes measurements and keeps what comes back."""

    def __init__(self, listeners=1):
        os.environ.update(dds.isolated(domain()))
        dds.set_profile()
        self.own = Context()
        rclpy.init(context=self.own, domain_id=domain())
        super().__init__("feeder", context=self.own)
        self.cams = [
            self.create_publisher(Image, f"cam{i}/image_raw", qos.results(30)) for i in (0, 1)
        ]
        self.imu = self.create_publisher(Imu, "imu0", qos.results(1000))
        self.clock = self.create_publisher(Clock, "/clock", qos.results())
        self.listeners = listeners
        self.create_subscription(Odometry, "vio/odometry", self.on_odometry, qos.results())
        self.create_subscription(Odometry, "vio/imu_odometry", self.on_rapid, qos.results(1000))
        self.create_subscription(DiagnosticArray, "/diagnostics", self.on_health, qos.results())
        self.clear()
        self.runner = MessageExecutor(context=self.own)
        self.runner.add_node(self)
        self.thread = threading.Thread(target=self.runner.spin, daemon=True)
        self.thread.start()

    def clear(self):
        self.poses, self.rapid, self.health, self.messages = {}, [], {}, []

    def on_odometry(self, message):
        t_ns, p, quat = convert.pose_of(message)
        self.poses[t_ns] = convert.known(message), p, quat, message

    def on_rapid(self, message):
        self.rapid.append((convert.pose_of(message)[0], convert.pose_of(message)[1]))

    def on_health(self, message):
        for status in message.status:
            self.health[status.name] = {v.key: v.value for v in status.values}
            self.messages.append((status.name, status.level, status.message))

    def wait(self, condition, timeout_s=120.0):
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, "the stack did not answer in time"
            time.sleep(0.02)

    def settle(self, condition, timeout_s):
        end = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < end:
            time.sleep(0.01)

    def wait_for_stack(self):
        def there():
            heard = all(p.get_subscription_count() for p in self.cams)
            return heard and self.imu.get_subscription_count() >= self.listeners

        self.wait(there, 300.0)
        self.wait(lambda: self.count_publishers("/vio/odometry") > 0)
        time.sleep(0.5)

    def play(self, measurements, rate, keep=lambda item: True, at=None, until=lambda: False):
        """Publish what `keep` lets through, then wait until nothing comes back any more.

        `at` maps seconds into the recording to calls; `until` ends it early.
        """
        self.clear()
        first, newest, begun, out = None, 0, 0.0, 0
        due = sorted((at or {}).items())
        for item in measurements:
            if first is None:
                first, begun = item.t_ns, time.monotonic()
            offset = (item.t_ns - first) * 1e-9
            while due and due[0][0] <= offset:
                due.pop(0)[1]()
            if (left := begun + offset / rate - time.monotonic()) > 0:
                time.sleep(left)
            if not keep(item):
                continue
            if isinstance(item, CameraImage):
                if until():
                    return
                newest = item.t_ns
                out += item.cam == 0
                if out - len(self.poses) > IN_FLIGHT:  # a busy machine must not look like a fault
                    paused = time.monotonic()
                    self.settle(lambda limit=out: limit - len(self.poses) <= IN_FLIGHT, 0.2)
                    out = min(out, len(self.poses) + IN_FLIGHT)
                    begun += time.monotonic() - paused
            self.publish(item)
        count = -1
        while count < len(self.poses) and not until():
            count = len(self.poses)
            self.settle(lambda: newest in self.poses, 0.5)

    @contextmanager
    def flood(self, measurements):
        """Publish as fast as can be, over and over with later stamps, while the block runs."""
        self.clear()
        span = measurements[-1].t_ns - measurements[0].t_ns + 5_000_000
        ended = threading.Event()

        def publish():
            for lap in itertools.count():
                for item in measurements:
                    if ended.is_set():
                        return
                    self.publish(replace(item, t_ns=item.t_ns + lap * span))

        thread = threading.Thread(target=publish)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def publish(self, item):
        """Send one measurement, and its time with an image."""
        if isinstance(item, CameraImage):
            message = convert.image_message(item.t_ns, item.image, f"cam{item.cam}")
            self.cams[item.cam].publish(message)
            self.clock.publish(Clock(clock=convert.to_time(item.t_ns)))
        else:
            self.imu.publish(convert.imu_message(item, "imu"))

    def known(self):
        """(t_ns (N,), p (N, 3)) of the poses that may be used."""
        kept = sorted((t, p) for t, (good, p, _, _) in list(self.poses.items()) if good)
        return np.array([t for t, _ in kept]), np.array([p for _, p in kept]).reshape(-1, 3)

    def call(self, kind, name, request):
        client = self.create_client(kind, name)
        assert client.wait_for_service(10.0), name
        future = client.call_async(request)
        self.wait(future.done, 10.0)
        self.destroy_client(client)
        return future.result()

    def reset(self, node="vio_node"):
        return self.call(Trigger, f"{node}/reset", Trigger.Request())

    def pause(self, on, node="vio_node"):
        return self.call(SetBool, f"{node}/pause", SetBool.Request(data=on))

    def close(self):
        self.runner.shutdown(1.0)
        self.thread.join(2.0)
        self.destroy_node()
        self.own.try_shutdown()
