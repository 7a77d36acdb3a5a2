"""What every reading log promises, whether SQLite or Kafka keeps it.

The log is the one truth: an ordered sequence of records, each at its own offset (1, 2, 3, ...). A record holds
readings in arrival order, or a tick (log time went on and nothing came), or a step of the wall clock. Log time is the
running maximum of arrival over the records, ticks included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

import msgspec

from ingest.reading import Readings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ingest.normalise.seen_kept import SeenChunk, SeenRefused, SeenRun, SeenValue
    from ingest.watches import Watch


class RecordKind(IntEnum):
    """What a record tells."""

    READINGS = 1
    TICK = 2
    CLOCK_STEP = 3


@dataclass(frozen=True, slots=True)
class Record:
    """One record as a consumer meets it.

    `log_time_ms`: running maximum of arrival up to and including this record. `deaf`: carewatch or the broker was away
    before it. `step_ms`: for `CLOCK_STEP`, by how much the wall clock moved (log time moves with it).
    """

    offset: int
    kind: RecordKind
    log_time_ms: int
    deaf: bool = False
    step_ms: int = 0
    readings: Readings = field(default_factory=Readings.empty)


class Quarantined(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A payload that could not be a reading, kept whole with the reason. Equal where what was refused is equal.

    Made by the million when a watch fails: a msgspec struct takes a tenth of a frozen dataclass's time.

    `seqs`: (boot, seq) of its refused elements that are receipted, to be kept (see `LogReader.refused_seqs`). `entry`,
    `at_offset`: its number and its batch's record in the log, 0 before it stands there. `retried_ms`, `outcome`: of
    the newest retry.
    """

    topic: str
    arrival_ms: int
    reason: str
    detail: str
    payload: bytes
    watch_id: str | None = None
    seqs: Sequence[tuple[int, int]] = ()
    entry: int = 0
    at_offset: int = 0
    retried_ms: int | None = None
    outcome: str = ""

    def __eq__(self, other: object) -> bool:
        """Wherever in the log they stand."""
        return isinstance(other, Quarantined) and self._told() == other._told()

    def __hash__(self) -> int:
        """As `__eq__` compares."""
        return hash(self._told())

    def _told(self) -> tuple[object, ...]:
        refused = (self.topic, self.arrival_ms, self.reason, self.detail, self.payload, self.watch_id)
        return (*refused, tuple(self.seqs), self.retried_ms, self.outcome)


@dataclass(frozen=True, slots=True)
class QuarantineQuery:
    """Which quarantined payloads are asked for; what is None asks for any.

    `unread`: without those that a retry has read whole.
    """

    newest: int = 100
    entry: int | None = None
    reason: str | None = None
    watch_id: str | None = None
    since_ms: int | None = None
    before_ms: int | None = None
    unread: bool = False


EVERY_ENTRY = QuarantineQuery()


@dataclass(frozen=True, slots=True)
class Retried:
    """What a retry made of quarantine entry `entry`.

    `is_whole`: nothing is left to read. `brought`: (watch_id, boot, seq) of its elements that are readings now.
    `refused`: of those that became readable so far that they are receipted, and may be brought by a later retry.
    """

    entry: int
    time_ms: int
    outcome: str
    is_whole: bool = False
    brought: Sequence[tuple[str, int, int]] = ()
    refused: Sequence[tuple[str, int, int]] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit makes durable, all or nothing.

    `new_watches`: registry entries first met in this batch, their indices already given out by the registry.
    `retried`: quarantine entries that this batch brings.
    `seen_...`: what the duplicate filter must remember from now on. Boots of `seen_forgotten`, (watch, boot), leave
    its table before `seen_runs` enter it; `seen_refused` stand beside the record.
    """

    readings: Readings
    log_time_ms: int
    deaf: bool = False
    new_watches: Sequence[Watch] = ()
    quarantined: Sequence[Quarantined] = ()
    seen_runs: Sequence[SeenRun] = ()
    seen_values: Sequence[SeenValue] = ()
    seen_forgotten: Sequence[tuple[int, int]] = ()
    seen_refused: Sequence[SeenRefused] = ()
    seen_chunks: Sequence[SeenChunk] = ()
    retried: Sequence[Retried] = ()


class LogError(Exception):
    """The log cannot do what was asked; the text says what and the remedy."""


class LogOwnedElsewhereError(LogError):
    """Another process writes this log."""


class LogFullError(LogError):
    """Its disk has no room; nothing half is kept."""


class LogOutdatedError(LogError):
    """The log was written by an older carewatch; its owner brings it up when it starts."""


class LogDamagedError(LogError):
    """A record's checksum or version does not fit."""


