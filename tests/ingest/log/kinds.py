"""The implementations of the reading log, as the contract's tests open them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.log.aging import TIERS, Aging, Tier
from ingest.log.sqlite import SqliteLog
from ingest.log.sqlite_reader import SqliteLogReader

if TYPE_CHECKING:
    from pathlib import Path


SETTLING = (Tier(0, TIERS[0].takes, most_rows=7), Tier(0, TIERS[1].takes, most_rows=4, least_rows=2))
"""As the real tiers, but at once and of few rows."""


class SqliteKind:
    """How a test opens a SQLite log; another implementation brings its own class of this shape."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "readings.sqlite"
        self._opened: list[SqliteLogReader] = []

    def writer(self) -> SqliteLog:
        self._opened.append(SqliteLog(self.path))
        return self._opened[-1]

    def reader(self) -> SqliteLogReader:
        self._opened.append(SqliteLogReader(self.path))
        return self._opened[-1]

    def settle(self, log: SqliteLog) -> None:
        """Rearrange how its older records are kept, as it would in days: readers must not tell."""
        aging = Aging(log, SETTLING)
        while aging.step():
            pass

    def close(self) -> None:
        for opened in reversed(self._opened):
            opened.close()


KINDS = {"sqlite": SqliteKind}
