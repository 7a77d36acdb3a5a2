"""The log's file: its tables, its version, and how its connections are set."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import apsw
import numpy as np

from ingest.log.contract import LogDamagedError, LogError, Quarantined
from ingest.log.places import fsync_folder
from ingest.normalise.seen import SeenRun, SeenValue
from ingest.watches import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

FILE_VERSION = 1
"""Of the tables below (PRAGMA user_version); the columns of a body have their own (ingest/reading.py)."""
APPLICATION_ID = 0x63617265  # "care", as `file` shows it
PAGE_BYTES = 8192  # 600 kB records: a quarter faster than 4096; a tick still costs one page
BUSY_MS = 5000  # a reader waits for the checkpoint's short lock at most this long
WAL_LIMIT_BYTES = 64 << 20

SCHEMA = """
CREATE TABLE record(
  last_offset INTEGER PRIMARY KEY, first_offset INTEGER NOT NULL, last_log_time_ms INTEGER NOT NULL,
  rows INTEGER NOT NULL, schema_version INTEGER NOT NULL, codec INTEGER NOT NULL, checksum INTEGER NOT NULL,
  parts BLOB NOT NULL, body BLOB NOT NULL) STRICT;
-- Offsets at which log time went back: between two of them it only rises, so that a time is found by halving.
CREATE TABLE set_back(at_offset INTEGER PRIMARY KEY) STRICT;
CREATE TABLE watch(
  idx INTEGER PRIMARY KEY, watch_id TEXT NOT NULL UNIQUE, profile TEXT NOT NULL, site TEXT NOT NULL,
  provisional INTEGER NOT NULL, retired INTEGER NOT NULL) STRICT;
CREATE TABLE seen_run(
  watch INTEGER, boot INTEGER, generation INTEGER, through INTEGER NOT NULL, ranges BLOB NOT NULL,
  newest_raw_ms INTEGER NOT NULL, touched_ms INTEGER NOT NULL, emergencies BLOB NOT NULL,
  PRIMARY KEY(watch, boot, generation)) STRICT, WITHOUT ROWID;
CREATE TABLE seen_value(
  watch INTEGER, hash BLOB, time_ms INTEGER NOT NULL, PRIMARY KEY(watch, hash)) STRICT, WITHOUT ROWID;
CREATE INDEX seen_value_by_time ON seen_value(time_ms);
CREATE TABLE quarantine(
  id INTEGER PRIMARY KEY, at_offset INTEGER NOT NULL, topic TEXT NOT NULL, arrival_ms INTEGER NOT NULL,
  reason TEXT NOT NULL, detail TEXT NOT NULL, payload BLOB NOT NULL, watch_id TEXT) STRICT;
"""


@contextmanager
def explained(path: Path, doing: str) -> Iterator[None]:
    """SQLite's errors as `LogError`: what was being done, what failed, the remedy."""
    try:
        yield
    except apsw.FullError as error:
        raise LogError(
            f"{path}: no room to {doing} ({error}); free space on that disk. Nothing half is kept"
        ) from error
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise LogDamagedError(
            f"{path}: cannot {doing}: {error}. Restore the log from a backup; check the disk"
        ) from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise LogError(f"{path}: cannot {doing}: another program holds it locked ({error}); close that") from error
    except apsw.ConstraintError as error:
        raise LogError(f"{path}: cannot {doing}: it contradicts what is there: {error}") from error
    except apsw.CantOpenError as error:
        raise LogError(f"{path}: cannot {doing}: {error}; its folder must exist and be writable for us") from error
    except apsw.Error as error:
        raise LogError(
            f"{path}: cannot {doing}: {error}; nothing half is kept. Look at the disk and its room"
        ) from error


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[apsw.Connection]:
    """All or nothing, durable after the block. (apsw's own `with` hides a full disk behind a failing rollback.)"""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:  # something failed; a full disk has rolled back by itself
            connection.execute("ROLLBACK")


def open_to_write(path: Path) -> apsw.Connection:
    """The writing connection; a new file appears complete, by rename, so that no reader meets half of it."""
    if not path.exists():
        _make(path)
    with explained(path, "open it for writing"):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(BUSY_MS)
        for setting in ("synchronous = FULL", f"journal_size_limit = {WAL_LIMIT_BYTES}"):
            list(connection.execute(f"PRAGMA {setting}"))
    return _checked(connection, path)


