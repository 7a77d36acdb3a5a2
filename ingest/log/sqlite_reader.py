"""Reading the log's file, from any process: short read transactions, checked records."""

from __future__ import annotations

import bisect
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.log import quarantine_table, tables
from ingest.log.contract import EVERY_ENTRY, LogDamagedError, Record
from ingest.log.places import Places
from ingest.log.record import Row, log_time, open_row
from ingest.log.tables import explained

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ingest.log.contract import Quarantined, QuarantineQuery
    from ingest.log.opened import Opened
    from ingest.watches import Watch

READ_BYTES = 32 << 20
READ_READINGS = 1 << 19
"""One `read` takes no more rows when it holds this much, however many records are asked for."""
VERIFY_STEP = 64
LARGE_READINGS = 8192  # of a row; handing a smaller one to a thread costs more than it saves
_DECODING = ThreadPoolExecutor(2, "log-decoding")  # starts its threads when there is much to decode

_COLUMNS = "last_offset, first_offset, last_log_time_ms, rows, schema_version, codec, checksum, parts, body"
_OUTLINE = (
    "SELECT last_offset, first_offset, rows, codec, length(body) + length(parts), last_log_time_ms FROM record "
    "WHERE last_offset > ? ORDER BY last_offset LIMIT ?"
)
_ROWS_BETWEEN = f"SELECT {_COLUMNS} FROM record WHERE last_offset BETWEEN ? AND ? ORDER BY last_offset"  # noqa: S608 - constant
_ROWS_AFTER = f"SELECT {_COLUMNS} FROM record WHERE last_offset > ? ORDER BY last_offset"  # noqa: S608 - constant


def _opened(rows: Sequence[Row]) -> Iterator[Opened]:
    """Each row decoded, in order; large ones beside each other: numpy and zstd let other threads run."""
    is_worth_it = len(rows) > 1 and sum(row.rows for row in rows) >= LARGE_READINGS * len(rows)
    return _DECODING.map(open_row, rows) if is_worth_it else map(open_row, rows)


class Outline(NamedTuple):
    """A row without its readings. `readings`: how many; `size_bytes`: of its body and parts."""

    last_offset: int
    first_offset: int
    readings: int
    codec: int
    size_bytes: int

    @property
    def records(self) -> int:
        """How many it holds."""
        return self.last_offset - self.first_offset + 1


