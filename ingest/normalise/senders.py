"""Two watches with one id: an older boot that goes on counting after a newer one began (WIRE.md section 2)."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.reading import Flag

TOLERANCE_MS = 60_000
"""A watch's clock may be set at power-up; two watches talk past each other for longer than that."""


@dataclass(slots=True)
class NewestBoot:
    """The newest boot of a watch and when that began; `began_ms` None: no reading of any boot came yet."""

    boot: int = 0
    began_ms: int | None = None

    def flag(self, boot: int, time_ms: int, *, first_heard: bool) -> int:
        """`TWO_SENDERS` if this new reading of an older boot happened after the newest boot began; else 0.

        `first_heard`: nothing of the boot was known before, so that it may be the newest.
        """
        if self.began_ms is None or (first_heard and time_ms >= self.began_ms):
            self.boot, self.began_ms = boot, time_ms
            return 0
        is_second = boot != self.boot and time_ms > self.began_ms + TOLERANCE_MS
        return int(Flag.TWO_SENDERS) if is_second else 0
