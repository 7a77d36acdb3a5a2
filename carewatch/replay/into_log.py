"""Plays messages straight into a log, through the stages that live messages pass."""

from __future__ import annotations

from contextlib import closing
from itertools import groupby
from typing import TYPE_CHECKING

from carewatch.roles.preparing import preparation_of
from carewatch.sources import ConfiguredSources
from ingest.log.sqlite import SqliteLog
from ingest.mqtt.delivered import Delivered
from ingest.watches import Watches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from carewatch.replay.recording import Recorded
    from carewatch.settings import Settings
    from ingest.log.contract import ReadingLog
    from ingest.prepare import Preparation

BATCH_S = 1.0
"""Messages that arrived within a second become one record, as a busy ingest would write them."""


def replay_into_log(
    messages: Iterable[Recorded],
    path: Path,
    settings: Settings,
    on_message: Callable[[int], None] = lambda _count: None,
) -> dict[str, int]:
    """Arrival is the recorded one. Returns messages, readings, duplicates and quarantined."""
    counts = {"messages": 0, "readings": 0, "duplicates": 0, "quarantined": 0}
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(SqliteLog(path)) as reading_log:
        watches = Watches(reading_log.watches())
        preparation: Preparation | None = None
        for second, group in groupby(messages, key=lambda message: int(message.at_s / BATCH_S)):
            if preparation is None:
                sources = ConfiguredSources.of(settings)
                preparation = preparation_of(settings, sources, reading_log, watches, second * 1000)
            _append(list(group), preparation, reading_log, counts)
            on_message(counts["messages"])
    return counts


def _append(group: list[Recorded], preparation: Preparation, reading_log: ReadingLog, counts: dict[str, int]) -> None:
    delivered = Delivered(
        connection=1,
        topics=[message.topic for message in group],
        payloads=[message.payload for message in group],
        retained=[False] * len(group),
        packet_ids=[0] * len(group),
    )
    prepared = preparation.prepare([delivered], int(group[-1].at_s * 1000), deaf=False)
    if not prepared.is_empty:
        reading_log.append(prepared.batch)
    preparation.seen.commit()
    counts["messages"] += len(group)
    counts["readings"] += len(prepared.batch.readings)
    counts["duplicates"] += len(prepared.readings) - len(prepared.batch.readings)
    counts["quarantined"] += len(prepared.batch.quarantined)
