"""Old records leave the log, hour by hour; a disk that refuses it costs room, never a reading."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from ingest.log.contract import LogError
from ingest.seams import now_ms
from ingest.whole import whole

if TYPE_CHECKING:
    from ingest.log.contract import ReadingLog
    from ingest.seams import Clock

log = structlog.get_logger(__name__)

DAY_MS = 86_400_000
EVERY_S = 3600.0
"""Real seconds: it concerns this machine's disk, not the watches."""


async def prune_for_ever(reading_log: ReadingLog, clock: Clock, keep_days: int, every_s: float = EVERY_S) -> None:
    """Drop what is older than `keep_days` and read by every consumer; what the log refuses is said, and tried again."""
    while True:
        before_ms = now_ms(clock) - keep_days * DAY_MS
        try:
            dropped = await whole(asyncio.to_thread(reading_log.prune, before_ms))
        except LogError as error:
            log.warning("log_not_pruned", problem=str(error), remedy="see the disk; tried again within the hour")
        else:
            log.info("log_pruned", records=dropped)
        await asyncio.sleep(every_s)
