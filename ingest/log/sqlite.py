"""The reading log in one SQLite file: each batch one transaction, durable when `append` returns."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.log import tables
from ingest.log.contract import Batch, LogError, Record, RecordKind
from ingest.log.owner import OwnerLock
from ingest.log.quarantine_table import mark_retried, put_entries
from ingest.log.record import pack
from ingest.log.sqlite_reader import SqliteLogReader
from ingest.log.tables import explained, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

    from ingest.log.contract import Retried
    from ingest.normalise.seen import SeenRun, SeenValue
    from ingest.watches import Watch

PRUNE_STEP = 1000
"""Records dropped in one transaction, so that an append never waits long for pruning."""
VACUUM_PAGES = 1000
SEEN_VALUE_KEPT_MS = 2 * 86_400_000  # twice the 24 h of WIRE.md section 2

_PUT_RECORD = "INSERT INTO record VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_WATCH = (
    "INSERT INTO watch VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(idx) DO UPDATE SET watch_id = excluded.watch_id, "
    "profile = excluded.profile, site = excluded.site, provisional = excluded.provisional, retired = excluded.retired"
)
_PUT_RUN = "INSERT OR REPLACE INTO seen_run VALUES(?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_VALUE = "INSERT OR REPLACE INTO seen_value VALUES(?, ?, ?)"


class SqliteLog(SqliteLogReader):
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

    def __init__(self, path: Path | str) -> None:
        path = Path(path)
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
            undo.pop_all()  # all is well: nothing to undo

    def append(self, batch: Batch) -> int:
        """Commit durably and return the record's offset.

        A log time below the newest one is raised to it: it is a running maximum.

        Raises
        ------
        LogError
            Disk full or failing, or the file is locked by a stranger: nothing of the batch is kept, and the same
            batch may be given again.
        """
        with self._write_turn:
            log_time_ms = max(batch.log_time_ms, self._log_time_ms)
            record = Record(self._end + 1, RecordKind.READINGS, log_time_ms, batch.deaf, readings=batch.readings)
            return self._commit(record, batch)

    def tick(self, log_time_ms: int, *, deaf: bool = False) -> int:
        """Commit the passing of time; errors as in `append`."""
        with self._write_turn:
            return self._commit(Record(self._end + 1, RecordKind.TICK, max(log_time_ms, self._log_time_ms), deaf))

    def clock_step(self, log_time_ms: int, step_ms: int) -> int:
        """Commit that the wall clock stepped by `step_ms`, log time going on from `log_time_ms`, earlier or later."""
        with self._write_turn:
            return self._commit(Record(self._end + 1, RecordKind.CLOCK_STEP, log_time_ms, deaf=True, step_ms=step_ms))

    def seen_runs(self) -> Iterator[SeenRun]:
        """What the duplicate filter knew at the last commit."""
        return (tables.row_run(row) for row in self._all("SELECT * FROM seen_run"))

    def seen_values(self, since_ms: int) -> Iterator[SeenValue]:
        """The same for readings without seq, of watch time >= `since_ms`."""
        rows = self._all("SELECT * FROM seen_value WHERE time_ms >= ?", since_ms)
        return (tables.row_value(row) for row in rows)

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
        offset = min([self.offset_before(before_ms), self.end() - 1, *self.places().values()])
        dropped = 0
        while (rows := self._drop_some(offset)) > 0:
            dropped += rows
        self._forget(before_ms)
        while self._give_back():
            pass  # in steps, so that an append comes between
        return dropped

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
        with explained(self.path, f"commit record {record.offset}"), transaction(self._writing) as writing:
            fields = (row.last_offset, row.first_offset, row.last_log_time_ms, row.rows, row.schema_version, row.codec)
            writing.execute(_PUT_RECORD, (*fields, row.checksum, row.parts, row.body))
            if record.log_time_ms < self._log_time_ms:
                writing.execute("INSERT INTO set_back VALUES(?)", (record.offset,))
            if batch is not None:
                _put_companions(writing, batch, record.offset)
        self._end, self._log_time_ms = record.offset, record.log_time_ms
        return record.offset

    def _drop_some(self, last: int) -> int:
        with self._write_turn, explained(self.path, "prune"), transaction(self._writing) as writing:
            first = next(writing.execute("SELECT min(last_offset) FROM record"))[0]
            stop = min(last, (first or 0) + PRUNE_STEP)
            rows = list(
                writing.execute(
                    "DELETE FROM record WHERE last_offset <= ? RETURNING last_offset - first_offset + 1", (stop,)
                )
            )
            writing.execute("DELETE FROM set_back WHERE at_offset <= ?", (stop,))
        return sum(count for (count,) in rows)

    def _forget(self, before_ms: int) -> None:
        with self._write_turn, explained(self.path, "prune"), transaction(self._writing) as writing:
            writing.execute("DELETE FROM quarantine WHERE arrival_ms < ?", (before_ms,))
            old_ms = self._log_time_ms - SEEN_VALUE_KEPT_MS
            writing.execute("DELETE FROM seen_value WHERE time_ms < ?", (old_ms,))

    def _give_back(self) -> bool:
        """Return some free pages to the disk; whether there is more. A quarter stays: what comes uses it soon."""
        with self._write_turn, explained(self.path, "give room back"):
            free, pages = self._writing.pragma("freelist_count"), self._writing.pragma("page_count")
            if free * 4 > pages:
                list(self._writing.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})"))
            return bool(free * 4 > pages)


def _put_companions(writing: apsw.Connection, batch: Batch, offset: int) -> None:
    writing.executemany(_PUT_WATCH, map(tables.watch_row, batch.new_watches))
    writing.executemany(_PUT_RUN, map(tables.run_row, batch.seen_runs))
    writing.executemany(_PUT_VALUE, map(tables.value_row, batch.seen_values))
    put_entries(writing, batch.quarantined, offset)
    mark_retried(writing, batch.retried)
