"""What is wrong with ingest, as /healthz shows it: what, since when, and the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carewatch.status import Problem
from ingest.intake import SESSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carewatch.roles.ingest_parts import Parts
    from ingest.influx.writer import WriterState

NS_PER_MS = 1_000_000
CONNECTING = "wait; within 10 s it is up, or the reason stands here"
"""`MqttOptions.connect_timeout_s`."""


def problems(parts: Parts, influx: WriterState | None) -> Iterator[Problem]:
    """Everything, in the way of a reading."""
    yield from _of_the_broker(parts)
    trouble = parts.ingest.trouble
    if trouble.what:
        yield Problem("log", trouble.what, "see the disk; nothing is acknowledged meanwhile", trouble.since_ms)
    if influx is not None and influx.trouble is not None:
        told = influx.trouble
        what = f"{told.reason}: {told.words}"
        yield Problem(
            "influx", what, f"{told.remedy}; all is written from the log later", told.since_ms, is_grave=False
        )


def _of_the_broker(parts: Parts) -> Iterator[Problem]:
    for name, link in zip(SESSIONS, parts.ingest.links, strict=True):
        if link.deaf:
            reason = link.trouble.text if link.trouble is not None else "connecting"
            what = f"no link for {name}: {reason} {link.detail}".strip()
            yield Problem("broker", what, link.remedy or CONNECTING, link.since_ns // NS_PER_MS)
