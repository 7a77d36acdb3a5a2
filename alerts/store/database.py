"""The store: opened by URL, one writing process, every change a transaction.

SQLite runs in WAL mode with synchronous FULL: a committed transaction survives power loss. SQLite before 3.51.3 can
corrupt a WAL file when two connections write or checkpoint at once, so one connection writes, guarded by a lock, and
the readers neither write nor checkpoint.

Errors of the database never show parameters: names and phone numbers are among them.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, insert, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from alerts.store.owner import OwnerLock, StoreError, StoreOwnedElsewhereError
from alerts.store.tables import metadata, schema_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine

__all__ = ["SCHEMA_VERSION", "Store", "StoreError", "StoreOwnedElsewhereError", "open_store"]

SCHEMA_VERSION = 1
"""Of tables.py. A change of a table is a new version with a migration from the one before."""
READERS = 8
BUSY_MS = 5_000


class Store:
    """An open store. `transaction` changes it, `reading` looks; both give a SQLAlchemy connection. Thread-safe."""

    def __init__(self, url: URL, writer: Engine | None, readers: Engine, lock: OwnerLock | None) -> None:
        self.url = url
        self._writer = writer
        self._readers = readers
        self._lock = lock
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing: committed at the end, rolled back by any exception. Not to be nested."""
        if self._writer is None:
            raise StoreError(f"{self.url.render_as_string()}: opened for reading only; its owner makes the changes")
        with self._one_at_a_time, self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view; keep it short, the write-ahead log grows meanwhile."""
        with self._readers.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection and let another process write. Twice is harmless."""
        self._readers.dispose()
        if self._writer is not None:
            self._writer.dispose()
        if self._lock is not None:
            self._lock.release()


def open_store(url: str, *, read_only: bool = False) -> Store:
    """Open, creating what is missing.

    Raises
    ------
    StoreOwnedElsewhereError
        Another process writes it (open with `read_only` to look).
    StoreError
        A bad URL, a missing driver, an unreachable server, or tables of a newer version.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _open_sqlite(parsed, read_only=read_only)
        return _open_server(parsed, read_only=read_only)
    except ArgumentError as error:
        raise StoreError(f"store.url = {url!r}: {error}; e.g. sqlite:///var/store.sqlite") from None
    except ModuleNotFoundError as error:
        raise StoreError(f"store.url: its database needs the Python package {error.name!r}; install it") from None
    except SQLAlchemyError as error:
        raise StoreError(f"{_shown(url)}: cannot be opened: {error}") from error


def _open_sqlite(url: URL, *, read_only: bool) -> Store:
    if not url.database or url.database == ":memory:":
        raise StoreError("store.url: the store outlives the process; name a file, e.g. sqlite:///var/store.sqlite")
    path = Path(url.database)
    if read_only and not path.exists():
        raise StoreError(f"{path}: no store there yet; `carewatch run` makes it")
    readers = _sqlite_engine(url, writes=False, pool_size=READERS, max_overflow=READERS)
    if read_only:
        return _checked(Store(url, None, readers, None))
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = OwnerLock(path)
    lock.take()
    return _checked(Store(url, _sqlite_engine(url, writes=True, pool_size=1, max_overflow=0), readers, lock))


def _sqlite_engine(url: URL, *, writes: bool, **pool: Any) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        poolclass=QueuePool,
        connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000},
        **pool,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver would begin transactions by its own guess
        connection.execute("PRAGMA foreign_keys = ON")
        if writes:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        else:
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _open_server(url: URL, *, read_only: bool) -> Store:
    engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, pool_size=READERS)
    looking = engine.execution_options(isolation_level="REPEATABLE READ")  # one view through a whole reading
    return _checked(Store(url, None if read_only else engine, looking, None))


def _checked(store: Store) -> Store:
    try:
        if store._writer is None:  # noqa: SLF001 - this module builds the class
            with store.reading() as connection:
                _check_version(store, connection)
        else:
            with store.transaction() as connection:
                _create_or_check(store, connection)
    except BaseException:
        store.close()
        raise
    return store


def _create_or_check(store: Store, connection: Connection) -> None:
    if inspect(connection).has_table(schema_version.name):
        _check_version(store, connection)
    else:
        metadata.create_all(connection)
        connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))


def _check_version(store: Store, connection: Connection) -> None:
    found = connection.execute(select(schema_version.c.version)).scalar_one()
    if found != SCHEMA_VERSION:
        newer = "a newer carewatch wrote it: install that one" if found > SCHEMA_VERSION else "it is from the past"
        raise StoreError(
            f"{store.url.render_as_string()}: tables of version {found}, this carewatch knows {SCHEMA_VERSION}; {newer}"
        )


def _shown(url: str) -> str:
    return make_url(url).render_as_string()  # hides the password
