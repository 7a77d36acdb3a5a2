"""Two watches with one id: an older boot that goes on counting after a newer one began (WIRE.md section 2)."""

from __future__ import annotations

from ingest.reading import Flag

TOLERANCE_MS = 60_000
"""A watch's clock may be set at power-up; two watches talk past each other for longer than that."""


class NewestBoot:
    """For each watch its newest boot and when that began, pending apart from committed."""

    def __init__(self) -> None:
        self._committed: dict[int, tuple[int, int]] = {}
        self._pending: dict[int, tuple[int, int]] = {}
        self._touched_ms: dict[int, int] = {}

    def flag(self, watch: int, boot: int, time_ms: int, *, first_heard: bool) -> int:
        """`TWO_SENDERS` if this new reading of an older boot happened after the newest boot began; else 0.

        `first_heard`: nothing of the boot was known before, so that it may be the newest.
        """
        newest = self._pending.get(watch) or self._committed.get(watch)
        if newest is None or (first_heard and time_ms >= newest[1]):
            self._pending[watch] = (boot, time_ms)
            return 0
        newest_boot, began_ms = newest
        return int(Flag.TWO_SENDERS) if boot != newest_boot and time_ms > began_ms + TOLERANCE_MS else 0

    def commit(self) -> None:
        """The batch is durable."""
        self._committed.update(self._pending)
        self._pending.clear()

    def rollback(self) -> None:
        """Forget the batch."""
        self._pending.clear()

    def restore(self, watch: int, boot: int, touched_ms: int, known_ms: int | None) -> None:
        """After a restart the boot heard of last counts as the newest, begun no later than its newest reading."""
        if known_ms is not None and touched_ms >= self._touched_ms.get(watch, 0):
            self._touched_ms[watch] = touched_ms
            self._committed[watch] = (boot, known_ms)
