"""What the owner of the log does when asked to read its quarantine again."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from carewatch.clock import WallClock
from carewatch.roles.preparing import of_today, preparation_of
from carewatch.sources import ConfiguredSources
from ingest.log.contract import QuarantineQuery
from ingest.log.sqlite import SqliteLog
from ingest.read_again import read_again
from ingest.seams import now_ms
from ingest.watches import Watches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carewatch.control import Do
    from carewatch.roles.ingest_parts import Parts
    from carewatch.settings import Settings
    from ingest.log.contract import Quarantined, ReadingLog
    from ingest.read_again import ReadAgain

AT_ONCE = 50
"""Entries asked for in one request, each with its turn between two commits."""


def quarantine_actions(parts: Parts) -> dict[str, Do]:
    """Name -> what is done."""

    async def retry(request: dict[str, Any]) -> dict[str, Any]:
        entries = request["entries"]
        if not isinstance(entries, list) or not all(isinstance(entry, int) for entry in entries):
            raise TypeError(f"entries = {entries!r}: give a list of the numbers that `carewatch quarantine list` shows")
        preparation = await asyncio.to_thread(of_today, parts.preparation, parts.settings)
        answers = []
        for number in entries:
            entry = await asyncio.to_thread(kept_entry, parts.reading_log, number)
            answers.append(asdict(await parts.ingest.read_again(entry, preparation)))
        return {"retried": answers}

    return {"retry": retry}


def read_again_offline(settings: Settings, entries: Sequence[int]) -> Iterator[ReadAgain]:
    """The same where ingest does not run. LogError if it does, or if the log does not take it."""
    clock = WallClock()
    with closing(SqliteLog(settings.log.path)) as reading_log:
        watches = Watches.of_rows(reading_log.watch_rows())
        preparation = preparation_of(settings, ConfiguredSources.of(settings), reading_log, watches, now_ms(clock))
        for number in entries:
            # Nobody listened meanwhile: silence before this record proves nothing.
            yield read_again(preparation, reading_log, kept_entry(reading_log, number), now_ms(clock), deaf=True)


def kept_entry(reading_log: ReadingLog, number: int) -> Quarantined:
    """The entry of this number. ValueError if there is none."""
    for entry in reading_log.quarantine(QuarantineQuery(1, entry=number)):
        return entry
    raise ValueError(f"quarantine entry {number}: there is none; `carewatch quarantine list` shows them")
