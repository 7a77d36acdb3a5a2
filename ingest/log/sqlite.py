"""The reading log in one SQLite file: each batch one transaction, durable when `append` returns."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog

from ingest.log import tables
from ingest.log.contract import Batch, LogError, LogFullError, Record, RecordKind
from ingest.log.owner import OwnerLock
from ingest.log.quarantine_cap import TOTAL_BYTES, QuarantineCap
from ingest.log.quarantine_table import mark_retried, put_entries
from ingest.log.record import pack, row_fields
from ingest.log.room import Ballast
from ingest.log.seen_tables import SqliteSeen, drop_refused, forget_runs, put_chunks, put_runs, put_seen
from ingest.log.set_aside import damaged_row, keep_bytes, put_empty
from ingest.log.tables import explained, transaction
from ingest.reading import EMERGENCY_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import apsw

    from ingest.log.contract import Quarantined, Retried
    from ingest.log.record import Row
    from ingest.log.set_aside import SetAside
    from ingest.normalise.seen_kept import SeenChunk, SeenRun
    from ingest.watches import Watch

log = structlog.get_logger(__name__)

PRUNE_ROWS, PRUNE_BYTES = 1000, 4 << 20
"""Of rows dropped in one transaction: an append never waits long for pruning."""
VACUUM_PAGES = 64
"""Given back to the disk in one transaction."""
SEEN_VALUE_KEPT_MS = 2 * 86_400_000  # twice the 24 h of WIRE.md section 2

_PUT_RECORD = "INSERT INTO record VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_WATCH = (
    "INSERT INTO watch VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(idx) DO UPDATE SET watch_id = excluded.watch_id, "
    "profile = excluded.profile, site = excluded.site, provisional = excluded.provisional, retired = excluded.retired"
)


class SqliteLog(SqliteSeen):
    """`ReadingLog` in a SQLite file: the one owner, with the one writing connection.

    Methods are synchronous (a commit waits for the disk): call them in a thread. They may be called from any thread;
    writes wait for each other, and reads go by a connection of their own, so they never wait for a commit.

    Raises
    ------
    LogOwnedElsewhereError
        Another process writes it.
    LogError
        Its folder cannot be made or written, or the file is of another version.
    """

    def __init__(self, path: Path | str, quarantine_bytes: int = TOTAL_BYTES) -> None:
        path = Path(path)
        self.ballast = Ballast(path)
        self.cap = QuarantineCap(quarantine_bytes)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LogError(f"{path.parent}: cannot be made: {error.strerror}; give another log.path") from error
        with ExitStack() as undo:
            self._owner = OwnerLock(path)
            undo.callback(self._owner.release)
            self._writing = tables.open_to_write(path)
            undo.callback(self._writing.close)
            super().__init__(path)
            self._write_turn = threading.Lock()
            self._end, self._log_time_ms = self._newest()
            self.cap.count(self._writing, self._log_time_ms)
            undo.pop_all()  # all is well: nothing to undo

    def append(self, batch: Batch) -> int:
        """Commit durably and return the record's offset.

        A log time below the newest one is raised to it: it is a running maximum. A batch with an emergency that finds
        no room takes the ballast's. Of what is quarantined only that is kept which the cap admits.

        Raises
        ------
        LogError
            Disk full or failing, or the file is locked by a stranger: nothing of the batch is kept, and the same
            batch may be given again.
        """
        with self._write_turn:
            log_time_ms = max(batch.log_time_ms, self._log_time_ms)
            record = Record(self._end + 1, RecordKind.READINGS, log_time_ms, batch.deaf, readings=batch.readings)
            try:
                return self._commit(record, batch)
            except LogFullError as full:
                if not _has_emergency(batch):
                    raise
                try:
                    given_up = self.ballast.give_up()
                except OSError as error:
                    raise LogError(f"{full}; nor does the disk let its ballast go: {error}") from error
                if not given_up:
                    raise
                return self._commit(record, batch)

    def tick(self, log_time_ms: int, *, deaf: bool = False) -> int:
        """Commit the passing of time; errors as in `append`."""
        with self._write_turn:
            return self._commit(Record(self._end + 1, RecordKind.TICK, max(log_time_ms, self._log_time_ms), deaf))

    def clock_step(self, log_time_ms: int, step_ms: int) -> int:
        """Commit that the wall clock stepped by `step_ms`, log time going on from `log_time_ms`, earlier or later."""
        with self._write_turn:
            return self._commit(Record(self._end + 1, RecordKind.CLOCK_STEP, log_time_ms, deaf=True, step_ms=step_ms))

    def keep_seen(
        self,
        chunks: Iterable[SeenChunk],
        runs: Iterable[SeenRun] = (),
        forgotten: Iterable[tuple[int, int]] = (),
    ) -> None:
        """Keep state of the duplicate filter as of the newest record; errors as in `append`."""
        with (
            self._write_turn,
            explained(self.path, "keep the duplicate filter"),
            transaction(self._writing) as writing,
        ):
            forget_runs(writing, forgotten)
            put_runs(writing, runs)
            put_chunks(writing, chunks, self._end)

    def put_watch(self, watch: Watch) -> None:
        """Register or change a watch. LogError when its id has another index already."""
        with (
            self._write_turn,
            explained(self.path, f"register watch {watch.watch_id}"),
            transaction(self._writing) as writing,
        ):
            writing.execute(_PUT_WATCH, tables.watch_row(watch))

    def mark_retried(self, retried: Retried) -> None:
        """Keep what a retry made of an entry, where it brought nothing; else it stands in its batch."""
        with (
            self._write_turn,
            explained(self.path, f"mark quarantine entry {retried.entry}"),
            transaction(self._writing) as writing,
        ):
            mark_retried(writing, [retried])

    def prune(self, before_ms: int) -> int:
        """Drop records older than `before_ms` that every consumer has read; returns how many.

        The newest record stays always: offsets go on from it. With the records go the quarantine of that age and
        values that the duplicate filter no longer asks for.
        """
        kept_by = [*self.places().values(), *self.oldest_chunks()]
        offset = min([self.offset_before(before_ms), self.end() - 1, *kept_by])
        dropped = 0
        while (rows := self._drop_some(offset)) > 0:
            dropped += rows
        self._forget(before_ms)
        while self.give_back():
            pass  # in steps, so that an append comes between
        return dropped

    @property
    def log_time_ms(self) -> int:
        """Of the newest record; 0 when empty."""
        return self._log_time_ms

    def exchange(self, rows: Sequence[Row], row: Row) -> None:
        """Put one row in the place of the rows that it was merged from, all or nothing.

        Raises
        ------
        LogError
            Disk full or failing, or the rows are no longer there: the log is as before.
        """
        first, last = rows[0].last_offset, rows[-1].last_offset
        with self._write_turn, explained(self.path, "merge records"), transaction(self._writing) as writing:
            dropped = writing.execute(
                "DELETE FROM record WHERE last_offset BETWEEN ? AND ? RETURNING checksum", (first, last)
            )
            if [checksum for (checksum,) in dropped] != [row.checksum for row in rows]:
                raise LogError(
                    f"{self.path}: records {row.first_offset}..{row.last_offset} changed while they were merged"
                )
            writing.execute(_PUT_RECORD, row_fields(row))

    def give_back(self) -> bool:
        """Return some free pages to the disk; whether there is more. A quarter stays: what comes uses it soon."""
        with self._write_turn, explained(self.path, "give room back"):
            free, pages = self._writing.pragma("freelist_count"), self._writing.pragma("page_count")
            if free * 4 > pages:
                list(self._writing.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})"))
            return bool(free * 4 > pages)

    def set_aside_damaged(self, offset: int) -> SetAside:
        """Put empty records in the place of the damaged row that holds `offset`, its bytes in a file beside the log.

        Raises
        ------
        LogError
            The row is whole, or there is none; the file or the log cannot be written, and the log is as it was.
        """
        row = damaged_row(self.row_of(offset), offset, self.path)
        file = keep_bytes(row, self.path)
        with self._write_turn, explained(self.path, f"set {row.name} aside"), transaction(self._writing) as writing:
            done = put_empty(writing, row, file)
        log.error(
            "records_set_aside", first=done.first_offset, last=done.last_offset, file=str(file), readings=row.rows
        )
        return done

    def drop_place(self, consumer: str) -> None:
        """Forget a consumer that is gone for good, so that it holds pruning up no longer."""
        self._places.drop(consumer)

    def close(self) -> None:
        """Checkpoint, close, and let the next owner in; a second call does nothing."""
        with self._write_turn:
            super().close()
            self._writing.close()
            self._owner.release()

    def _newest(self) -> tuple[int, int]:
        rows = self._all("SELECT last_offset, last_log_time_ms FROM record ORDER BY last_offset DESC LIMIT 1")
        return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

    def _commit(self, record: Record, batch: Batch | None = None) -> int:
        row = pack(record)
        admitted = self.cap.admit(batch.quarantined) if batch is not None else []
        with explained(self.path, f"commit record {record.offset}"), transaction(self._writing) as writing:
            writing.execute(_PUT_RECORD, row_fields(row))
            if record.log_time_ms < self._log_time_ms:
                writing.execute("INSERT INTO set_back VALUES(?)", (record.offset,))
            if batch is not None:
                _put_companions(writing, batch, admitted, record.offset)
        if batch is not None:
            self.cap.keep(batch.quarantined, admitted)
        self._end, self._log_time_ms = record.offset, record.log_time_ms
        return record.offset

    def _drop_some(self, last: int) -> int:
        with self._write_turn, explained(self.path, "prune"), transaction(self._writing) as writing:
            stop = _prune_to(writing, last)
            rows = list(
                writing.execute(
                    "DELETE FROM record WHERE last_offset <= ? RETURNING last_offset - first_offset + 1", (stop,)
                )
            )
            writing.execute("DELETE FROM set_back WHERE at_offset <= ?", (stop,))
            drop_refused(writing, stop)
        return sum(count for (count,) in rows)

    def _forget(self, before_ms: int) -> None:
        with self._write_turn, explained(self.path, "prune"), transaction(self._writing) as writing:
            writing.execute("DELETE FROM quarantine WHERE arrival_ms < ?", (before_ms,))
            old_ms = self._log_time_ms - SEEN_VALUE_KEPT_MS
            writing.execute("DELETE FROM seen_value WHERE time_ms < ?", (old_ms,))
            self.cap.count(writing, self._log_time_ms)


def _prune_to(writing: apsw.Connection, last: int) -> int:
    """The offset up to which one transaction drops; 0: no row ends at `last` or before."""
    size, stop = 0, 0
    sizes = "SELECT last_offset, length(body) FROM record WHERE last_offset <= ? ORDER BY last_offset LIMIT ?"
    for offset, size_bytes in writing.execute(sizes, (last, PRUNE_ROWS)):
        size += size_bytes
        if stop and size > PRUNE_BYTES:
            break
        stop = offset
    return stop


def _has_emergency(batch: Batch) -> bool:
    return bool(np.isin(batch.readings["kind"], [int(kind) for kind in EMERGENCY_KINDS]).any())


def _put_companions(writing: apsw.Connection, batch: Batch, quarantined: Sequence[Quarantined], offset: int) -> None:
    writing.executemany(_PUT_WATCH, map(tables.watch_row, batch.new_watches))
    put_seen(writing, batch, offset)
    put_entries(writing, quarantined, offset)
    mark_retried(writing, batch.retried)
