"""At a high rate reading rests a little, so that reads grow; a lone message never waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ingest.mqtt import MqttOptions, packets
from ingest.mqtt.connection import COALESCE_S, Connection
from ingest.mqtt.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = packets.packet(0x32, b"\x00\x01a\x00\x01x")


class Loop:
    """A loop whose time a test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.later: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now_s

    def call_later(self, delay_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        self.later.append((delay_s, call))
        return asyncio.get_running_loop().call_later(3600, call)


class Pipe(asyncio.Transport):
    """A transport that knows whether it reads."""

    reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def write(self, data: bytes) -> None:
        pass

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return False


@pytest.fixture
async def wired() -> tuple[Connection, Pipe, Loop]:
    options = MqttOptions("c", version=4, max_pending_messages=10_000)
    connection, pipe, loop = Connection(1, options, ["a"], Inbox(options), lambda _: None), Pipe(), Loop()
    connection._loop = loop
    connection.connection_made(pipe)
    connection.data_received(b"\x20\x02\x00\x00\x90\x03\x00\x01\x01")
    assert pipe.reading  # a greeting waits for nothing
    loop.now_s += 1
    loop.later.clear()
    yield connection, pipe, loop
    connection.connection_lost(None)


async def test_a_lone_message_neither_waits_nor_makes_the_next_wait(wired: tuple[Connection, Pipe, Loop]) -> None:
    connection, pipe, loop = wired
    for _ in range(3):
        loop.now_s += 0.01
        connection.data_received(ONE)
        assert pipe.reading
    assert loop.later == []


async def test_small_reads_in_quick_succession_rest_for_two_milliseconds(wired: tuple[Connection, Pipe, Loop]) -> None:
    connection, pipe, loop = wired
    connection.data_received(ONE)
    for _ in range(3):
        loop.now_s += 0.0025  # a rest and the time to get back to the socket
        connection.data_received(ONE * 10)
        assert not pipe.reading
        delay_s, wake = loop.later.pop()
        assert delay_s == COALESCE_S
        wake()
        assert pipe.reading


async def test_a_large_read_needs_no_rest(wired: tuple[Connection, Pipe, Loop]) -> None:
    connection, pipe, _ = wired
    connection.data_received(ONE)
    connection.data_received(ONE * 9000)
    assert pipe.reading


async def test_a_rest_does_not_end_a_pause_for_want_of_room(wired: tuple[Connection, Pipe, Loop]) -> None:
    connection, pipe, loop = wired
    connection.data_received(ONE)
    connection.data_received(ONE * 5000)
    connection.data_received(ONE * 5000)
    loop.later.pop()[1]()
    assert not pipe.reading
    await connection._inbox.take()
    connection.room()
    assert pipe.reading
