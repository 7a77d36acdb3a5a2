"""Whether the store can be read, and who can sign in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from alerts.store.database import StoreError, open_store
from alerts.store.people import officers
from carewatch.doctor.bounded import in_thread
from carewatch.doctor.finding import Finding, bad, good, warning

if TYPE_CHECKING:
    from alerts.store.database import Store
    from carewatch.settings import Settings

PART = "store"


async def store(settings: Settings) -> list[Finding]:
    """Opens it for reading only."""
    return await in_thread(lambda: _store(settings.store.url))


def missing_file(url: str) -> Path | None:
    """The file of a SQLite store that nobody has made yet."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    path = Path(parsed.database)
    return None if path.exists() else path


def _store(url: str) -> list[Finding]:
    missing = missing_file(url)
    if missing is not None:
        return [warning(PART, f"{missing} is not there yet", "`carewatch run` makes it")]
    try:
        opened = open_store(url, read_only=True)
    except StoreError as error:
        return [bad(PART, str(error), "set store.url right, or put back a backup (docs/operations.md)")]
    try:
        return [good(PART, f"{opened.url.render_as_string()} can be read"), *_officers(opened)]
    finally:
        opened.close()


def _officers(opened: Store) -> list[Finding]:
    with opened.reading() as connection:
        rows = officers(connection)
    if any(row.password_hash for row in rows):
        return []
    return [warning(PART, "no officer has a password: nobody can sign in", "`carewatch officer password LOGIN`")]
