"""An executor with a short way for messages.

rclpy's makes a list of every entity, a wait set and a task each time it wakes, which with a few
hundred IMU samples a second costs more than what is done with them. Here the wait set is made
anew only when the entities have changed, and waiting messages go straight to their callbacks;
timers, services and events are left to rclpy.
"""

from contextlib import ExitStack

from rclpy.executors import SingleThreadedExecutor, TimeoutException
from rclpy.impl.implementation_singleton import rclpy_implementation as impl

FEW = 10
"""Messages of a topic taken at a time: IMU far ahead of the images means that one is missing."""


class MessageExecutor(SingleThreadedExecutor):
    """Runs callbacks in the thread that calls `spin_once`, messages of a topic in their order."""

    def __init__(self, **options):
        super().__init__(**options)
        self.held, self.wait_set = ExitStack(), None

    def spin_once(self, timeout_sec=None):
        """Wait until something is to be done, and do all of it."""
        if self.wait_set is None:
            self.build()
        self.fill()
        self.wait_set.wait(-1 if timeout_sec is None else round(timeout_sec * 1e9))
        ready = self.wait_set.get_ready_entities
        changed = bool(ready("guard_condition"))
        others = any([w.is_ready(self.wait_set) for w in self.waitables])
        others = others or any(ready(kind) for kind in ("timer", "service", "client"))
        for pointer in ready("subscription"):
            self.take(self.subscriptions[pointer])
        if others:
            self.spin_others()
        if changed or others:  # what the others changed, rclpy's own wait has seen already
            self.release()

    def take(self, subscription):
        """Give a few waiting messages to the callback."""
        for _ in range(FEW):
            with subscription.handle:
                taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
            if taken is None:
                return
            subscription.callback(taken[0])

    def spin_others(self):
        """What rclpy finds ready, in its own way."""
        while True:
            try:
                task, _, _ = self.wait_for_ready_callbacks(0)
            except TimeoutException:
                return
            task()
            task.result()

    def build(self):
        """Make the wait set for the entities there are now, and hold them."""
        nodes = self.get_nodes()
        self.subscriptions = {s.handle.pointer: s for n in nodes for s in n.subscriptions}
        self.waitables = self.hold(w for n in nodes for w in n.waitables)
        guards = [*filter(None, [self._guard]), *(g for n in nodes for g in n.guards)]
        self.handles = {
            "subscription": self.hold(s.handle for s in self.subscriptions.values()),
            "guard_condition": self.hold(g.handle for g in guards),
            "timer": self.hold(t.handle for n in nodes for t in n.timers),
            "client": self.hold(c.handle for n in nodes for c in n.clients),
            "service": self.hold(s.handle for n in nodes for s in n.services),
        }
        self.hold([self.context.handle])
        events = sum(w.get_num_entities().num_events for w in self.waitables)
        sizes = [len(handles) for handles in self.handles.values()]
        self.wait_set = impl.WaitSet(*sizes, events, self.context.handle)

    def hold(self, entities) -> list:
        """Keep them from being destroyed while they are waited for."""
        entities = list(entities)
        for entity in entities:
            self.held.enter_context(entity)
        return entities

    def fill(self):
        """Put everything in: waiting takes out what is not ready."""
        self.wait_set.clear_entities()
        for kind, handles in self.handles.items():
            add = getattr(self.wait_set, f"add_{kind}")
            for handle in handles:
                add(handle)
        for waitable in self.waitables:
            waitable.add_to_wait_set(self.wait_set)

    def release(self):
        """Let go of everything; the next wait looks anew."""
        self.held.close()
        self.wait_set = None

    def __exit__(self, *exception):
        """Let go of everything and end, in the thread that spun."""
        self.release()
        super().__exit__(*exception)
