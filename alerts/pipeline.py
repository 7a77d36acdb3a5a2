"""The way of a record through alerts: judged by the engine, and written with all that follows from it. Start here.

    record -> Judge (engine, settings version) -> transitions -> one transaction:
        transitions, alerts, incidents, messages owed, timers, newest known of each watch, place

A message is owed in the transaction that moves the place, so after a crash nothing is told twice and nothing is lost:
the state is a snapshot and a replay up to the place, its transitions discarded (docs/adr/0006-one-transaction.md).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from alerts.adopt import adopt_people
from alerts.catch_up import caught_up, meet_watches
from alerts.incidents.transitions import keep_transitions
from alerts.judge import NUMPY_ENGINE, Engine, Judge, NoSettingsError
from alerts.store.incidents import note_audit
from alerts.store.places import CONSUMER, Place, move_place
from alerts.store.settings_versions import all_versions, hold_back
from alerts.store.snapshots import Snapshot, keep_snapshot, newest_snapshots
from alerts.store.watch_status import NewestKnown, put_statuses
from ingest.log.contract import LogError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from alerts.engine.contract import Transition
    from alerts.incidents.contract import Desk
    from alerts.seams import Clock
    from alerts.store.database import Store
    from ingest.log.contract import LogReader, Record
    from ingest.watches import Watches

log = structlog.get_logger(__name__)

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """How often what is written. A snapshot more costs time now and saves replay at the next start."""

    snapshot_records: int = 5_000
    snapshot_s: float = 300
    status_s: float = 2  # of log time, between two writings of the newest known
    people_s: float = 10  # of log time, between two looks for who wears the watches that are new
    retry_s: float = 1  # after a transaction failed
    retry_log_s: float = 10  # after the log could not be read: all is restored from the store


@dataclass(slots=True)
class PipelineHealth:
    """`problem` is empty while all is well; else what the store said, since `since_ns`.

    `failed_transitions`: that could not be turned into rows; the audit table holds each with its reason.
    `unjudged`: readings on which the engine failed, since start; the audit table names the records.
    """

    place: Place = field(default_factory=Place)
    problem: str = ""
    since_ns: int = 0
    failed_transitions: int = 0
    unjudged: int = 0


@dataclass(frozen=True, slots=True)
class _Judged:
    """A record's place, what it changed, and how many of its readings the engine failed on."""

    place: Place
    transitions: Sequence[Transition]
    unjudged: int = 0


