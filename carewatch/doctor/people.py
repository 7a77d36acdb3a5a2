"""Who wears which watch: whom carewatch protects, and whom it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from alerts.store.database import StoreError, open_store
from alerts.store.people import wearers
from alerts.store.tables import resident
from alerts.store.watch_status import statuses
from carewatch.doctor.bounded import in_thread
from carewatch.doctor.finding import Finding, good, not_set, warning
from carewatch.doctor.store import missing_file
from ingest.log.contract import LogError
from ingest.log.sqlite_reader import SqliteLogReader

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from carewatch.settings import Settings

PART = "residents and watches"
IMPORT = "`carewatch residents import residents.csv`"
SHOWN = 5


async def people(settings: Settings) -> list[Finding]:
    """Compares the wearers with the log's registry of watches, and with the watches that alerts has heard."""
    return await in_thread(lambda: _people(settings))


def _people(settings: Settings) -> list[Finding]:
    if missing_file(settings.store.url) is not None:
        return [not_set(PART, "there is no store yet, so no residents", IMPORT)]
    try:
        opened = open_store(settings.store.url, read_only=True)
    except StoreError:
        return [warning(PART, "not looked at: the store cannot be read", "mend the store first")]
    try:
        with opened.reading() as connection:
            worn = {row.watch_id: row.id for row in wearers(connection)}
            heard = statuses(connection).keys()
            count = connection.execute(select(func.count()).select_from(resident)).scalar_one()
    finally:
        opened.close()
    if not count:
        return [warning(PART, "no residents: an alert can name nobody", IMPORT)]
    silent = worn.keys() - heard
    return [
        good(
            PART, f"{count} residents; {len(worn)} watches are worn, {len(worn) - len(silent)} of them have been heard"
        ),
        *_without_watch(count - len(set(worn.values()))),
        *_unworn(_registered(settings.log.path) - worn.keys()),
        *_never_heard(silent),
    ]


def _registered(log: Path) -> set[str]:
    """Ids of the registry's watches that are not retired; what is wrong with the log another check says."""
    if not log.exists():
        return set()
    try:
        reader = SqliteLogReader(log)
    except LogError:
        return set()
    try:
        return {watch.watch_id for watch in reader.watches() if not watch.retired}
    finally:
        reader.close()


def _without_watch(count: int) -> list[Finding]:
    if not count:
        return []
    return [warning(PART, f"{count} residents wear no watch: nobody watches over them", IMPORT)]


def _unworn(watches: Iterable[str]) -> list[Finding]:
    if not watches:
        return []
    told = f"watches that nobody is known to wear: {_listed(watches)}; their alerts carry no name and no address"
    return [warning(PART, told, f"add their wearers: {IMPORT}; or retire them: `carewatch watch retire ID`")]


def _never_heard(watches: Iterable[str]) -> list[Finding]:
    if not watches:
        return []
    told = f"watches that were never heard: {_listed(watches)}; their wearers are not protected"
    return [warning(PART, told, "switch them on; check the watch's server address, user name and topic")]


def _listed(watches: Iterable[str]) -> str:
    names = sorted(watches)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
