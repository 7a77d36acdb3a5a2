"""The subscriber against a broker that plays a script: what no real broker does when asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from carewatch.clock import SteppedClock
from ingest.mqtt import Link, Published, Trouble, packets
from tests.servers.process import free_port
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

NS_PER_S = 1_000_000_000


def publish(payload: bytes, packet_id: int = 1, first_byte: int = 0x32) -> bytes:
    return packets.packet(first_byte, b"\x00\x0bwatch/a/sos" + packet_id.to_bytes(2, "big") + payload)


class Nowhere:
    host = "127.0.0.1"

    def __init__(self) -> None:
        self.port = free_port()


async def test_a_broker_that_is_not_there_is_told_once_and_tried_again_later_and_later(subscribe: Callable) -> None:
    clock = SteppedClock(NS_PER_S)
    link = subscribe(Nowhere(), clock=clock, reconnect_min_s=1.0, reconnect_max_s=60.0, version=4)
    state = await link.is_(Link.DOWN)
    assert state.trouble is Trouble.NOT_LISTENING
    assert "start the broker" in state.remedy
    assert state.deaf
    waits_s = []
    for _ in range(8):
        await eventually(lambda: clock._sleepers, why="the next wait")
        due_ns = clock._sleepers[0][0]
        waits_s.append((due_ns - clock.now_ns()) / NS_PER_S)
        await clock.step_to(due_ns)
    assert all(0.5 * low <= wait_s <= low for wait_s, low in zip(waits_s, [1, 2, 4, 8, 16, 32, 60, 60], strict=True))
    assert [one.link for one in link.states] == [Link.CONNECTING, Link.DOWN]


async def test_a_port_that_speaks_no_mqtt_is_told_and_tried_again(subscribe: Callable, script: object) -> None:
    script.greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    link = subscribe(script, version=4)
    state = await link.is_(Link.DOWN)
    assert state.trouble is Trouble.PROTOCOL
    assert "speaks MQTT" in state.remedy
    script.greeting = b"\x20\x02\x00\x00"
    await link.is_(Link.UP)


async def test_a_protocol_error_drops_the_connection_but_nothing_that_came_before(
    subscribe: Callable, script: object
) -> None:
    link = subscribe(script, version=4)
    await link.is_(Link.UP)
    script.say(publish(b"good") + b"\x36\x05\x00\x01a\x00\x01")
    [batch] = await link.take(1, acknowledge=False)
    assert batch.payloads == [b"good"]
    await eventually(lambda: len(script.writers) == 2, why="a second connection")
    await link.is_(Link.UP)
    assert [one.link for one in link.states] == [Link.CONNECTING, Link.UP, Link.DOWN, Link.UP]
    assert link.states[2].trouble is Trouble.PROTOCOL
    assert "QoS 3" in link.states[2].detail


async def test_a_batch_is_acknowledged_in_order_in_one_write_and_only_where_it_came_from(
    subscribe: Callable, script: object
) -> None:
    link = subscribe(script, version=4)
    await link.is_(Link.UP)
    script.say(b"".join(publish(b"x", packet_id) for packet_id in (7, 5, 9)) + publish(b"", 0x0101, 0x30))
    old = await link.take(4, acknowledge=False)
    script.writers[-1].transport.abort()
    await eventually(lambda: len(script.writers) == 2, why="a second connection")
    await link.is_(Link.UP)
    del script.got[:]
    for batch in old:
        link.subscriber.acknowledge(batch)
    script.say(publish(b"x", 8) + publish(b"y", 3))
    for batch in await link.take(2, acknowledge=False):
        assert batch.connection == 2
        link.subscriber.acknowledge(batch)
    await eventually(lambda: bytes(script.got) == b"\x40\x02\x00\x08\x40\x02\x00\x03", why="just the second's PUBACKs")


async def test_several_batches_are_acknowledged_in_one_write(
    subscribe: Callable, script: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = subscribe(script, version=4)
    await link.is_(Link.UP)
    batches = []
    for packet_ids in (7, 5), (9,), (2, 3):
        script.say(b"".join(publish(b"x", packet_id) for packet_id in packet_ids))
        batches += await link.take(len(packet_ids), acknowledge=False)
    written, write = [], link.subscriber._connection._transport.write
    monkeypatch.setattr(link.subscriber._connection, "_write", lambda data: (written.append(data), write(data)))
    link.subscriber.acknowledge(*batches)
    assert written == [b"".join(b"\x40\x02" + packet_id.to_bytes(2, "big") for packet_id in (7, 5, 9, 2, 3))]


async def test_no_window_of_a_broker_is_believed(subscribe: Callable, script: object) -> None:
    """Mosquitto sends more than any receive maximum it was told or tells; nothing of it is refused."""
    script.greeting, script.suback = b"\x20\x06\x00\x00\x03\x21\x00\x01", b"\x90\x04\x00\x01\x00\x01"
    link = subscribe(script, version=5, max_pending_messages=100_000)
    await link.is_(Link.UP)
    body = b"\x00\x0bwatch/a/sos"
    many = [packets.packet(0x32, body + one.to_bytes(2, "big") + b"\x00x") for one in range(1, 65_536)]
    script.say(b"".join(many + many[:4_465]))
    batches = await link.take(70_000, acknowledge=False)
    assert sum(map(len, batches)) == 70_000
    link.subscriber.acknowledge(*batches)
    await eventually(lambda: script.got.endswith(b"\x40\x02" + (4_465).to_bytes(2, "big")), why="every PUBACK")
    assert script.got.count(b"\x40\x02") >= 70_000


async def test_what_comes_before_suback_can_be_acknowledged_at_once(subscribe: Callable, script: object) -> None:
    script.greeting, script.suback = b"\x20\x02\x01\x00" + publish(b"kept for us", 0x0102), b""
    link = subscribe(script, version=4)
    await link.take(1, acknowledge=True)
    await eventually(lambda: b"\x40\x02\x01\x02" in script.got, why="a PUBACK")
    script.say(b"\x90\x03\x00\x01\x01")
    assert (await link.is_(Link.UP)).session_present


async def test_qos_2_left_by_an_earlier_client_is_received_then_completed(subscribe: Callable, script: object) -> None:
    link = subscribe(script, version=4)
    await link.is_(Link.UP)
    script.say(publish(b"once", 4, 0x34) + publish(b"more", 5))
    del script.got[:]
    await link.take(2, acknowledge=True)
    script.say(b"\x62\x02\x00\x04")
    await eventually(lambda: b"\x50\x02\x00\x04\x40\x02\x00\x05" in script.got, why="PUBREC and PUBACK")
    await eventually(lambda: script.got.endswith(b"\x70\x02\x00\x04"), why="PUBCOMP")


async def test_a_broker_that_stops_answering_is_left_after_the_keep_alive(subscribe: Callable, script: object) -> None:
    script.pong = b""
    link = subscribe(script, version=4, keep_alive_s=1)
    await link.is_(Link.UP)
    state = await link.is_(Link.DOWN)
    assert state.trouble is Trouble.KEEP_ALIVE
    assert packets.PINGREQ_BYTES in script.got


async def test_a_broker_that_accepts_and_says_nothing_is_told(subscribe: Callable, script: object) -> None:
    script.greeting = b""
    link = subscribe(script, version=4, keep_alive_s=1, connect_timeout_s=0.5)
    assert (await link.is_(Link.DOWN)).trouble is Trouble.NO_ANSWER


async def test_refused_filters_leave_the_others_working_and_are_asked_for_again(
    subscribe: Callable, script: object
) -> None:
    script.suback = b"\x90\x04\x00\x01\x01\x80"
    link = subscribe(script, filters=["watch/+/+", "3g/+/up"], version=4, keep_alive_s=1)
    state = await link.is_(Link.PARTIAL)
    assert state.deaf
    assert (state.trouble, state.detail) == (Trouble.SUBSCRIPTION_REFUSED, "3g/+/up")
    script.say(publish(b"heard"))
    await link.take(1, acknowledge=True)
    await eventually(lambda: packets.encode_subscribe(4, 2, ["3g/+/up"]) in script.got, why="a second SUBSCRIBE")
    script.say(b"\x90\x03\x00\x02\x01")
    assert not (await link.is_(Link.UP)).deaf


@pytest.mark.parametrize(("kept_s", "told"), [(60, True), (604_800, False)])
async def test_a_broker_that_keeps_our_session_for_less_than_we_asked_is_told(
    subscribe: Callable, script: object, kept_s: int, told: bool
) -> None:
    script.greeting = b"\x20\x08\x00\x00\x05\x11" + kept_s.to_bytes(4, "big")
    script.suback = b"\x90\x04\x00\x01\x00\x01"
    with capture_logs() as lines:
        await subscribe(script, version=5).is_(Link.UP)
    found = [line for line in lines if line["event"] == "session_kept_shorter"]
    assert [(line["kept_s"], line["asked_s"]) for line in found] == ([(60, 604_800)] if told else [])


async def test_closing_is_bounded_when_the_broker_no_longer_answers(subscribe: Callable, script: object) -> None:
    script.pong = b""
    link = subscribe(script, version=4, close_timeout_s=0.2)
    await link.is_(Link.UP)
    async with asyncio.timeout(5):
        await link.close()
    await eventually(lambda: script.got.endswith(packets.PINGREQ_BYTES + packets.DISCONNECT_BYTES), why="a goodbye")
    assert link.states[-1].link is Link.CLOSED
    assert await link.subscriber.next_batch() is None


async def test_closing_ends_a_subscriber_that_never_got_through(subscribe: Callable) -> None:
    link = subscribe(Nowhere(), clock=SteppedClock(0))
    await link.is_(Link.DOWN)
    async with asyncio.timeout(5):
        await link.close()
    assert [batch async for batch in link.subscriber.batches()] == []


@pytest.mark.parametrize(
    ("topic", "size_bytes", "answer"),
    [
        ("watch/a/receipt", 10, Published.SENT),
        ("watch/+/receipt", 10, Published.BAD_TOPIC),
        ("", 10, Published.BAD_TOPIC),
        ("watch/" + "a" * 65535, 10, Published.BAD_TOPIC),
        ("watch/a/receipt", 2000, Published.TOO_LARGE),
    ],
)
async def test_publishing_says_what_became_of_it(
    subscribe: Callable, script: object, topic: str, size_bytes: int, answer: Published
) -> None:
    script.greeting, script.suback = b"\x20\x08\x00\x00\x05\x27\x00\x00\x04\x00", b"\x90\x04\x00\x01\x00\x01"
    link = subscribe(script, version=5)
    assert link.subscriber.publish(topic, b"") is Published.NOT_CONNECTED
    await link.is_(Link.UP)
    del script.got[:]
    assert link.subscriber.publish(topic, bytes(size_bytes)) is answer
    sent = packets.encode_publish(5, topic, bytes(size_bytes)) if answer is Published.SENT else b""
    await eventually(lambda: bytes(script.got) == sent, why="what was sent")


async def test_a_fault_in_the_one_who_is_told_ends_the_run_and_is_not_swallowed(
    subscribe: Callable, script: object
) -> None:
    link = subscribe(script, version=4)

    def told(_state: object) -> None:
        raise RuntimeError("a bug")

    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    link.subscriber._on_change = told
    await asyncio.wait({link.task}, timeout=10)
    with pytest.raises(RuntimeError, match="a bug"):
        link.task.result()
