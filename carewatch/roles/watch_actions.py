"""What the owner of the log does when asked through its socket: the registry is ingest's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ingest.watches import WATCH_ID, Watch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carewatch.control import Do
    from ingest.log.contract import ReadingLog
    from ingest.watches import Watches


def watch_actions(reading_log: ReadingLog, watches: Watches) -> dict[str, Do]:
    """Name -> what is done."""

    async def register(request: dict[str, Any]) -> dict[str, Any]:
        return {"registered": await asyncio.to_thread(register_watches, reading_log, watches, request["watch_ids"])}

    async def retire(request: dict[str, Any]) -> dict[str, Any]:
        return {"retired": await asyncio.to_thread(retire_watch, reading_log, watches, request["watch_id"])}

    return {"register": register, "retire": retire}


def register_watches(reading_log: ReadingLog, watches: Watches, watch_ids: Iterable[str]) -> int:
    """Make these watches known for good; returns how many were new or only provisional. ValueError names a bad id."""
    changed = 0
    for watch_id in watch_ids:
        if WATCH_ID.fullmatch(watch_id) is None:
            raise ValueError(f"watch id {watch_id!r}: 1 to 64 of A-Z a-z 0-9 . _ -")
        known = watches.get(watch_id)
        if known is not None and not (known.provisional or known.retired):
            continue
        new = Watch(len(watches), watch_id) if known is None else replace(known, provisional=False, retired=False)
        _put(reading_log, watches, new)
        changed += 1
    return changed


def retire_watch(reading_log: ReadingLog, watches: Watches, watch_id: str) -> bool:
    """A watch that is worn no more; what it sends is still kept. False if nobody knows it."""
    known = watches.get(watch_id)
    if known is None:
        return False
    _put(reading_log, watches, replace(known, retired=True))
    return True


def _put(reading_log: ReadingLog, watches: Watches, watch: Watch) -> None:
    reading_log.put_watch(watch)
    watches.put(watch)