def _make(path: Path) -> None:
    aside, orphan = path.with_name(path.name + ".new"), path.with_name(path.name + "-wal")
    if orphan.exists():  # SQLite would play it into the new file
        raise LogError(
            f"{path} is gone, but its newest part {orphan.name} is there. Put the file back; or, if the log is to "
            f"begin anew, remove {orphan.name}, {path.name}-shm and {path.name}.place.* too"
        )
    with explained(path, "make it"):
        aside.unlink(missing_ok=True)  # left by a crash while it was made
        connection = apsw.Connection(str(aside))
        # Freed pages are given back in steps (prune), never by a long VACUUM.
        for setting in (f"page_size = {PAGE_BYTES}", "auto_vacuum = INCREMENTAL", "journal_mode = WAL"):
            list(connection.execute(f"PRAGMA {setting}"))
        with transaction(connection):
            connection.execute(SCHEMA)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FILE_VERSION}")
        connection.close()
    aside.replace(path)
    fsync_folder(path.parent)


def open_to_read(path: Path) -> apsw.Connection:
    """A reading connection: it never checkpoints, so only the owner writes the file."""
    if not path.exists():
        raise LogError(f"{path}: there is no log; ingest makes it (`carewatch run --roles ingest`)")
    with explained(path, "open it for reading"):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(BUSY_MS)
    return _checked(connection, path)


def _checked(connection: apsw.Connection, path: Path) -> apsw.Connection:
    with explained(path, "read its version"):
        version, application = _number(connection, "user_version"), _number(connection, "application_id")
    problem = None
    if application != APPLICATION_ID:
        problem = "this is no reading log of carewatch; give another log.path"
    elif version != FILE_VERSION:
        problem = f"a log of version {version}, this carewatch knows {FILE_VERSION}; use the carewatch that wrote it"
    if problem:
        connection.close()
        raise LogError(f"{path}: {problem}")
    return connection


def _number(connection: apsw.Connection, pragma: str) -> int:
    return int(connection.pragma(pragma))


def watch_row(watch: Watch) -> tuple[Any, ...]:
    """In the order of table `watch`."""
    return watch.index, watch.watch_id, watch.profile, watch.site, watch.provisional, watch.retired


def row_watch(row: tuple[Any, ...]) -> Watch:
    """The inverse of `watch_row`."""
    return Watch(row[0], row[1], row[2], row[3], bool(row[4]), bool(row[5]))


def run_row(run: SeenRun) -> tuple[Any, ...]:
    """In the order of table `seen_run`; ranges and emergencies as little-endian int64."""
    key = (run.watch, run.boot, run.generation, run.through)
    return *key, _packed(run.ranges), run.newest_raw_ms, run.touched_ms, _packed(run.emergencies)


def row_run(row: tuple[Any, ...]) -> SeenRun:
    """The inverse of `run_row`."""
    watch, boot, generation, through, ranges, newest_raw_ms, touched_ms, emergencies = row
    pairs = tuple((a, b) for a, b in np.frombuffer(ranges, "<i8").reshape(-1, 2).tolist())
    known = tuple((k, s, t) for k, s, t in np.frombuffer(emergencies, "<i8").reshape(-1, 3).tolist())
    return SeenRun(watch, boot, generation, through, pairs, newest_raw_ms, touched_ms, known)


def value_row(value: SeenValue) -> tuple[Any, ...]:
    """In the order of table `seen_value`; a hash may be signed or unsigned 64 bit, hence nine bytes."""
    return value.watch, value.hash.to_bytes(9, "big", signed=True), value.time_ms


def row_value(row: tuple[Any, ...]) -> SeenValue:
    """The inverse of `value_row`."""
    return SeenValue(row[0], int.from_bytes(row[1], "big", signed=True), row[2])


def quarantine_row(quarantined: Quarantined, offset: int) -> tuple[Any, ...]:
    """In the order of table `quarantine` after its id."""
    q = quarantined
    return offset, q.topic, q.arrival_ms, q.reason, q.detail, q.payload, q.watch_id


def _packed(numbers: tuple[tuple[int, ...], ...]) -> bytes:
    return np.array(numbers, "<i8").tobytes() if numbers else b""
