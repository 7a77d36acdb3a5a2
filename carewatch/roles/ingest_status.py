"""What the role ingest says of itself: the broker's links, the log, InfluxDB, and the totals of every stage."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from carewatch.status import Buckets, RoleStatus
from ingest.intake import SESSIONS
from ingest.log.room import Room
from ingest.mqtt.link import Link
from ingest.seams import now_ms

if TYPE_CHECKING:
    from pathlib import Path

    from carewatch.roles.ingest_parts import Parts
    from carewatch.roles.ingest_problems import IngestProblems
    from ingest.histogram import Histogram
    from ingest.influx.writer import WriterState


async def ingest_status(parts: Parts, problems: IngestProblems) -> RoleStatus:
    """Cheap enough for each second."""
    time_ms = now_ms(parts.clock)
    await asyncio.to_thread(parts.room.look, time_ms)
    await asyncio.to_thread(problems.look, time_ms)
    gauges = await asyncio.to_thread(_gauges, parts)  # reads the log: an emergency does not wait for that
    influx = await parts.writer.state() if parts.writer is not None else None
    tally, links = parts.ingest.tally, dict(zip(SESSIONS, parts.ingest.links, strict=True))
    by_label = tally.by_label() | {
        "link_up": {name: float(link.link is Link.UP) for name, link in links.items()},
        "link_connections": {name: float(link.connection) for name, link in links.items()},
        "consumer_lag_records": {name: gauges["log_end"] - place for name, place in problems.places.items()},
    }
    return RoleStatus(
        "ingest",
        os.getpid(),
        tally.totals()
        | _of_the_log(parts)
        | {"quarantined": float(tally.quarantined.total())}
        | _influx_counters(influx),
        gauges | _influx_gauges(influx),
        by_label,
        {name: _buckets(histogram) for name, histogram in tally.histograms().items()},
        tuple(problems.found(influx, time_ms)),
    )


def _of_the_log(parts: Parts) -> dict[str, float]:
    return {
        "rows_merged": float(parts.aging.merged_rows),
        "quarantine_not_kept": float(parts.reading_log.cap.over),
    }


def _gauges(parts: Parts) -> dict[str, float]:
    log, path = parts.reading_log, parts.reading_log.path
    end = log.end()
    return {
        "broker_up": float(all(link.link is Link.UP for link in parts.ingest.links)),
        "batches_waiting": float(parts.ingest.waiting),
        "log_end": float(end),
        "log_records": float(end - log.start() + 1),
        "log_bytes": float(_size_bytes(path) + _size_bytes(path.with_name(path.name + "-wal"))),
        "log_merged": float(parts.aging.reached),
        "disk_free_bytes": float(parts.room.state.free_bytes),
        "room": 1.0 - parts.room.state.room / Room.SHEDDING,
        "watches": float(len(parts.watches)),
        "watches_provisional": float(parts.watches.provisional),
    }


def _size_bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _influx_gauges(influx: WriterState | None) -> dict[str, float]:
    if influx is None:
        return {}
    return {"influx_lag_records": float(influx.lag_records), "influx_lag_seconds": influx.lag_s}


def _influx_counters(influx: WriterState | None) -> dict[str, float]:
    if influx is None:
        return {}
    return {
        "influx_written": float(influx.written_lines),
        "influx_refused": float(influx.refused_lines),
        "influx_writes": float(influx.writes),
        "influx_retries": float(influx.retries),
    }


def _buckets(histogram: Histogram) -> Buckets:
    return Buckets(histogram.bounds, histogram.cumulative(), histogram.total)
