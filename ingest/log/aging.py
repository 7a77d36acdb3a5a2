"""Rows of the log are merged as they age: many small ones become few large ones, made small (ADR 12).

Each merge reads and packs beside the owner's writing, and exchanges rows in one short transaction: an append waits for
some milliseconds, a reader meets the rows before or the row after, and a crash leaves the one or the other.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from ingest.log.contract import LogDamagedError, LogError
from ingest.log.record import Codec, merge
from ingest.whole import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.log.sqlite import SqliteLog
    from ingest.log.sqlite_reader import Outline

log = structlog.get_logger(__name__)

HOUR_MS = 3_600_000
FULL = 65_536
"""Readings, or records, of a row that is large enough; also what one row holds at most, unless it came so."""
LOOK_AT = 2048
LOOK_AGAIN_S = 60.0
"""Real seconds: it concerns this machine's disk, not the watches."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Which rows are merged. `older_than_ms`: of log time. `takes`: whether a row is one of them. One merge exchanges
    at most `most_rows` of `most_bytes`: its transaction holds appends up.
    """

    older_than_ms: int
    takes: Callable[[Outline], bool]
    most_rows: int = 256
    most_bytes: int = 2 << 20
    least_rows: int = 1


def _is_fresh(row: Outline) -> bool:
    return row.codec != Codec.COLUMNS


def _is_small(row: Outline) -> bool:
    return row.codec == Codec.COLUMNS and max(row.readings, row.records) < FULL // 2


TIERS = (Tier(HOUR_MS, _is_fresh), Tier(24 * HOUR_MS, _is_small, least_rows=2))


class Aging:
    """Goes through the log again and again; one thread at a time."""

    def __init__(self, reading_log: SqliteLog, tiers: Sequence[Tier] = TIERS) -> None:
        self._log = reading_log
        self._tiers = tiers
        self._after = [0] * len(tiers)
        self.merged_rows = 0
        """Rows taken away by merging since the start."""
        self.refused = ""
        """Why the newest step failed; empty while steps succeed."""
        self.damaged = ""
        """Of the newest row that is not merged because it is damaged."""

    @property
    def reached(self) -> int:
        """The offset up to which fresh rows are merged, as far as it was gone through since the start."""
        return self._after[0]

    def step(self) -> bool:
        """One merge, or a piece of disk given back; whether something was done, so that there may be more.

        Raises
        ------
        LogError
            Disk full or failing; the log is as before, and the same step may be tried again.
        """
        return any(self._merge_one(number) for number in range(len(self._tiers))) or self._log.give_back()

    def _merge_one(self, number: int) -> bool:
        tier = self._tiers[number]
        before_ms = self._log.log_time_ms - tier.older_than_ms
        while rows := self._log.outline(self._after[number], before_ms, LOOK_AT):
            for group, is_closed in _groups(rows, tier):
                if not is_closed:
                    return False  # more may join it
                self._after[number] = group[-1].last_offset
                if tier.takes(group[0]) and len(group) >= tier.least_rows and self._merged(group):
                    return True
        return False

    def _merged(self, group: Sequence[Outline]) -> bool:
        """False: a row is damaged; it is said, and all of the group stays as it is."""
        rows = self._log.rows(group[0].first_offset, group[-1].last_offset)
        try:
            row = merge(rows)
        except LogDamagedError as error:
            self.damaged = str(error)
            log.error("row_not_merged", problem=str(error), remedy="`carewatch log verify`")  # noqa: TRY400 - no bug
            return False
        self._log.exchange(rows, row)
        self.merged_rows += len(rows) - 1
        return True


def _groups(rows: Sequence[Outline], tier: Tier) -> Iterator[tuple[list[Outline], bool]]:
    """Rows that go together, and whether the group is closed: full, or followed by one that does not join."""
    group = [rows[0]]
    for row in rows[1:]:
        if not _joins(group, row, tier):
            yield group, True
            group = []
        group.append(row)
    yield group, not tier.takes(group[0]) or _is_full(group, tier)


def _joins(group: Sequence[Outline], row: Outline, tier: Tier) -> bool:
    follows = row.first_offset == group[-1].last_offset + 1
    return follows and tier.takes(group[0]) and tier.takes(row) and _share(group, tier) + _share((row,), tier) <= 1


def _is_full(group: Sequence[Outline], tier: Tier) -> bool:
    return _share(group, tier) >= 1


def _share(group: Sequence[Outline], tier: Tier) -> float:
    """Of what one merge takes; 1: no more."""
    return max(
        len(group) / tier.most_rows,
        sum(row.size_bytes for row in group) / tier.most_bytes,
        sum(row.readings for row in group) / FULL,
        sum(row.records for row in group) / FULL,
    )


async def age_for_ever(aging: Aging) -> None:
    """Merge what has aged, at most half of the time; a disk that refuses it is said, and tried again."""
    while True:
        began_ns = time.perf_counter_ns()
        try:
            went_on = await whole(asyncio.to_thread(aging.step))
        except LogError as error:
            aging.refused = str(error)
            log.warning("rows_not_merged", problem=str(error), remedy="see the log's disk; tried again in a minute")
            went_on = False
        else:
            aging.refused = ""
        await asyncio.sleep((time.perf_counter_ns() - began_ns) / 1e9 if went_on else LOOK_AGAIN_S)
