"""A record as bytes: one row of the log, whole by its checksum, readable by every later version.

The body is an Arrow IPC stream of the columns that some reading carries, in arrival order; a record without readings
has an empty body. One row may hold many merged records: `parts` says which and where each ends.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ingest.log.contract import LogDamagedError, Record, RecordKind
from ingest.reading import COLUMN, SCHEMA_VERSION, Readings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

PART = np.dtype("<i8")
PART_FIELDS = 6  # offset, kind, log_time_ms, deaf, step_ms, rows
_HEADER = struct.Struct("<6q")


class Codec(IntEnum):
    """How a row's body is kept."""

    PLAIN = 0
    ZSTD = 1  # one zstd frame around the whole body (RFC 8878)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of table `record`. `parts`: little-endian int64 (n, 6), one line a source record.

    `checksum`: CRC-32 over the other fields, parts and body.
    """

    last_offset: int
    first_offset: int
    last_log_time_ms: int
    rows: int
    schema_version: int
    codec: int
    checksum: int
    parts: bytes
    body: bytes | pa.Buffer


def pack(record: Record) -> Row:
    """One record as a row of its own, body plain. Columns that no reading carries are left out."""
    return _row((record,), record.readings.without_empty_columns(), Codec.PLAIN)


def merge(rows: Sequence[Row]) -> Row:
    """Rows that follow each other as one row, body compressed; its records read as before, bit for bit.

    Raises
    ------
    ValueError
        When there is none, or one does not follow the one before.
    LogDamagedError
        When one of them is.
    """
    if not rows or any(after.first_offset != before.last_offset + 1 for before, after in pairwise(rows)):
        raise ValueError(f"rows {[(row.first_offset, row.last_offset) for row in rows]} do not follow each other")
    records = [record for row in rows for record in unpack(row)]
    return _row(records, Readings.concatenate(record.readings for record in records), Codec.ZSTD)


def unpack(row: Row) -> list[Record]:
    """The records of a row, in order; their arrays are read-only.

    Raises
    ------
    LogDamagedError
        When the checksum does not fit, or a version of the columns or codec is unknown.
    """
    if checksum(row) != row.checksum:
        raise LogDamagedError(
            f"record {row.first_offset}..{row.last_offset}: its checksum does not fit; the disk changed it. "
            "Restore the log from a backup, and check the disk (smartctl)"
        )
    parts = _parts(row)
    if not row.rows:
        return [_record(part, Readings.empty()) for part in parts]
    readings = _read_body(row)
    if len(parts) == 1:
        return [_record(parts[0], readings)]
    ends = np.cumsum(parts[:, 5])
    return [
        _record(part, readings.take(np.arange(end - part[5], end)).without_empty_columns())
        for part, end in zip(parts, ends, strict=True)
    ]


def log_times(row_parts: bytes) -> dict[int, int]:
    """The log time in ms of each offset of a row, read without its body."""
    parts = np.frombuffer(row_parts, PART).reshape(-1, PART_FIELDS)
    return dict(zip(parts[:, 0].tolist(), parts[:, 2].tolist(), strict=True))


def checksum(row: Row) -> int:
    """CRC-32 of everything else in the row."""
    head = (row.last_offset, row.first_offset, row.last_log_time_ms, row.rows, row.schema_version, row.codec)
    return zlib.crc32(row.body, zlib.crc32(row.parts, zlib.crc32(_HEADER.pack(*head))))


def _row(records: Sequence[Record], readings: Readings, codec: Codec) -> Row:
    parts = np.array(
        [(r.offset, r.kind, r.log_time_ms, r.deaf, r.step_ms, r.readings.rows) for r in records], PART
    ).tobytes()
    body: bytes | pa.Buffer = _write_body(readings) if readings.rows else b""
    if codec is Codec.ZSTD and readings.rows:
        body = pa.compress(body, codec="zstd", asbytes=True)
    head = (records[-1].offset, records[0].offset, records[-1].log_time_ms, readings.rows, SCHEMA_VERSION, int(codec))
    return Row(*head, checksum(Row(*head, 0, parts, body)), parts, body)


def _parts(row: Row) -> NDArray[np.int64]:
    parts = np.frombuffer(row.parts, PART).reshape(-1, PART_FIELDS)
    offsets = np.arange(row.first_offset, row.last_offset + 1)
    if not np.array_equal(parts[:, 0], offsets) or int(parts[:, 5].sum()) != row.rows:
        raise LogDamagedError(f"record {row.first_offset}..{row.last_offset}: its parts contradict its row")
    return parts


def _record(part: NDArray[np.int64], readings: Readings) -> Record:
    offset, kind, log_time_ms, deaf, step_ms, _ = part.tolist()
    return Record(offset, RecordKind(kind), log_time_ms, bool(deaf), step_ms, readings)


def _write_body(readings: Readings) -> pa.Buffer:
    batch = pa.RecordBatch.from_arrays([pa.array(readings[n]) for n in readings.present], names=list(readings.present))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return sink.getvalue()


def _read_body(row: Row) -> Readings:
    reader = READERS.get(row.schema_version)
    if reader is None:
        raise LogDamagedError(
            f"record {row.first_offset}..{row.last_offset}: columns of version {row.schema_version}; this carewatch "
            f"reads {sorted(READERS)}. Use the carewatch that wrote it, or a newer one"
        )
    if row.codec not in set(Codec):
        raise LogDamagedError(f"record {row.first_offset}..{row.last_offset}: codec {row.codec} is unknown")
    try:
        return reader(_columns(row), row.rows)
    except (pa.ArrowException, ValueError, OSError) as error:
        raise LogDamagedError(f"record {row.first_offset}..{row.last_offset}: unreadable body: {error}") from error


def _columns(row: Row) -> dict[str, NDArray[Any]]:
    source = pa.py_buffer(row.body)
    if row.codec == Codec.ZSTD:
        source = pa.CompressedInputStream(pa.BufferReader(source), "zstd").read_buffer()
    with pa.ipc.open_stream(source) as stream:
        batch = stream.read_next_batch()
    return {name: column.to_numpy() for name, column in zip(batch.schema.names, batch.columns, strict=True)}


def _read_v1(columns: Mapping[str, NDArray[Any]], rows: int) -> Readings:
    return Readings({name: columns[name] for name in COLUMN if name in columns}, rows)


READERS: dict[int, Callable[[Mapping[str, NDArray[Any]], int], Readings]] = {1: _read_v1}
"""Columns version -> how to make today's `Readings` of what was kept then. An entry never leaves."""
