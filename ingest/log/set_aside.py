"""A damaged row set aside by a person's decision, so that who reads the log can go on behind it.

Its bytes go to a file beside the log, and empty records of the same offsets stand in its place: ticks, deaf, since
what came then is not known. Never done by itself: a backup may still have the row whole.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import structlog

from ingest.log.contract import LogDamagedError, LogError, Record, RecordKind
from ingest.log.places import fsync_folder
from ingest.log.record import merge, open_row, pack, row_fields

if TYPE_CHECKING:
    from pathlib import Path

    import apsw

    from ingest.log.record import Row

log = structlog.get_logger(__name__)

RECORDS_MAX = 1 << 20
"""A row that claims more has a damaged offset too: its neighbours do not say where it begins."""
_BEFORE = "SELECT last_offset, last_log_time_ms FROM record WHERE last_offset < ? ORDER BY last_offset DESC LIMIT 1"
_PUT_RECORD = "INSERT INTO record VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"


class SetAside(NamedTuple):
    """Which records are empty now, and where the bytes are that stood there."""

    first_offset: int
    last_offset: int
    file: Path


def damaged_row(rows: list[Row], offset: int, log_path: Path) -> Row:
    """The row that holds `offset`. LogError when it is whole, or there is none."""
    if not rows:
        raise LogError(f"{log_path}: there is no record {offset}; `carewatch log verify` names the damaged one")
    try:
        open_row(rows[0])
    except LogDamagedError:
        return rows[0]
    raise LogError(f"{log_path}: {rows[0].name} is whole; `carewatch log verify` names the damaged one")


def keep_bytes(row: Row, log_path: Path) -> Path:
    """The row in a file `<log>.damaged.<offset>.<CRC-32>` (msgpack of its fields), whole and durable on return."""
    fields = msgspec.msgpack.encode(row_fields(row))
    path = log_path.with_name(f"{log_path.name}.damaged.{row.last_offset}.{zlib.crc32(fields):08x}")
    aside = path.with_name(path.name + ".new")
    try:
        with aside.open("wb") as file:
            file.write(fields)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        fsync_folder(path.parent)
    except OSError as error:
        raise LogError(f"{path}: cannot be written: {error.strerror}; the log is as it was") from error
    return path


def put_empty(writing: apsw.Connection, row: Row, file: Path) -> SetAside:
    """Exchange the row for empty records, inside the transaction that the caller holds."""
    found = next(writing.execute(_BEFORE, (row.last_offset,)), None)
    first_offset = found[0] + 1 if found else min(row.first_offset, row.last_offset)
    log_time_ms = found[1] if found else row.last_log_time_ms
    if not 0 < row.last_offset - first_offset + 1 <= RECORDS_MAX:
        raise LogError(f"{row.name}: where it begins is not known; restore the log from a backup")
    tick = Record(0, RecordKind.TICK, log_time_ms, deaf=True)
    ticks = [pack(replace(tick, offset=offset)) for offset in range(first_offset, row.last_offset + 1)]
    writing.execute("DELETE FROM record WHERE last_offset = ?", (row.last_offset,))
    writing.execute(_PUT_RECORD, row_fields(merge(ticks)))
    told = (row.last_offset, first_offset, row.rows, file.name)
    writing.execute("INSERT OR REPLACE INTO set_aside VALUES(?, ?, ?, ?)", told)
    return SetAside(first_offset, row.last_offset, file)
