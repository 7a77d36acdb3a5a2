"""The log's file: how its connections are set, and its rows as what they mean."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import apsw

from ingest.log.contract import LogDamagedError, LogError, LogFullError, LogOutdatedError
from ingest.log.places import fsync_folder
from ingest.log.versions import FILE_VERSION, bring_up
from ingest.watches import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

APPLICATION_ID = 0x63617265  # "care", as `file` shows it
PAGE_BYTES = 8192  # 600 kB records: a quarter faster than 4096; a tick still costs one page
BUSY_MS = 5000  # a reader waits for the checkpoint's short lock at most this long
WAL_LIMIT_BYTES = 64 << 20


@contextmanager
def explained(path: Path, doing: str) -> Iterator[None]:
    """SQLite's errors as `LogError`: what was being done, what failed, the remedy."""
    try:
        yield
    except apsw.FullError as error:
        raise LogFullError(
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
    """The writing connection, to a file of today's version.

    A new file appears complete, by rename, so that no reader meets half of it; an older one is brought up in one
    transaction, or stays as it was.
    """
    if not path.exists():
        _make(path)
    with explained(path, "open it for writing"):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(BUSY_MS)
        for setting in ("synchronous = FULL", f"journal_size_limit = {WAL_LIMIT_BYTES}"):
            list(connection.execute(f"PRAGMA {setting}"))
    version = _checked_version(connection, path)
    if version < FILE_VERSION:
        with explained(path, f"bring it from version {version} to {FILE_VERSION}"), transaction(connection):
            bring_up(connection, version)
    return connection


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
            bring_up(connection, 0)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
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
    version = _checked_version(connection, path)
    if version < FILE_VERSION:
        connection.close()
        raise LogOutdatedError(
            f"{path}: a log of version {version}, this carewatch reads {FILE_VERSION}; ingest brings it up when it "
            "starts (`carewatch run --roles ingest`)"
        )
    return connection


def _checked_version(connection: apsw.Connection, path: Path) -> int:
    with explained(path, "read its version"):
        version, application = _number(connection, "user_version"), _number(connection, "application_id")
    problem = None
    if application != APPLICATION_ID:
        problem = "this is no reading log of carewatch; give another log.path"
    elif version > FILE_VERSION:
        problem = f"a log of version {version}, this carewatch knows {FILE_VERSION}; use the carewatch that wrote it"
    if problem:
        connection.close()
        raise LogError(f"{path}: {problem}")
    return version


def _number(connection: apsw.Connection, pragma: str) -> int:
    return int(connection.pragma(pragma))


def watch_row(watch: Watch) -> tuple[Any, ...]:
    """In the order of table `watch`."""
    return watch.index, watch.watch_id, watch.profile, watch.site, watch.provisional, watch.retired


def row_watch(row: tuple[Any, ...]) -> Watch:
    """The inverse of `watch_row`."""
    return Watch(row[0], row[1], row[2], row[3], bool(row[4]), bool(row[5]))
