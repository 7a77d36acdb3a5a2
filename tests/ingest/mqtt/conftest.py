"""A subscriber with its task, its states and what it got; a publisher; a broker that plays a script."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest

from carewatch.clock import WallClock
from ingest.mqtt import Delivered, Link, LinkState, MqttOptions, Subscriber
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence


class Subscribed:
    """A running subscriber of `watch/+/+`."""

    def __init__(self, options: MqttOptions, filters: Sequence[str], clock: object) -> None:
        self.states: list[LinkState] = []
        rng = Random(1)  # noqa: S311 - seeded on purpose
        self.subscriber = Subscriber(options, filters, clock=clock, rng=rng, on_change=self.states.append)
        self.task = asyncio.create_task(self.subscriber.run())

    async def is_(self, link: Link, within_s: float = 10.0) -> LinkState:
        await eventually(lambda: self.subscriber.state.link is link, within_s, f"the link to be {link.value}")
        return self.subscriber.state

    async def take(self, count: int, *, acknowledge: bool) -> list[Delivered]:
        """Batches until `count` messages are here."""
        batches: list[Delivered] = []
        async with asyncio.timeout(20):
            while sum(map(len, batches)) < count:
                batch = await self.subscriber.next_batch()
                assert batch is not None
                batches.append(batch)
                if acknowledge:
                    self.subscriber.acknowledge(batch)
        return batches

    async def close(self) -> None:
        await self.subscriber.close()
        await self.task

    async def vanish(self) -> None:
        """As a killed process: no DISCONNECT."""
        self.task.cancel()
        await asyncio.wait({self.task})


def payloads(batches: list[Delivered]) -> list[bytes]:
    return [payload for batch in batches for payload in batch.payloads]


@pytest.fixture
async def subscribe() -> AsyncIterator[Callable[..., Subscribed]]:
    """`subscribe(broker, version=4, ...)`: one more running subscriber."""
    started: list[Subscribed] = []

    def start(
        broker: object, filters: Sequence[str] = ("watch/+/+",), clock: object = None, **fields: object
    ) -> Subscribed:
        where = {"host": broker.host, "port": broker.port}
        options = MqttOptions(**{"client_id": "carewatch", "reconnect_max_s": 0.3, **where, **fields})
        started.append(Subscribed(options, filters, clock or WallClock()))
        return started[-1]

    yield start
    for one in started:
        if not one.task.done():
            await one.close()


class Publisher:
    """A watch."""

    def __init__(self, port: int) -> None:
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="watch")
        self.client.max_inflight_messages_set(1000)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    async def publish(self, messages: Sequence[bytes], topic: str = "watch/a/heart_rate", qos: int = 1) -> None:
        """Return when the broker has acknowledged all."""
        sent = [self.client.publish(topic, message, qos=qos) for message in messages]
        await asyncio.to_thread(lambda: [one.wait_for_publish(10) for one in sent])
        assert all(one.is_published() for one in sent)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def publisher() -> Iterator[Callable[[int], Publisher]]:
    """`publisher(port)`."""
    started: list[Publisher] = []

    def start(port: int) -> Publisher:
        started.append(Publisher(port))
        return started[-1]

    yield start
    for one in started:
        one.stop()


class Script:
    """A broker that answers, and sends what a test tells it to, and keeps what it gets."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.port = 0
        self.got = bytearray()
        self.writers: list[asyncio.StreamWriter] = []
        self.greeting = b"\x20\x02\x00\x00"
        self.suback = b"\x90\x03\x00\x01\x01"
        self.pong = b"\xd0\x00"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        answers = [self.greeting, self.suback]
        while data := await reader.read(65536):
            self.got += data
            if answers and data[0] >> 4 in {1, 8}:  # CONNECT, then the first SUBSCRIBE
                writer.write(answers.pop(0))
            elif data.endswith(b"\xc0\x00"):
                writer.write(self.pong)

    def say(self, data: bytes) -> None:
        """Send on the newest connection."""
        self.writers[-1].write(data)


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    one = Script()
    server = await asyncio.start_server(one.serve, one.host, 0)
    one.port = server.sockets[0].getsockname()[1]
    yield one
    for writer in one.writers:
        writer.transport.abort()
    server.close()
    await server.wait_closed()
