"""Whether the log can be read, who writes it, and how far its consumers are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from carewatch.consumers import standing_still
from carewatch.doctor.bounded import in_thread
from carewatch.doctor.finding import Finding, bad, good, warning
from carewatch.places import status_file
from carewatch.status import read_status
from ingest.log.contract import LogError, LogOutdatedError
from ingest.log.sqlite_reader import SqliteLogReader

if TYPE_CHECKING:
    from carewatch.settings import Settings

PART = "reading log"
LOCKS = Path("/proc/locks")


async def reading_log(settings: Settings) -> list[Finding]:
    """Opens the log for reading and checks its newest record."""
    return await in_thread(lambda: _reading_log(settings))


def _reading_log(settings: Settings) -> list[Finding]:
    path = settings.log.path
    if not path.exists():
        return [warning(PART, f"{path} is not there yet", "`carewatch run` makes it")]
    try:
        reader = SqliteLogReader(path)
    except LogOutdatedError as error:
        return [
            warning(PART, str(error), "back it up, then start ingest: the older carewatch cannot read it afterwards")
        ]
    except LogError as error:
        return [bad(PART, str(error), "put back a backup, or set log.path right (docs/operations.md)")]
    try:
        return [_content(reader), *_consumers(reader), _writer(settings)]
    except LogError as error:
        return [bad(PART, str(error), "`carewatch log verify` says how far it is sound; docs/operations.md: restore")]
    finally:
        reader.close()


def _content(reader: SqliteLogReader) -> Finding:
    end = reader.end()
    reader.read(end - 1, 1)  # checks the newest record's checksum
    return good(PART, f"{reader.path} holds {end - reader.start() + 1} records and can be read")


def _consumers(reader: SqliteLogReader) -> list[Finding]:
    return [warning(PART, one.what, one.remedy) for one in standing_still(reader)]


def _writer(settings: Settings) -> Finding:
    """Looks without taking the lock: even for an instant that could keep a starting carewatch out."""
    owner = lock_owner(settings.log.path.with_name(settings.log.path.name + ".lock"))
    if owner is None:
        return good(PART, "no process writes it now")
    status = read_status(status_file(settings, "ingest"))
    if status is not None and status.pid == owner and status.is_stale:
        told = f"process {owner} writes it, and has said nothing for {max(0, int(status.age_s))} s"
        return bad(PART, told, f"see its log; `kill {owner}` lets `carewatch run` start it anew")
    return good(PART, f"process {owner} writes it")


def lock_owner(lock: Path, locks: Path = LOCKS) -> int | None:
    """Process id of who holds the flock on `lock`, by proc_locks(5); None if nobody that this machine shows."""
    try:
        found = lock.stat()
        rows = locks.read_text("ascii").splitlines()
    except FileNotFoundError:
        return None
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    for row in rows:
        _, kind, _, _, pid, where, *_ = row.split()
        if (kind, where) == ("FLOCK", place):
            return int(pid)
    return None
