"""A log's file filled with the past, written as ingest and its merging would have left it, but at once."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from ingest.log import shrink
from ingest.log.contract import Record, RecordKind
from ingest.log.parts import small
from ingest.log.record import Codec, Row, checksum, pack
from ingest.log.sqlite import SqliteLog
from ingest.log.tables import open_to_write, transaction
from ingest.reading import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from ingest.reading import Readings

TICK_MS = 1_000
ROWS_A_TRANSACTION = 64
A_ROW = 48_000
"""Readings of a merged row; with their ticks just under what ingest/log/aging.py takes for full."""


def write(path: Path, rows: Iterable[Row]) -> int:
    """A new log of these rows; returns how many bytes its file takes."""
    SqliteLog(path).close()
    with closing(open_to_write(path)) as connection:
        waiting = iter(rows)
        while part := [row for _, row in zip(range(ROWS_A_TRANSACTION), waiting, strict=False)]:
            with transaction(connection) as writing:
                writing.executemany("INSERT INTO record VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_fields, part))
    return path.stat().st_size


def _fields(row: Row) -> tuple[object, ...]:
    head = (row.last_offset, row.first_offset, row.last_log_time_ms, row.rows, row.schema_version, row.codec)
    return *head, row.checksum, row.parts, row.body


def plain(batches: Iterable[Readings], readings_a_record: int) -> Iterator[Row]:
    """Records as they are appended, each a row of its own; the last of a batch may be shorter."""
    offset = 0
    for batch in batches:
        for first in range(0, len(batch), readings_a_record):
            offset += 1
            piece = batch.take(np.arange(first, min(first + readings_a_record, len(batch))))
            yield pack(Record(offset, RecordKind.READINGS, int(piece["arrival_ms"][-1]), readings=piece))


def merged(batches: Iterable[Readings], readings_a_record: int) -> Iterator[Row]:
    """Merged rows, of records of so many readings; 0: of those that have one arrival, with ticks between."""
    offset = 1
    for batch in (piece for whole in batches for piece in _pieces(whole)):
        parts = _lived(offset, batch["arrival_ms"]) if not readings_a_record else _cut(offset, batch, readings_a_record)
        offset += len(parts)
        yield _row(parts, batch)


def _pieces(whole: Readings) -> Iterator[Readings]:
    for part in np.array_split(np.arange(len(whole)), -(-len(whole) // A_ROW)):
        yield whole.take(part)


def _row(parts: NDArray[np.int64], readings: Readings) -> Row:
    readings = readings.without_empty_columns()
    body, kept = shrink.encode({name: readings[name] for name in readings.present}), small(parts)
    head = (int(parts[-1, 0]), int(parts[0, 0]), int(parts[-1, 2]), len(readings), SCHEMA_VERSION, int(Codec.COLUMNS))
    return Row(*head, checksum(Row(*head, 0, kept, body)), kept, body)


def _parts(first: int, kind: NDArray[np.int64], log_time_ms: NDArray[np.int64], rows: object) -> NDArray[np.int64]:
    """Shape (records, 6): offset, kind, log time, deaf, step, readings (ingest/log/parts.py)."""
    parts = np.zeros((len(kind), 6), np.int64)
    parts[:, 0] = first + np.arange(len(kind))
    parts[:, 1], parts[:, 2], parts[:, 5] = kind, log_time_ms, rows
    return parts


def _cut(first_offset: int, batch: Readings, readings_a_record: int) -> NDArray[np.int64]:
    ends = np.append(np.arange(readings_a_record, len(batch), readings_a_record), len(batch))
    counts = np.diff(ends, prepend=0)
    return _parts(first_offset, np.full(len(ends), int(RecordKind.READINGS)), batch["arrival_ms"][ends - 1], counts)


def _lived(first_offset: int, arrival_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """A record for each arrival, and a tick for each second in which none came, a ms or two late."""
    at_ms, counts = np.unique(arrival_ms, return_counts=True)
    ticks = np.maximum(np.diff(at_ms, append=at_ms[-1] + 1) - 1, 0) // TICK_MS
    group = np.repeat(np.arange(len(at_ms)), ticks + 1)
    place = np.arange(len(group)) - np.repeat(np.cumsum(ticks + 1) - ticks - 1, ticks + 1)
    log_time_ms = at_ms[group] + place * (TICK_MS + group % 3 % 2)
    kind = np.where(place == 0, int(RecordKind.READINGS), int(RecordKind.TICK))
    return _parts(first_offset, kind, np.maximum.accumulate(log_time_ms), np.where(place == 0, counts[group], 0))