class SqliteLogReader:
    """`LogReader` of a SQLite log. Safe to call from several threads; calls wait for each other.

    Rows are copied out within one short transaction and decoded after it, so that the owner's checkpoint never waits
    for a slow consumer.

    Raises
    ------
    LogError
        No log at `path`, or one of another version. `ingest.log.follow.wait_for_log` waits for one to appear.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._reading = tables.open_to_read(self.path)
        self._turn = threading.RLock()
        self._places = Places(self.path)
        self._kept: Opened | None = None

    def end(self) -> int:
        """Offset of the newest committed record; 0 when empty."""
        return int(self._one("SELECT max(last_offset) FROM record") or 0)

    def start(self) -> int:
        """Offset of the oldest record kept; 1 when empty."""
        return int(self._one("SELECT first_offset FROM record ORDER BY last_offset LIMIT 1") or 1)

    def read(self, after: int, limit: int = 256) -> Sequence[Record]:
        """Up to `limit` records with offset > `after`, in order; fewer when they are large.

        Raises
        ------
        LogDamagedError
            At a record whose checksum does not fit, when it is the first; the good ones before it come first.
        """
        records = self._kept_records(after, limit)
        if len(records) < limit:
            records += self._fresh_records(records[-1].offset if records else after, limit - len(records), records)
        return records

    def _kept_records(self, after: int, limit: int) -> list[Record]:
        """Of the merged row that the last read ended within: it is decoded once, however small the pieces are."""
        kept = self._kept
        if kept is None or not kept.first_offset <= after + 1 <= kept.last_offset:
            return []
        return kept.records(after, limit)

    def _fresh_records(self, after: int, limit: int, before: Sequence[Record]) -> list[Record]:
        records: list[Record] = []
        try:
            for opened in _opened(self._rows(after, limit)):
                records += opened.records(after, limit - len(records))
                self._kept = opened if records[-1].offset < opened.last_offset else None
        except LogDamagedError:
            if not before and not records:
                raise
        return records

    def offset_before(self, log_time_ms: int) -> int:
        """The greatest offset whose log time is < `log_time_ms`; 0 if none is kept.

        Offsets have no holes and log time only rises between two set-backs of the clock: each stretch is halved.
        """
        with self._turn, explained(self.path, "look up a time"):
            starts: list[int] = [at for (at,) in self._all("SELECT at_offset FROM set_back ORDER BY at_offset")]
            first, last = self.start(), self.end()
            bounds = [first, *(at for at in starts if first < at <= last), last + 1]
            for begin, stop in reversed(list(pairwise(bounds))):
                found = begin + bisect.bisect_left(range(begin, stop), log_time_ms, key=self._log_time)
                if found > begin:
                    return found - 1
        return 0

    def watches(self, after_index: int = -1, limit: int | None = None) -> Sequence[Watch]:
        """Registry entries with index > `after_index`, by index; the first `limit` of them."""
        most = -1 if limit is None else limit
        rows = self._all("SELECT * FROM watch WHERE idx > ? ORDER BY idx LIMIT ?", after_index, most)
        return [tables.row_watch(row) for row in rows]

    def quarantine(self, query: QuarantineQuery = EVERY_ENTRY) -> Iterator[Quarantined]:
        """The quarantined payloads that the query asks for, newest first."""
        sql, values = quarantine_table.chosen(query)
        return (quarantine_table.entry_of(row) for row in self._all(sql, *values))

    def quarantine_numbers(self, query: QuarantineQuery) -> list[int]:
        """The numbers of these entries, newest first, without their payloads."""
        sql, values = quarantine_table.chosen(query, "id")
        return [int(number) for (number,) in self._all(sql, *values)]

    def refused_seqs(self, watch_id: str, seqs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, bool]]:
        """Those of the (boot, seq) that were refused: the entry that may bring the reading, and whether one has."""
        found = {pair: self._all(quarantine_table.SEQ, watch_id, *pair) for pair in seqs}
        return {pair: (entry, bool(brought)) for pair, rows in found.items() for entry, brought in rows}

    def keep_place(self, consumer: str, offset: int) -> None:
        """Fsync the consumer's offset beside the log: pruning never passes the least of them."""
        self._places.keep(consumer, offset)

    def place(self, consumer: str) -> int:
        """The consumer's kept offset; 0 at first.

        Raises
        ------
        LogDamagedError
            The place lies beyond the log's end: the log is an older copy, and going on would skip its next records.
        """
        offset = self._places.get(consumer)
        if offset > self.end():
            raise LogDamagedError(
                f"{self.path}: {consumer} has read to {offset}, but the log ends at {self.end()}: it is an older copy. "
                f"Put the newer log back, or delete {self.path.name}.place.{consumer} to read the whole log again"
            )
        return offset

    def places(self) -> dict[str, int]:
        """Every consumer's kept offset. One that stands still holds pruning up."""
        return self._places.all()

    def verify(self) -> int:
        """Check every record's checksum, and that none is missing between the first and the last; returns how many.

        Raises
        ------
        LogDamagedError
            At the first bad one.
        """
        count, expected = 0, self.start()
        while rows := self._rows(expected - 1, VERIFY_STEP):
            for row in rows:
                if row.first_offset != expected:
                    raise LogDamagedError(f"{self.path}: records {expected}..{row.first_offset - 1} are missing")
                count += len(open_row(row).parts)
                expected = row.last_offset + 1
        return count

    def outline(self, after: int, before_ms: int, limit: int) -> list[Outline]:
        """Rows that end after offset `after`, up to the first that is not older than `before_ms` of log time."""
        rows = self._all(_OUTLINE, after, limit)
        return [Outline(*row[:5]) for row in takewhile(lambda row: row[5] < before_ms, rows)]

    def rows(self, first_offset: int, last_offset: int) -> list[Row]:
        """The rows that end within these offsets, as they are kept."""
        return [Row(*fields) for fields in self._all(_ROWS_BETWEEN, first_offset, last_offset)]

    def row_of(self, offset: int) -> list[Row]:
        """The row that holds an offset, as it is kept; empty when none does."""
        found = self._all(_ROWS_AFTER + " LIMIT 1", offset - 1)
        return [Row(*fields) for fields in found]

    def set_aside(self) -> list[tuple[int, int, str]]:
        """First and last offset of the records that a person set aside, and the file beside the log that has them."""
        return self._all("SELECT first_offset, last_offset, file FROM set_aside ORDER BY last_offset")

    def version(self) -> int:
        """Changes when another connection has committed (PRAGMA data_version); costs microseconds."""
        return int(self._one("PRAGMA data_version") or 0)

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        with self._turn:
            self._reading.close()

    def _rows(self, after: int, limit: int) -> list[Row]:
        rows: list[Row] = []
        records = held = readings = 0
        with self._turn, explained(self.path, "read records"):
            cursor = self._reading.execute(_ROWS_AFTER, (after,))
            for fields in cursor:
                row = Row(*fields)
                rows.append(row)
                records += row.last_offset - max(after, row.first_offset - 1)
                held += len(row.body)
                readings += row.rows
                if records >= limit or held >= READ_BYTES or readings >= READ_READINGS:
                    break
            cursor.close()  # ends the transaction
        return rows

    def _log_time(self, offset: int) -> int:
        found = self._all("SELECT parts, codec FROM record WHERE last_offset >= ? ORDER BY last_offset LIMIT 1", offset)
        parts, codec = found[0]
        return log_time(parts, codec, offset)

    def _one(self, sql: str, *values: Any) -> Any:
        rows = self._all(sql, *values)
        return rows[0][0] if rows else None

    def _all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._turn, explained(self.path, "read it"):
            return list(self._reading.execute(sql, values))
