"""A record as bytes: one row of the log, whole by its checksum, readable by every later version.

The body is an Arrow IPC stream of the columns that some reading carries, in arrival order; a record without readings
has an empty body. As it ages a row is merged with those around it into one that holds many records: its body is
columns made small (`ingest.log.columns`), and `parts` says which records they were and where each ends.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from ingest.log import arrow_body, columns, shrink
from ingest.log.contract import LogDamagedError
from ingest.log.opened import Opened
from ingest.log.parts import LOG_TIME_MS, OFFSET, ROWS, parts_of, read_small, read_wide, small, wide
from ingest.reading import COLUMN, SCHEMA_VERSION, Readings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from ingest.log.contract import Record

_HEADER = struct.Struct("<6q")


class Codec(IntEnum):
    """How a row's body and parts are kept."""

    PLAIN = 0
    ZSTD = 1  # one zstd frame around the Arrow stream (RFC 8878); read only, COLUMNS takes a third of it
    COLUMNS = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One row of table `record`. `parts`: its source records (ingest/log/parts.py).

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

    @property
    def name(self) -> str:
        """As messages call it."""
        return f"record {self.first_offset}..{self.last_offset}"


def pack(record: Record) -> Row:
    """One record as a row of its own, body plain. Columns that no reading carries are left out."""
    readings = record.readings.without_empty_columns()
    body: bytes | pa.Buffer = arrow_body.write(readings) if readings.rows else b""
    parts = parts_of((record,))
    return _row(parts, readings.rows, Codec.PLAIN, wide(parts), body)


def merge(rows: Sequence[Row]) -> Row:
    """Rows that follow each other as one row, made small; its records read as before, bit for bit.

    Raises
    ------
    ValueError
        When there is none, or one does not follow the one before.
    LogDamagedError
        When one of them is.
    """
    if not rows or any(after.first_offset != before.last_offset + 1 for before, after in pairwise(rows)):
        raise ValueError(f"rows {[(row.first_offset, row.last_offset) for row in rows]} do not follow each other")
    opened = [open_row(row) for row in rows]
    readings = Readings.concatenate(one.readings for one in opened).without_empty_columns()
    parts = np.concatenate([one.parts for one in opened])
    body = shrink.encode({name: readings[name] for name in readings.present}) if readings.rows else b""
    return _row(parts, readings.rows, Codec.COLUMNS, small(parts), body)


def unpack(row: Row) -> list[Record]:
    """The records of a row, in order. LogDamagedError as `open_row`."""
    return open_row(row).records()


def open_row(row: Row) -> Opened:
    """What a row holds; its arrays are not to be written to.

    Raises
    ------
    LogDamagedError
        When the checksum does not fit, or a version of the columns or codec is unknown.
    """
    if checksum(row) != row.checksum:
        raise LogDamagedError(
            f"{row.name}: its checksum does not fit; the disk changed it. Restore the log from a backup, and check the "
            "disk (smartctl); where there is no backup, `carewatch log set-aside` lets the readers pass it"
        )
    if row.codec not in set(Codec):
        raise LogDamagedError(f"{row.name}: codec {row.codec} is unknown")
    parts = _parts(row)
    return Opened(parts, _read_body(row) if row.rows else Readings.empty())


def log_time(row_parts: bytes, codec: int, offset: int) -> int:
    """The log time in ms of an offset of a row, read without its body."""
    parts = _READ_PARTS[Codec(codec)](row_parts)
    return int(parts[offset - int(parts[0, OFFSET]), LOG_TIME_MS])


def row_fields(row: Row) -> tuple[int | bytes | pa.Buffer, ...]:
    """In the order of table `record`."""
    head = (row.last_offset, row.first_offset, row.last_log_time_ms, row.rows, row.schema_version, row.codec)
    return *head, row.checksum, row.parts, row.body


def checksum(row: Row) -> int:
    """CRC-32 of everything else in the row."""
    head = (row.last_offset, row.first_offset, row.last_log_time_ms, row.rows, row.schema_version, row.codec)
    return zlib.crc32(row.body, zlib.crc32(row.parts, zlib.crc32(_HEADER.pack(*head))))


def _row(parts: NDArray[np.int64], rows: int, codec: Codec, kept_parts: bytes, body: bytes | pa.Buffer) -> Row:
    last, first = parts[-1].tolist(), parts[0].tolist()
    head = (last[OFFSET], first[OFFSET], last[LOG_TIME_MS], rows, SCHEMA_VERSION, int(codec))
    return Row(*head, checksum(Row(*head, 0, kept_parts, body)), kept_parts, body)


_READ_PARTS = {Codec.PLAIN: read_wide, Codec.ZSTD: read_wide, Codec.COLUMNS: read_small}


def _parts(row: Row) -> NDArray[np.int64]:
    try:
        parts = _READ_PARTS[Codec(row.codec)](row.parts)
    except _UNREADABLE as error:
        raise LogDamagedError(f"{row.name}: unreadable parts: {error}") from error
    offsets = np.arange(row.first_offset, row.last_offset + 1)
    if not np.array_equal(parts[:, OFFSET], offsets) or int(parts[:, ROWS].sum()) != row.rows:
        raise LogDamagedError(f"{row.name}: its parts contradict its row")
    return parts


def _read_body(row: Row) -> Readings:
    reader = READERS.get(row.schema_version)
    if reader is None:
        raise LogDamagedError(
            f"{row.name}: columns of version {row.schema_version}; this carewatch "
            f"reads {sorted(READERS)}. Use the carewatch that wrote it, or a newer one"
        )
    try:
        return reader(_columns(row), row.rows)
    except _UNREADABLE as error:
        raise LogDamagedError(f"{row.name}: unreadable body: {error}") from error


def _columns(row: Row) -> dict[str, NDArray[Any]]:
    if row.codec == Codec.COLUMNS:
        return columns.decode(row.body, row.rows)
    body = row.body
    if row.codec == Codec.ZSTD:
        body = pa.CompressedInputStream(pa.BufferReader(pa.py_buffer(body)), "zstd").read_buffer()
    return arrow_body.read(body, row.rows)


_UNREADABLE = (pa.ArrowException, ValueError, OSError, struct.error, msgspec.DecodeError)
"""What the bytes of a body or of parts may raise when they are not what was written, its checksum notwithstanding."""


def _read_v1(columns: Mapping[str, NDArray[Any]], rows: int) -> Readings:
    return Readings({name: columns[name] for name in COLUMN if name in columns}, rows)


READERS: dict[int, Callable[[Mapping[str, NDArray[Any]], int], Readings]] = {1: _read_v1}
"""Columns version -> how to make today's `Readings` of what was kept then. An entry never leaves."""
