"""The executor with a short way for messages: nothing is lost, and everything else still runs."""

import time

import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed: pip install 'vio[ros]'")

from harness import domain  # noqa: E402
from rclpy.context import Context  # noqa: E402
from rclpy.node import Node  # noqa: E402
from std_msgs.msg import Int32  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from vio.ros import qos  # noqa: E402
from vio.ros.executor import MessageExecutor  # noqa: E402


@pytest.fixture
def node():
    context = Context()
    rclpy.init(context=context, domain_id=domain())
    node = Node("alone", context=context)
    yield node
    node.destroy_node()
    context.try_shutdown()


@pytest.fixture
def spin(node):
    with MessageExecutor(context=node.context) as executor:
        executor.add_node(node)

        def until(condition):
            end = time.monotonic() + 20.0
            while not condition():
                assert time.monotonic() < end
                executor.spin_once(timeout_sec=0.1)

        yield until


def listen(node, topic, callback):
    heard = qos.subscribe(node, Int32, topic, callback, qos.results(1000))
    return qos.publisher(node, Int32, topic, qos.results(1000)), heard


def test_messages_come_in_order_while_timers_and_services_run(node, spin):
    heard, ticks, answers = [], [], []
    numbers, _ = listen(node, "numbers", lambda m: heard.append(m.data))
    node.create_timer(0.01, lambda: ticks.append(numbers.publish(Int32(data=len(ticks)))))
    node.create_service(Trigger, "ask", lambda _, answer: answers.append(1) or answer)
    client = node.create_client(Trigger, "ask")
    spin(lambda: numbers.get_subscription_count() and client.service_is_ready())
    futures = [client.call_async(Trigger.Request())]
    for number in range(1000, 1500):
        numbers.publish(Int32(data=number))
    spin(lambda: len(heard) > 520 and futures[0].done())
    assert [n for n in heard if n >= 1000] == list(range(1000, 1500))
    few = [n for n in heard if n < 1000]
    assert few == list(range(len(few))) and len(few) > 20 and answers == [1]


def test_what_is_made_and_destroyed_in_callbacks(node, spin):
    first, second, made = [], [], []

    def begin(message):
        first.append(message.data)
        if not made:
            made.append(listen(node, "second", lambda m: second.append(m.data)))
            node.destroy_timer(timer)

    numbers, heard = listen(node, "first", begin)
    timer = node.create_timer(0.01, lambda: numbers.publish(Int32(data=1)))
    spin(lambda: made)
    spin(lambda: made[0][0].get_subscription_count())
    made[0][0].publish(Int32(data=2))
    spin(lambda: second)
    assert second == [2]
    node.destroy_subscription(heard)
    before = len(first)
    numbers.publish(Int32(data=3))
    made[0][0].publish(Int32(data=4))
    spin(lambda: 4 in second)
    assert len(first) == before


@pytest.mark.parametrize("how", ["message", "timer"])
def test_a_fault_in_a_callback_comes_out(node, spin, how):
    def fail(*_):
        raise ZeroDivisionError

    if how == "message":
        numbers, _ = listen(node, "numbers", fail)
        node.create_timer(0.01, lambda: numbers.publish(Int32()))
    else:
        node.create_timer(0.01, fail)
    with pytest.raises(ZeroDivisionError):
        spin(lambda: False)