class AlertPipeline:
    """One for a store. `catch_up` first, then `step` with each list of records, or `run`. Not thread-safe."""

    def __init__(
        self,
        store: Store,
        reader: LogReader,
        watches: Watches,
        clock: Clock,
        desk: Desk,
        options: PipelineOptions | None = None,
        engine: Engine = NUMPY_ENGINE,
    ) -> None:
        self._store = store
        self._reader = reader
        self._watches = watches
        self._clock = clock
        self._desk = desk
        self._options = options or PipelineOptions()
        self._engine = engine
        self._judge = Judge(engine, ())
        self._newest = NewestKnown({})
        self._waiting: deque[Record] = deque()
        self._failing_offset = 0
        self._unwritten: list[_Judged] = []
        self._snapshot_offset = 0
        self._snapshot_ns = 0
        self._status_ms = 0
        self._people_ms = 0
        self._people_are_due = True
        self.health = PipelineHealth()

    def catch_up(self) -> Place:
        """Restore what alerts knew at the store's place, and return it. Raises as `alerts.catch_up.caught_up` does."""
        self._waiting.clear()
        return self._stand_at_place()

    def _stand_at_place(self) -> Place:
        standing = caught_up(self._store, self._reader, self._watches, self._engine)
        self._judge, self._newest = standing.judge, standing.newest
        self._unwritten.clear()
        self._snapshot_offset, self._snapshot_ns = standing.snapshot_offset, self._clock.now_ns()
        self.health.place = standing.place
        return standing.place

    def step(self, records: Sequence[Record]) -> None:
        """Judge the records and write what follows. If the store fails the call raises, nothing of it is half, and
        the next call (with no records, if need be) goes on where this one ended: no record is passed over.
        """
        met = self._waiting[-1].offset if self._waiting else self._judge.offset
        self._waiting.extend(record for record in records if record.offset > met)
        self._meet_versions()
        while self._waiting:
            self._judge_next()
        self._write()
        self._look_for_people()
        self._keep_snapshot_if_due()

    async def run(self, follow: Callable[[int], AsyncIterator[Sequence[Record]]]) -> None:
        """For ever: `follow(offset)` gives the records after `offset` as they come. A store that fails is tried again
        until it works, and `health` says so; what was judged meanwhile is not lost, nor judged twice. So is a log.
        """
        while True:
            try:
                return await self._go_along(follow)  # it ends where `follow` does: a live log has no end
            except LogError as error:  # damaged, or its disk fails: what is owed already goes out meanwhile
                self._note_problem(error)
                log.exception("log_cannot_be_read", place=self.health.place.offset, remedy="see what the log says")
                await self._pause(self._options.retry_log_s)

    async def _go_along(self, follow: Callable[[int], AsyncIterator[Sequence[Record]]]) -> None:
        place = await asyncio.to_thread(self.catch_up)
        async for records in follow(place.offset):
            pending: Sequence[Record] = records
            while not await self._stepped(pending):
                pending = ()
                await self._pause(self._options.retry_s)

    async def _pause(self, pause_s: float) -> None:
        await self._clock.sleep_until(self._clock.now_ns() + int(pause_s * NS_PER_S))

    def _note_problem(self, error: Exception) -> None:
        if not self.health.problem:
            self.health.since_ns = self._clock.now_ns()
        self.health.problem = f"{error}"

    async def _stepped(self, records: Sequence[Record]) -> bool:
        try:
            await asyncio.to_thread(self.step, records)
        except (SQLAlchemyError, LogError) as error:
            self._note_problem(error)
            log.exception("store_failed", place=self.health.place.offset, remedy="see what the database says")
            return False
        self.health.problem = ""
        return True

    def _judge_next(self) -> None:
        record = self._waiting[0]
        self._meet_watches_of(record)
        transitions, unjudged = self._judged(record)
        self._newest.meet(record.readings, self._watches)
        self._unwritten.append(_Judged(Place(record.offset, record.log_time_ms), transitions, unjudged))
        self._waiting.popleft()

    def _judged(self, record: Record) -> tuple[Sequence[Transition], int]:
        """The record's transitions, and how many of its readings the engine failed on."""
        if record.offset != self._failing_offset:
            try:
                return self._judge.judge(record), 0
            except (NoSettingsError, MemoryError):
                self._write()  # what came before is kept back by nothing
                raise
            except Exception:
                log.exception("record_not_judged", offset=record.offset, remedy="taken around what fails in it")
                self._failing_offset = record.offset
        self._write()
        self._stand_at_place()  # the state was half changed: begin again at the record before
        return self._judge.judge_around(record)

    def _write(self) -> None:
        """One transaction for all that is judged and not written."""
        if not self._unwritten:
            return
        place = self._unwritten[-1].place
        told = any(judged.transitions for judged in self._unwritten)
        with_status = told or place.log_time_ms - self._status_ms >= self._options.status_s * 1000
        now_ns = self._clock.now_ns()
        failed = 0
        with self._store.transaction() as connection:
            for each in self._unwritten:
                changes = each.transitions
                failed += keep_transitions(connection, self._desk, self._watches, each.place.offset, changes, now_ns)
                if each.unjudged:
                    detail = {"offset": each.place.offset, "readings": each.unjudged}
                    note_audit(connection, now_ns, "readings_not_judged", **detail)
            if with_status:
                put_statuses(connection, self._newest.changed_rows())
            hold_back(connection, self._judge.newest_version, place.offset)
            move_place(connection, place)
        self.health.unjudged += sum(each.unjudged for each in self._unwritten)
        self._unwritten.clear()
        self.health.place = place
        self.health.failed_transitions += failed
        if with_status:
            self._newest.kept()
            self._status_ms = place.log_time_ms

    def _keep_snapshot_if_due(self) -> None:
        now_ns = self._clock.now_ns()
        records = self.health.place.offset - self._snapshot_offset
        is_old = now_ns - self._snapshot_ns >= self._options.snapshot_s * NS_PER_S
        if records >= self._options.snapshot_records or (is_old and records):
            self.keep_snapshot()

    def keep_snapshot(self) -> None:
        """Write the state as of the place; also at an orderly end. The log may be pruned up to the oldest one kept."""
        place, now_ns = self.health.place, self._clock.now_ns()
        if not place.offset or self._judge.offset != place.offset:
            return
        body = self._judge.snapshot()
        with self._store.transaction() as connection:
            put_statuses(connection, self._newest.changed_rows())
            keep_snapshot(connection, Snapshot(place.offset, body), now_ns)
            oldest = min(snapshot.offset for snapshot in newest_snapshots(connection, place.offset))
        self._newest.kept()
        self._reader.keep_place(CONSUMER, oldest)
        self._snapshot_offset, self._snapshot_ns = place.offset, now_ns

    def _meet_versions(self) -> None:
        with self._store.reading() as connection:
            self._judge.add_versions(all_versions(connection, self._judge.newest_version))

    def _meet_watches_of(self, record: Record) -> None:
        if len(record.readings) and int(record.readings["watch"].max()) >= len(self._watches):
            self._people_are_due |= meet_watches(self._reader, self._watches)

    def people_changed(self) -> None:
        """Somebody was imported, or wears another watch: look again with the next record."""
        self._people_are_due, self._people_ms = True, 0

    def _look_for_people(self) -> None:
        """Who wears a watch that has just spoken for the first time: limits and home hold from the next record on."""
        log_time_ms = self.health.place.log_time_ms
        if self._people_are_due and log_time_ms - self._people_ms >= self._options.people_s * 1000:
            with self._store.transaction() as connection:
                adopt_people(connection, self._watches, self._clock.now_ns())
            self._people_ms, self._people_are_due = log_time_ms, False