class LogReader(Protocol):
    """The reading side: any number, in any process. `close` ends it."""

    def end(self) -> int:
        """Offset of the newest committed record; 0 when empty."""

    def start(self) -> int:
        """Offset of the oldest record kept; 1 when empty."""

    def read(self, after: int, limit: int = 256) -> Sequence[Record]:
        """Up to `limit` records with offset > `after`, in order; empty when there are none yet."""

    def offset_before(self, log_time_ms: int) -> int:
        """The greatest offset whose log time is < `log_time_ms`; 0 if none."""

    def watches(self, after_index: int = -1, limit: int | None = None) -> Sequence[Watch]:
        """Registry entries with index > `after_index`, by index; the first `limit` of them."""

    def keep_place(self, consumer: str, offset: int) -> None:
        """Fsync the consumer's offset beside the log: pruning never passes the least of them."""

    def place(self, consumer: str) -> int:
        """The consumer's kept offset; 0 at first."""

    def close(self) -> None:
        """Let go of files and connections."""


class ReadingLog(LogReader, Protocol):
    """The writing side: one owner at a time."""

    def append(self, batch: Batch) -> int:
        """Commit durably and return the record's offset. On failure nothing of the batch is kept (`LogError`)."""

    def tick(self, log_time_ms: int, *, deaf: bool = False) -> int:
        """Commit the passing of time."""

    def clock_step(self, log_time_ms: int, step_ms: int) -> int:
        """Commit that the wall clock stepped by `step_ms`; counts as deaf."""

    def seen_runs(self) -> Iterator[SeenRun]:
        """Runs that the duplicate filter does not keep in memory, as of the last commit."""

    def seen_runs_of(self, watch: int, boot: int) -> Sequence[SeenRun]:
        """Those of one boot, by generation; empty when it is not there."""

    def seen_boots_of(self, watch: int) -> dict[int, int]:
        """Every boot of the watch that is there -> `touched_ms` of its newest generation."""

    def seen_chunks(self) -> Sequence[SeenChunk]:
        """The filter's state, oldest first; pruning never passes the least offset of a whole chunk."""

    def seen_refused(self, after: int) -> Sequence[tuple[int, SeenRefused]]:
        """(offset, element) of refused elements kept with a record after `after`, by offset."""

    def keep_seen(
        self,
        chunks: Iterable[SeenChunk],
        runs: Iterable[SeenRun] = (),
        forgotten: Iterable[tuple[int, int]] = (),
    ) -> None:
        """Keep state of the filter as of the newest record, in a transaction of its own. `LogError`: none is kept."""

    def seen_values(self, since_ms: int) -> Iterator[SeenValue]:
        """What is known of readings without seq, of watch time >= `since_ms`, as of the last commit."""

    def put_watch(self, watch: Watch) -> None:
        """Register or change a watch."""

    def quarantine(self, query: QuarantineQuery = EVERY_ENTRY) -> Iterator[Quarantined]:
        """The quarantined payloads that the query asks for, newest first."""

    def quarantine_numbers(self, query: QuarantineQuery) -> Sequence[int]:
        """The numbers of these entries, newest first, without their payloads."""

    def refused_seqs(self, watch_id: str, seqs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, bool]]:
        """Which of these (boot, seq) count as committed because they were refused.

        The value: the quarantine entry whose retry may bring the reading, and whether one has.
        """

    def mark_retried(self, retried: Retried) -> None:
        """Keep what a retry made of an entry, where it brought nothing; else it stands in its batch."""

    def prune(self, before_ms: int) -> int:
        """Drop records older than `before_ms` that every consumer has read; returns how many."""

    def verify(self) -> int:
        """Check every record's checksum; returns how many. Raises `LogDamagedError` at the first bad one."""
