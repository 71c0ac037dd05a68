"""A bounded queue and the thread that empties it: heavy work off the executor's thread.

Kernels release the GIL, so messages are taken in while a frame is being processed.
"""

import logging
import threading
from collections import deque

import numpy as np

log = logging.getLogger(__name__)


class Worker:
    """Calls `handle(frame, imu)` for each frame and `order()` for each order, in order.

    When the queue is full the oldest frame is dropped and counted; its IMU samples stay, joined
    to those of the next frame, so the motion is not lost with the picture.

    Args:
        handle: processes one frame.
        capacity: frames held.

    Attributes:
        dropped: frames dropped so far. error: what ended the thread, or None.
    """

    def __init__(self, handle, capacity: int):
        self.handle, self.capacity = handle, capacity
        self.dropped, self.error = 0, None
        self.queue, self.ready = deque(), threading.Condition()
        self.stopping = False
        self.thread = threading.Thread(target=self.run, name="worker", daemon=True)
        self.thread.start()

    def put(self, frame, imu):
        """Queue a frame with the samples since the last."""
        with self.ready:
            waiting = [i for i, item in enumerate(self.queue) if not callable(item)]
            self.queue.append((frame, imu))
            if len(waiting) >= self.capacity:
                self.drop(waiting[0], waiting[1] if len(waiting) > 1 else len(self.queue) - 1)
            self.ready.notify()

    def drop(self, oldest: int, following: int):
        """Drop the frame at one place of the queue, its samples to the one at the other."""
        self.dropped += 1
        frame, later = self.queue[following]
        self.queue[following] = frame, np.concatenate([self.queue[oldest][1], later])
        del self.queue[oldest]

    def order(self, call):
        """Queue a call without arguments, such as a reset."""
        with self.ready:
            self.queue.append(call)
            self.ready.notify()

    def run(self):
        """The thread."""
        try:
            while True:
                with self.ready:
                    self.ready.wait_for(lambda: self.queue or self.stopping)
                    if self.stopping:
                        return
                    item = self.queue.popleft()
                item() if callable(item) else self.handle(*item)
        except Exception as error:
            log.exception("worker ended")
            self.error = error

    def stop(self, timeout_s: float = 2.0):
        """End the thread; what waits is left."""
        with self.ready:
            self.stopping = True
            self.ready.notify()
        self.thread.join(timeout_s)
