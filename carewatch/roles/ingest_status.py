"""What the role ingest says of itself: the broker's links, the log, InfluxDB, and the totals of every stage."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carewatch.status import Problem, RoleStatus
from ingest.mqtt.link import Link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carewatch.roles.ingest_parts import Parts
    from ingest.influx.writer import WriterState

NS_PER_MS = 1_000_000
CONNECTING = "wait; within 10 s it is up, or the reason stands here"
"""`MqttOptions.connect_timeout_s`."""


async def ingest_status(parts: Parts) -> RoleStatus:
    """Cheap enough for each second."""
    influx = await parts.writer.state() if parts.writer is not None else None
    size_bytes = parts.reading_log.path.stat().st_size
    gauges = {
        "log_end": float(parts.reading_log.end()),
        "log_bytes": float(size_bytes),
        "watches": float(len(parts.watches)),
        "broker_up": float(all(link.link is Link.UP for link in parts.ingest.links)),
    }
    counters = parts.ingest.tally.totals()
    if influx is not None:
        gauges |= {"influx_lag_records": float(influx.lag_records), "influx_lag_s": influx.lag_s}
        counters |= {"influx_written": float(influx.written_lines), "influx_refused": float(influx.refused_lines)}
    return RoleStatus("ingest", os.getpid(), counters, gauges, tuple(_problems(parts, influx)))


def _problems(parts: Parts, influx: WriterState | None) -> Iterator[Problem]:
    for name, link in zip(("emergencies", "readings"), parts.ingest.links, strict=True):
        if link.deaf:
            reason = link.trouble.text if link.trouble is not None else "connecting"
            what = f"no link for {name}: {reason} {link.detail}".strip()
            yield Problem("broker", what, link.remedy or CONNECTING, link.since_ns // NS_PER_MS)
    trouble = parts.ingest.trouble
    if trouble.what:
        yield Problem("log", trouble.what, "see the disk; nothing is acknowledged meanwhile", trouble.since_ms)
    if influx is not None and influx.trouble is not None:
        told = influx.trouble
        what = f"{told.reason}: {told.words}"
        yield Problem(
            "influx", what, f"{told.remedy}; all is written from the log later", told.since_ms, is_grave=False
        )
