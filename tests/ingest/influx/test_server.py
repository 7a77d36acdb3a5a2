"""What the connection tells, and how lines travel."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from typing import TYPE_CHECKING

import httpx
import pyarrow as pa
import pytest

from ingest.influx.answers import Verdict
from ingest.influx.options import InfluxOptions
from ingest.influx.server import InfluxServer
from tests.ingest.influx.test_delivery import Desk
from tests.servers.process import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FAILURES = [
    (httpx.ConnectError("refused"), Verdict.UNREACHABLE),
    (httpx.ConnectTimeout("late"), Verdict.UNREACHABLE),
    (httpx.WriteError("broken pipe"), Verdict.CUT_OFF),
    (httpx.ReadError("reset"), Verdict.CUT_OFF),
    (httpx.RemoteProtocolError("disconnected without an answer"), Verdict.CUT_OFF),
    (httpx.ReadTimeout("late"), Verdict.LATE),
    (httpx.WriteTimeout("late"), Verdict.LATE),
    (httpx.UnsupportedProtocol("ftp"), Verdict.ADDRESS),
]


@pytest.mark.parametrize(("failure", "verdict"), FAILURES)
async def test_each_failure_of_a_connection_is_an_answer(failure: httpx.HTTPError, verdict: Verdict) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise failure

    server = InfluxServer(InfluxOptions("http://influx.test"), httpx.MockTransport(fail))
    answer = await server.write(b"")
    await server.aclose()
    assert answer.verdict is verdict
    assert str(failure) in answer.words


@pytest.mark.parametrize(
    ("url", "wish", "is_packed"),
    [
        ("http://influx.test:8086", None, True),
        ("http://10.0.0.7:8086", None, True),
        ("http://127.0.0.1:8086", None, False),
        ("http://localhost:8086", None, False),
        ("http://[::1]:8086", None, False),
        ("http://127.0.0.1:8086", True, True),
        ("http://influx.test:8086", False, False),
    ],
)
async def test_lines_are_packed_for_a_journey_only(url: str, wish: bool | None, *, is_packed: bool) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    server = InfluxServer(InfluxOptions(url, gzip=wish), httpx.MockTransport(answer))
    await server.write(server.encode(b"sos arrival_s=1 7\n"))
    await server.aclose()

    packed = seen[0].headers.get("Content-Encoding") == "gzip"
    content = gzip.decompress(seen[0].content) if packed else seen[0].content
    assert (packed, content) == (is_packed, b"sos arrival_s=1 7\n")


class Impatient:
    """Closes a connection whose write is announced with more than `limit` bytes, without reading it or a word."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.written: list[bytes] = []
        self.closed = 0
        self.connections: list[asyncio.Task[None]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(asyncio.current_task())
        with contextlib.closing(writer):
            while True:
                try:
                    head = await reader.readuntil(b"\r\n\r\n")
                except asyncio.IncompleteReadError:
                    return
                length = int(next(h for h in head.lower().split(b"\r\n") if h.startswith(b"content-length")).split()[1])
                if length > self.limit:
                    self.closed += 1
                    writer.transport.abort()
                    return
                self.written += (await reader.readexactly(length)).splitlines()
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        port = free_port()
        async with await asyncio.start_server(self.serve, "127.0.0.1", port):
            yield f"http://127.0.0.1:{port}"
            await asyncio.gather(*self.connections)


async def test_a_server_that_closes_before_it_has_read_a_large_write_gets_smaller_ones() -> None:
    """So shows 413 where the rest of the write breaks the pipe before the answer is read."""
    lines = pa.array([f"heart_rate,watch=W{n} bpm=70,arrival_s=0.25 {n}\n" for n in range(100_000)])
    impatient = Impatient(600_000)
    async with impatient.listening() as url:
        server = InfluxServer(InfluxOptions(url))
        desk = Desk(server, batch_lines=100_000)
        await desk.delivery.deliver(lines)
        await server.aclose()

    assert impatient.closed > 0
    assert len(set(impatient.written)) == 100_000
    assert desk.aside == []
    assert desk.standing.trouble is None
