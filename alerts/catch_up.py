"""The state as it was at the store's place: the newest good snapshot, and a replay up to the place.

The transitions of the replay are discarded: their effects are in the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from alerts.judge import Engine, Judge, NoSettingsError
from alerts.store.places import Place, read_place
from alerts.store.settings_versions import all_versions
from alerts.store.snapshots import newest_snapshots
from alerts.store.watch_status import NewestKnown, statuses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from alerts.store.database import Store
    from ingest.log.contract import LogReader, Record
    from ingest.watches import Watches

log = structlog.get_logger(__name__)

READ_RECORDS = 256


class PipelineError(Exception):
    """The log and the store do not fit together; the text says how and the remedy."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where alerts stand: everything up to `place` is in the store, and `judge` is there, too."""

    judge: Judge
    newest: NewestKnown
    place: Place
    snapshot_offset: int


def meet_watches(reader: LogReader, watches: Watches) -> bool:
    """Take over what the registry has and `watches` has not; whether there was any."""
    new = reader.watches(len(watches) - 1)
    for watch in new:
        watches.put(watch)
    return bool(new)


def caught_up(store: Store, reader: LogReader, watches: Watches, engine: Engine) -> Standing:
    """Restore. Raises `PipelineError` if the log ends before the store's place, `NoSettingsError` without rules."""
    meet_watches(reader, watches)
    failing: set[int] = set()
    while True:
        with store.reading() as connection:
            place = read_place(connection)
            judge = Judge(engine, all_versions(connection))
            newest = NewestKnown(statuses(connection))
            start = _restored(connection, judge, engine, place)
        _check(reader, start, place)
        failed = _replayed(judge, newest, _records(reader, start, place.offset), watches, failing)
        if failed is None:
            log.info("alerts_caught_up", snapshot=start, place=place.offset)
            return Standing(judge, newest, place, start)
        failing.add(failed)


def _replayed(
    judge: Judge, newest: NewestKnown, records: Iterator[Record], watches: Watches, failing: set[int]
) -> int | None:
    """Offset of a record on which the engine failed, which spoils the state; None when all were taken."""
    for record in records:
        if record.offset in failing:
            judge.judge_around(record)
        else:
            try:
                judge.judge(record)
            except (NoSettingsError, MemoryError):
                raise
            except Exception:
                log.exception("record_not_judged", offset=record.offset, remedy="taken around what fails in it")
                return record.offset
        newest.meet(record.readings, watches)
    return None


def _restored(connection: Connection, judge: Judge, engine: Engine, place: Place) -> int:
    """Offset of the newest snapshot that can be read; 0: from the beginning."""
    for snapshot in newest_snapshots(connection, place.offset):
        try:
            judge.restore(snapshot.offset, snapshot.body)
        except engine.damaged:
            log.exception("snapshot_damaged", offset=snapshot.offset, remedy="the one before is used")
        else:
            return snapshot.offset
    return 0


def _check(reader: LogReader, start: int, place: Place) -> None:
    if reader.end() < place.offset:
        raise PipelineError(
            f"the log ends at record {reader.end()}, and the store has met {place.offset} records: they do not belong "
            "together; give the store its own log (log.path), or begin with a new store (store.url)"
        )
    if start < place.offset and reader.start() > start + 1:
        log.error(
            "log_pruned_before_snapshot",
            log_start=reader.start(),
            snapshot=start,
            remedy="holds and silences that began before are judged anew; nothing else is lost",
        )


def _records(reader: LogReader, after: int, up_to: int) -> Iterator[Record]:
    while after < up_to:
        for record in reader.read(after, min(READ_RECORDS, up_to - after)):
            after = record.offset
            if after <= up_to:
                yield record
