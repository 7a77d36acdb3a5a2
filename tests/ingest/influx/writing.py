"""A writer beside a log, for tests: running, waited for, ended."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import random
from typing import TYPE_CHECKING, Any

from carewatch.clock import SteppedClock
from ingest.influx.refused import RefusedPoints
from ingest.influx.server import InfluxServer
from ingest.influx.writer import InfluxWriter
from ingest.log.sqlite import SqliteLog
from ingest.log.sqlite_reader import SqliteLogReader
from ingest.watches import Watch
from tests.ingest.log.batches import T0_MS
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from ingest.influx.options import InfluxOptions

FAST = {"flush_ms": 5, "retry_first_s": 0.01, "retry_max_s": 0.05}


def new_log(folder: Path, watches: int = 9) -> SqliteLog:
    """A log that knows watches W0, W1, ..."""
    log = SqliteLog(folder / "log.sqlite")
    for index in range(watches):
        log.put_watch(Watch(index, f"W{index}", site="east" if index == 1 else ""))
    return log


@dataclasses.dataclass
class Running:
    """A running writer and what a test asks of it."""

    writer: InfluxWriter
    log: SqliteLog
    clock: SteppedClock
    refused_file: Path

    async def catches_up(self) -> None:
        await eventually(self._is_at_the_end, 30, "the writer to reach the log's end")

    async def says(self, reason: str) -> Any:
        async def trouble():
            now = (await self.writer.state()).trouble
            return now if now and reason in now.reason else None

        return await eventually(trouble, 10, f"the writer to say that InfluxDB {reason}")

    async def _is_at_the_end(self) -> bool:
        return (await self.writer.state()).lag_records == 0

    def refused(self) -> list[dict[str, Any]]:
        if not self.refused_file.exists():
            return []
        return [json.loads(line) for line in self.refused_file.read_text().splitlines()]


@contextlib.asynccontextmanager
async def running(
    log: SqliteLog, options: InfluxOptions, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Running]:
    """A writer of `log`, until the block ends."""
    reader = SqliteLogReader(log.path)
    server = InfluxServer(options, transport)
    file = log.path.with_name("log.influx-refused.jsonl")
    clock = SteppedClock(T0_MS * 1_000_000)
    writer = InfluxWriter(reader, server, options, RefusedPoints(file), clock, site="main", rng=random.Random(1))  # noqa: S311 - spreads retries
    task = asyncio.create_task(writer.run())
    try:
        yield Running(writer, log, clock, file)
        assert not task.done(), "the writer must run until it is cancelled"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await server.aclose()
        reader.close()
