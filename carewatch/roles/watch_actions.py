"""What the owner of the log does when asked through its socket: the registry is ingest's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from carewatch.watch_counts import counts_of
from ingest.watches import WATCH_ID, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from carewatch.control import Do
    from carewatch.roles.ingest_parts import Parts
    from ingest.log.contract import ReadingLog
    from ingest.watches import Watches

T = TypeVar("T")
AT_ONCE = 20
"""Watches registered in one turn, each with its fsync: an SOS waits no longer than for these."""


class BetweenCommits(Protocol):
    """`ingest.pipeline.Ingest.between_commits`."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """Do the work in a thread while no batch is under way."""


def watch_actions(reading_log: ReadingLog, watches: Watches, between_commits: BetweenCommits) -> dict[str, Do]:
    """Name -> what is done. Each change takes its turn with the commits, which give out indices too."""

    async def register(request: dict[str, Any]) -> dict[str, Any]:
        watch_ids = request["watch_ids"]
        if not isinstance(watch_ids, list):
            raise TypeError(f"watch_ids = {watch_ids!r}: give a list of ids")
        _check(watch_ids)
        changed = 0
        for first in range(0, len(watch_ids), AT_ONCE):
            some = watch_ids[first : first + AT_ONCE]
            changed += await between_commits(lambda: register_watches(reading_log, watches, some))  # noqa: B023 - awaited
        return {"registered": changed}

    async def retire(request: dict[str, Any]) -> dict[str, Any]:
        watch_id = request["watch_id"]
        return {"retired": await between_commits(lambda: retire_watch(reading_log, watches, watch_id))}

    return {"register": register, "retire": retire}


def watch_counts(parts: Parts) -> dict[str, Do]:
    """Name -> what is answered; changes nothing."""

    async def counts(request: dict[str, Any]) -> dict[str, Any]:
        first, stop = int(request["first"]), min(int(request["stop"]), len(parts.watches))
        return {"counts": counts_of(parts.preparation.seen, parts.ingest.tally.heard, first, max(first, stop))}

    return {"watch_counts": counts}


def register_watches(reading_log: ReadingLog, watches: Watches, watch_ids: Sequence[str]) -> int:
    """Make these watches known for good; returns how many were new or only provisional. ValueError names a bad id.

    With a bad id none is registered.
    """
    _check(watch_ids)
    changed = 0
    for watch_id in watch_ids:
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


def _check(watch_ids: Sequence[str]) -> None:
    for watch_id in watch_ids:
        if not isinstance(watch_id, str) or WATCH_ID.fullmatch(watch_id) is None:
            raise ValueError(f"watch id {watch_id!r}: 1 to 64 of A-Z a-z 0-9 . _ -")


def _put(reading_log: ReadingLog, watches: Watches, watch: Watch) -> None:
    reading_log.put_watch(watch)
    watches.put(watch)
