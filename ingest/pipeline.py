"""The way of a message through ingest. Start here:

    Intake (two sessions) -> Preparation (decode, shed, identify, normalise, duplicates) -> log.append, durably
        -> PUBACK to the broker, receipt to the watch

Nothing is acknowledged before the commit, and nothing that was committed is used twice. What fails here is said,
tried again, and lost by nobody: the broker holds what is not acknowledged, the watch what is not receipted.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog

from ingest.around import prepare_around
from ingest.log.contract import LogError
from ingest.log.pruning import prune_for_ever
from ingest.log.room import Room
from ingest.mqtt.subscriber import Published
from ingest.read_again import read_again
from ingest.seams import NS_PER_MS, now_ms
from ingest.tally import Tally
from ingest.whole import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ingest.intake import Intake, Parcel
    from ingest.log.contract import Quarantined, ReadingLog
    from ingest.log.room import DiskRoom
    from ingest.mqtt.link import LinkState
    from ingest.prepare import Preparation, Prepared
    from ingest.read_again import ReadAgain
    from ingest.receipts import Receipts
    from ingest.seams import SettableClock

log = structlog.get_logger(__name__)
T = TypeVar("T")

FIRST_RETRY_S, LONGEST_RETRY_S = 0.1, 3.0
RECEIPTS_POLL_S = 0.05
"""All three are real seconds: they concern this machine, not the watches."""


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """`tick_s`: of the clock, after which a log with nothing to say says so. `keep_days`: age at which records go."""

    tick_s: float = 1.0
    keep_days: int = 400


@dataclass(slots=True)
class LogTrouble:
    """Why the log does not take readings, since when; `what` is empty while it does."""

    what: str = ""
    since_ms: int = 0


class Ingest:
    """One for a log. Everything runs in one event loop; decoding and fsync in a thread, one batch at a time.

    `room`: of the log's disk; without one it is never asked, and nothing is shed.
    """

    def __init__(
        self,
        reading_log: ReadingLog,
        intake: Intake,
        preparation: Preparation,
        receipts: Receipts,
        clock: SettableClock,
        options: IngestOptions,
        room: DiskRoom | None = None,
    ) -> None:
        self._log = reading_log
        self._room = room
        self._intake = intake
        self._preparation = preparation
        self._receipts = receipts
        self._clock = clock
        self._options = options
        self._newest_record_ms = now_ms(clock)
        self._turn = asyncio.Lock()
        self._heard_by = tuple(link.connection for link in self.links)
        self._step_ns = self._unrecorded_step_ns = 0
        self.tally = Tally()
        self.trouble = LogTrouble()
        self.last_reading_ms: int | None = None

    @property
    def links(self) -> tuple[LinkState, LinkState]:
        """Of the emergencies' session and of the others'."""
        return self._intake.emergencies.state, self._intake.others.state

    @property
    def waiting(self) -> int:
        """Batches delivered and not yet committed."""
        return self._intake.waiting

    async def run(self) -> None:
        """Until cancelled; then the broker is left in order, with every PUBACK that is owed."""
        async with asyncio.TaskGroup() as sessions:
            sessions.create_task(self._intake.run())
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._commit_for_ever())
                    group.create_task(self._tick_for_ever())
                    group.create_task(self._receipt_for_ever())
                    group.create_task(prune_for_ever(self._log, self._clock, self._options.keep_days))
            finally:
                await self._intake.close()

    async def between_commits(self, work: Callable[[], T]) -> T:
        """Do it in a thread while no batch is under way: the log and the registry of watches change by turns."""
        async with self._turn:
            return await whole(asyncio.to_thread(work))

    async def read_again(self, entry: Quarantined, preparation: Preparation) -> ReadAgain:
        """A quarantined payload, as `preparation` decodes it now. LogError: everything is as before."""

        def reading_again() -> ReadAgain:
            time_ms = now_ms(self._clock)
            heard_by, deaf = self._hearing()
            answer = read_again(preparation, self._log, entry, time_ms, deaf=deaf)
            if answer.readings:
                self.tally.quarantine_read += answer.readings
                self._recorded(time_ms, heard_by)
            return answer

        return await self.between_commits(reading_again)

    def _hearing(self) -> tuple[tuple[int, ...], bool]:
        """The links' connections, and whether silence since the last record proves nothing: a blip counts too."""
        heard_by = tuple(link.connection for link in self.links)
        return heard_by, heard_by != self._heard_by or any(link.deaf for link in self.links)

    async def _commit_for_ever(self) -> None:
        while True:
            parcels = await self._intake.gather()
            retry_s = FIRST_RETRY_S
            while not await self._took(parcels):
                is_urgent = parcels[0].session is self._intake.emergencies
                await (asyncio.sleep(retry_s) if is_urgent else self._emergencies_meanwhile(retry_s))
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)

    async def _emergencies_meanwhile(self, wait_s: float) -> None:
        """So long the calm readings wait that the log refused; for an emergency it may still find room."""
        urgent = await self._intake.next_emergencies(wait_s)
        if urgent and not await self._took(urgent):
            self._intake.give_back(urgent)
            await asyncio.sleep(wait_s)

    async def _took(self, parcels: list[Parcel]) -> bool:
        """Commit and acknowledge. What is durable is acknowledged also if we were told to end meanwhile."""
        prepared: Prepared | None = None

        def commit() -> None:
            nonlocal prepared
            prepared = self._committed(parcels)

        try:
            await self.between_commits(commit)
        finally:
            if prepared is not None:
                self._acknowledge(parcels, prepared)
        return prepared is not None

    def _committed(self, parcels: list[Parcel]) -> Prepared | None:
        """In a thread. None: the log did not take it, everything is as before, and the reason is told."""
        arrival_ms = now_ms(self._clock)
        heard_by, deaf = self._hearing()
        deliveries = [parcel.delivered for parcel in parcels]
        urgent_only = self._must_shed(arrival_ms)
        try:
            prepared = prepare_around(self._preparation, deliveries, arrival_ms, deaf=deaf, urgent_only=urgent_only)
        except LogError as error:
            self._not_taken(str(error))
            return None
        began_ns = time.perf_counter_ns()
        try:
            if not prepared.is_empty:
                self._log.append(prepared.batch)
        except LogError as error:
            self._preparation.undo(prepared)
            self._not_taken(str(error))
            return None
        took_s = (time.perf_counter_ns() - began_ns) / 1e9
        self._preparation.seen.commit()
        self._count(prepared)
        if not prepared.is_empty:
            self.tally.commits += 1
            self.tally.commit_s.observe(took_s)
            self.tally.commit_rows.observe(len(prepared.batch.readings))
            self._recorded(arrival_ms, heard_by)
        if len(prepared.batch.readings):
            self.last_reading_ms = arrival_ms
        return prepared

    def _must_shed(self, time_ms: int) -> bool:
        """For want of room: calm readings are acknowledged to the broker, neither committed nor receipted."""
        return self._room is not None and self._room.look(time_ms) is Room.SHEDDING

    def _acknowledge(self, parcels: list[Parcel], prepared: Prepared) -> None:
        """After the commit: PUBACKs in order, then receipts of emergencies, and the answers that watches wait for."""
        parcels[0].session.acknowledge(*(parcel.delivered for parcel in parcels))  # a gathering is of one session
        for parcel in parcels:
            self.tally.acknowledged(self._intake.name_of(parcel.session), parcel.delivered, time.perf_counter_ns())
        steady_ms = self._steady_ms()
        self._receipts.note_committed(prepared.readings, prepared.judgement, prepared.refused, steady_ms)
        answers = [(answer.watch_id, answer.payload) for answer in prepared.decoded.answers]
        self._publish([*answers, *self._receipts.due(steady_ms)])

    def _steady_ms(self) -> int:
        """The clock without its steps: one that is set back by an hour must not hold receipts up for an hour."""
        return (self._clock.now_ns() - self._step_ns) // NS_PER_MS

    def _publish(self, receipts: Iterable[tuple[str, bytes]]) -> None:
        """QoS 0: one that is lost costs a resend."""
        messages = [(f"watch/{watch_id}/receipt", payload) for watch_id, payload in receipts]
        if not messages:
            return
        answers = self._intake.emergencies.publish_all(messages)
        sent = sum(answer is Published.SENT for answer in answers)
        self.tally.receipts += sent
        self.tally.receipts_unsent += len(answers) - sent

    def _count(self, prepared: Prepared) -> None:
        self.tally.count(prepared)
        self.tally.shed += prepared.shed
        self.tally.lost = self._preparation.seen.lost
        if strangers := prepared.batch.new_watches:
            remedy = "`carewatch watch add` those that are yours"
            log.warning("watches_unknown", count=len(strangers), first=strangers[0].watch_id, remedy=remedy)

    def _recorded(self, time_ms: int, heard_by: tuple[int, ...]) -> None:
        """The log took a record."""
        self._newest_record_ms, self._heard_by = time_ms, heard_by
        if self.trouble.what:
            log.info("log_takes_again", since_ms=self.trouble.since_ms)
            self.trouble = LogTrouble()

    def _not_taken(self, what: str) -> None:
        self.tally.commit_failures += 1
        if self.trouble.what != what:
            log.error("log_does_not_take", problem=what, remedy="nothing is acknowledged; see the disk; tried again")
            self.trouble = LogTrouble(what, self.trouble.since_ms or now_ms(self._clock))

    async def _tick_for_ever(self) -> None:
        """Log time goes on when nothing comes, and when the wall clock is set."""
        tick_ms = int(self._options.tick_s * 1000)
        while True:
            await self._clock.sleep_until((self._newest_record_ms + tick_ms) * NS_PER_MS)
            try:
                async with self._turn:
                    self._notice_step()
                    await whole(asyncio.to_thread(self._tick, tick_ms))
            except LogError as error:
                self._not_taken(str(error))
                await asyncio.sleep(FIRST_RETRY_S)

    def _notice_step(self) -> None:
        """Of the wall clock; kept until the log has taken it."""
        step_ns = self._clock.take_step()
        self._step_ns += step_ns
        self._unrecorded_step_ns += step_ns
        if step_ns:
            log.warning("wall_clock_set", step_ms=step_ns // NS_PER_MS)

    def _tick(self, tick_ms: int) -> None:
        step_ms, time_ms = self._unrecorded_step_ns // NS_PER_MS, now_ms(self._clock)
        heard_by, deaf = self._hearing()
        if step_ms:
            self._log.clock_step(time_ms, step_ms)
            self._unrecorded_step_ns = 0
        elif time_ms - self._newest_record_ms >= tick_ms:
            self._log.tick(time_ms, deaf=deaf)
            self.tally.ticks += 1
        else:
            return  # a batch came first
        self._recorded(time_ms, heard_by)

    async def _receipt_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RECEIPTS_POLL_S)
            self._publish(self._receipts.due(self._steady_ms()))
