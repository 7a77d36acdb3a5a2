"""How far the log's consumers are behind: one that stands still holds pruning up, and the disk fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.log.sqlite_reader import SqliteLogReader

DAY_MS = 86_400_000
STANDS_STILL_MS = 7 * DAY_MS
"""A consumer this far behind holds pruning up (DESIGN: processes)."""


@dataclass(frozen=True, slots=True)
class FarBehind:
    """A consumer far behind. `behind_ms`: of log time, from the first record that it has not read to the newest."""

    consumer: str
    records: int
    behind_ms: int
    first_unread_ms: int
    place_file: str

    @property
    def what(self) -> str:
        """As the operator reads it."""
        return f"{self.consumer} has {self.records} records before it, {self.behind_ms / DAY_MS:.0f} days"

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return (
            f"run {self.consumer} again; if it is gone for good delete {self.place_file}. Until then nothing is pruned"
        )


def standing_still(reader: SqliteLogReader) -> list[FarBehind]:
    """Those that are more than a week behind. Raises LogError as the reader does."""
    end, found = reader.end(), []
    for consumer, kept in reader.places().items():
        place = max(kept, reader.start() - 1)
        if place >= end:
            continue
        newest_ms, first_unread_ms = (reader.read(after, 1)[0].log_time_ms for after in (end - 1, place))
        behind_ms = newest_ms - first_unread_ms
        if behind_ms > STANDS_STILL_MS:
            file = f"{reader.path}.place.{consumer}"
            found.append(FarBehind(consumer, end - place, behind_ms, first_unread_ms, file))
    return found
