"""What the duplicate filter keeps in the log's file: its tables, and how they are read back.

In the ordinary case nothing is written here a row: state goes by chunks (ingest/normalise/seen_chunks.py), and the
log's records after a chunk tell the rest. Table `seen_run` has what does not stand in memory.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.log.many_rows import put_rows
from ingest.log.sqlite_reader import SqliteLogReader
from ingest.normalise.seen_kept import SeenChunk, SeenRefused, SeenRun, SeenValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import apsw

    from ingest.log.contract import Batch

_PUT_RUN = "INSERT OR REPLACE INTO seen_run VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_VALUE = "INSERT OR REPLACE INTO seen_value VALUES(?, ?, ?)"
_FORGET_RUNS = "DELETE FROM seen_run WHERE watch = ? AND boot = ?"
_PUT_CHUNK = "INSERT OR REPLACE INTO seen_chunk VALUES(?, ?, ?, ?, ?)"
_DROP_ALONE = "DELETE FROM seen_chunk WHERE first_watch >= ? AND first_watch < ? AND span = 1 AND at_offset <= ?"
_PUT_REFUSED = "INSERT OR REPLACE INTO seen_refused VALUES"
_BOOTS = """SELECT boot, touched_ms FROM seen_run AS run WHERE watch = ? AND generation =
  (SELECT max(generation) FROM seen_run WHERE watch = run.watch AND boot = run.boot)"""


class SqliteSeen(SqliteLogReader):
    """The reading side of these tables; what it tells is as of the last commit."""

    def seen_runs(self) -> Iterator[SeenRun]:
        """Every run that stands in the table."""
        return (_run(row) for row in self._all("SELECT * FROM seen_run"))

    def seen_runs_of(self, watch: int, boot: int) -> Sequence[SeenRun]:
        """The runs of one boot, by generation; empty when it is not there."""
        sql = "SELECT * FROM seen_run WHERE watch = ? AND boot = ? ORDER BY generation"
        return [_run(row) for row in self._all(sql, watch, boot)]

    def seen_boots_of(self, watch: int) -> dict[int, int]:
        """Every boot of the watch that stands there -> `touched_ms` of its newest generation."""
        return dict(self._all(_BOOTS, watch))

    def seen_values(self, since_ms: int) -> Iterator[SeenValue]:
        """Readings without seq, of watch time >= `since_ms`."""
        rows = self._all("SELECT * FROM seen_value WHERE time_ms >= ?", since_ms)
        return (SeenValue(watch, int.from_bytes(value, "big", signed=True), time_ms) for watch, value, time_ms in rows)

    def seen_chunks(self) -> list[SeenChunk]:
        """Every chunk, oldest first; `is_whole` False where the disk changed it."""
        rows = self._all("SELECT first_watch, span, at_offset, checksum, body FROM seen_chunk ORDER BY at_offset, span")
        return [
            SeenChunk(first, span, body, 0, at_offset, is_whole=_checksum(first, span, at_offset, body) == checksum)
            for first, span, at_offset, checksum, body in rows
        ]

    def seen_refused(self, after: int) -> list[tuple[int, SeenRefused]]:
        """(offset, element) of every one kept with a record after `after`, by offset."""
        sql = "SELECT * FROM seen_refused WHERE at_offset > ? ORDER BY at_offset"
        return [(row[0], SeenRefused(*row[1:])) for row in self._all(sql, after)]

    def watch_rows(self) -> Iterator[tuple[str, str, str, bool, bool]]:
        """The registry for `Watches.of_rows`: a million are read in a second."""
        sql = (
            "SELECT watch_id, profile, site, provisional, retired, idx FROM watch WHERE idx > ? ORDER BY idx LIMIT 4096"
        )
        after = -1
        while rows := self._all(sql, after):  # not all at once: what a million rows leave behind stays with the process
            after = rows[-1][5]
            yield from (row[:5] for row in rows)

    def oldest_chunks(self) -> list[int]:
        """The least offset of a whole chunk, from which a restart reads; empty when none is kept yet."""
        return [at for (at,) in self._all("SELECT at_offset FROM seen_chunk WHERE span > 1 ORDER BY at_offset LIMIT 1")]


def put_seen(writing: apsw.Connection, batch: Batch, offset: int) -> None:
    """Keep what a batch changed, inside the transaction that the caller holds."""
    forget_runs(writing, batch.seen_forgotten)
    put_runs(writing, batch.seen_runs)
    writing.executemany(_PUT_VALUE, map(_value_row, batch.seen_values))
    put_rows(writing, _PUT_REFUSED, sorted((offset, *one) for one in batch.seen_refused))
    put_chunks(writing, batch.seen_chunks, offset)


def put_chunks(writing: apsw.Connection, chunks: Iterable[SeenChunk], offset: int) -> None:
    """Keep chunks beside the record at `offset`; a whole chunk takes the place of its watches kept alone before."""
    for chunk in chunks:
        at = offset - chunk.behind
        checksum = _checksum(chunk.first_watch, chunk.span, at, chunk.body)
        if chunk.span > 1:
            writing.execute(_DROP_ALONE, (chunk.first_watch, chunk.first_watch + chunk.span, at))
        writing.execute(_PUT_CHUNK, (chunk.first_watch, chunk.span, at, checksum, chunk.body))


def forget_runs(writing: apsw.Connection, forgotten: Iterable[tuple[int, int]]) -> None:
    """Take boots out of table `seen_run`."""
    writing.executemany(_FORGET_RUNS, forgotten)


def put_runs(writing: apsw.Connection, runs: Iterable[SeenRun]) -> None:
    """Put runs into it."""
    writing.executemany(_PUT_RUN, map(_run_row, runs))


def drop_refused(writing: apsw.Connection, last: int) -> None:
    """With the records up to `last` go their refused elements."""
    writing.execute("DELETE FROM seen_refused WHERE at_offset <= ?", (last,))


def _checksum(first_watch: int, span: int, at_offset: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(np.array([first_watch, span, at_offset], "<i8").tobytes()))


def _run_row(run: SeenRun) -> tuple[Any, ...]:
    """In the order of table `seen_run`; ranges and emergencies as little-endian int64."""
    key = (run.watch, run.boot, run.generation, run.through)
    times = (run.newest_raw_ms, run.touched_ms)
    return *key, _packed(run.ranges), *times, _packed(run.emergencies), run.top_time_ms


def _value_row(value: SeenValue) -> tuple[int, bytes, int]:
    """In the order of table `seen_value`; a hash may be signed or unsigned 64 bit, hence nine bytes."""
    return value.watch, value.hash.to_bytes(9, "big", signed=True), value.time_ms


def _run(row: Sequence[Any]) -> SeenRun:
    watch, boot, generation, through, ranges, newest_raw_ms, touched_ms, emergencies, top_time_ms = row
    pairs = tuple((a, b) for a, b in np.frombuffer(ranges, "<i8").reshape(-1, 2).tolist())
    known = tuple((k, s, t) for k, s, t in np.frombuffer(emergencies, "<i8").reshape(-1, 3).tolist())
    return SeenRun(watch, boot, generation, through, pairs, newest_raw_ms, touched_ms, known, top_time_ms)


def _packed(numbers: tuple[tuple[int, ...], ...]) -> bytes:
    return np.array(numbers, "<i8").tobytes() if numbers else b""
