"""The receipt that carewatch sends: what of a watch's readings is durably kept (WIRE.md section 2)."""

from __future__ import annotations

from enum import Enum

import msgspec


class Verdict(Enum):
    """What a watch made of a receipt."""

    TAKEN = "taken"
    UNREADABLE = "it is no JSON object with boot, through and until"
    OTHER_BOOT = "its boot is none of this watch's"
    ABOVE_HIGHEST = "it names a seq above the highest of its boot"


class Receipt(msgspec.Struct, frozen=True):
    """Of `boot`: every seq up to `through`, and the closed ranges of `also`, up to the watch time `until` (ms)."""

    boot: int
    through: int
    until: int
    also: tuple[tuple[int, int], ...] = ()

    @property
    def highest(self) -> int:
        """The highest seq it names."""
        return max([self.through, *(last for _, last in self.also)])

    def covers(self, seq: int, time_ms: int) -> bool:
        """Is a reading with this seq and watch time kept."""
        named = seq <= self.through or any(first <= seq <= last for first, last in self.also)
        return named and time_ms <= self.until


def read_receipt(payload: bytes) -> Receipt | None:
    """The receipt in a payload; None if it is none."""
    try:
        return msgspec.json.decode(payload, type=Receipt)
    except msgspec.MsgspecError:
        return None
