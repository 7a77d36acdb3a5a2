"""The real role `ingest`, built from settings as `carewatch run` builds it, and measured from within its process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import structlog
from pydantic import SecretStr

from benchmarks.broker import HOST
from benchmarks.ingest.stream import watch_id
from benchmarks.measured import Taken
from carewatch.roles.ingest import build
from carewatch.roles.life import stay_out_of_collections
from carewatch.settings import Influx, Log, Mqtt, Settings
from ingest.log.contract import Batch
from ingest.log.sqlite import SqliteLog
from ingest.reading import Readings
from ingest.watches import Watch

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.ingest.influxd import Influxd
    from carewatch.roles.ingest_parts import Parts

LOOK_S = 0.005
REGISTERED_AT_MS = 1_770_000_000_000


def settings_of(folder: Path, port: int, influx: Influxd | None = None) -> Settings:
    """Everything else is as shipped."""
    written = Influx() if influx is None else Influx(url=influx.url, bucket=influx.bucket, token=SecretStr("any:any"))
    return Settings(
        mqtt=Mqtt(url=f"mqtt://{HOST}:{port}", client_id="drain"),
        log=Log(path=folder / "readings.sqlite"),
        influx=written,
    )


def register(folder: Path, watches: int) -> None:
    """A new log whose registry knows them: more than a few unknown ones are refused."""
    known = tuple(Watch(index, watch_id(index)) for index in range(watches))
    with closing(SqliteLog(folder / "readings.sqlite")) as log:
        log.append(Batch(Readings.empty(), REGISTERED_AT_MS, new_watches=known))


def quiet() -> None:
    """Errors only: a benchmark prints its numbers."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def drain(folder: Path, port: int, count: int, influx: Influxd | None = None) -> Taken:
    """Until `count` messages are committed and their PUBACKs read by the broker; with InfluxDB until that has all."""
    quiet()
    with ExitStack() as stack:
        parts = build(settings_of(folder, port, influx), stack)
        stay_out_of_collections()
        cpu_s, started = time.process_time(), time.perf_counter()
        asyncio.run(_until_drained(parts, count))
        wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu_s
        tally = parts.ingest.tally
    quarantined = sum(tally.quarantined.values())
    more = {"commits": tally.commits, "receipts": tally.receipts, "quarantined": quarantined}
    return Taken(wall_s, cpu_s, more)


async def _until_drained(parts: Parts, count: int) -> None:
    working = asyncio.create_task(parts.ingest.run())
    writing = asyncio.create_task(parts.writer.run()) if parts.writer is not None else None
    while parts.ingest.tally.messages < count:
        await asyncio.sleep(LOOK_S)
        if working.done():
            working.result()
    await ended(working)  # leaves the broker in order: it has read every PUBACK by then
    if writing is not None and parts.influx is not None:
        while (await parts.writer.state()).lag_records:  # noqa: ASYNC110 - the writer has no event for this
            await asyncio.sleep(LOOK_S)
        await ended(writing)
        await parts.influx.aclose()


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel it and wait for its end."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def kept(folder: Path) -> int:
    """Readings in the log, every record checked."""
    with closing(SqliteLog(folder / "readings.sqlite")) as log:
        place = readings = 0
        while records := log.read(place, 1024):
            readings += sum(len(record.readings) for record in records)
            place = records[-1].offset
    return readings
