"""The Python and the SQLite that we run on, and the site's zone."""

from __future__ import annotations

import platform
import sqlite3
import sys
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import apsw

from carewatch.doctor.finding import Finding, bad, good

if TYPE_CHECKING:
    from carewatch.settings import Settings

PART = "Python and SQLite"
NEEDED_PYTHON = (3, 11)
SOUND_SQLITE = (3, 51, 3)
"""Before it a WAL file could be damaged by two connections that write or checkpoint at once."""


async def programs(settings: Settings) -> list[Finding]:
    """Versions, and whether the zone of `site.time_zone` is known."""
    return [*_versions(sys.version_info[:2], apsw.sqlite_lib_version()), *_zone(settings.site.time_zone)]


def _versions(python: tuple[int, ...], sqlite: str) -> list[Finding]:
    if python < NEEDED_PYTHON:
        found = ".".join(map(str, python))
        return [bad(PART, f"Python {found}; 3.11 is needed", "make the virtual environment with a newer Python")]
    if tuple(int(part) for part in sqlite.split(".")) < SOUND_SQLITE:
        return [bad(PART, f"apsw brings SQLite {sqlite}, which can damage the log", "pip install 'apsw>=3.51.3'")]
    told = f"Python {platform.python_version()}, SQLite {sqlite} for the log, {sqlite3.sqlite_version} for the store"
    return [good(PART, told)]


def _zone(name: str) -> list[Finding]:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [bad(PART, f"site.time_zone = {name!r} is no time zone", "write an IANA name such as Asia/Shanghai")]
    return []
