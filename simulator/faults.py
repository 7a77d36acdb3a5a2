"""What may go wrong between a watch and the broker: one record, each default "none"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

HELD_BACK_MS = (1_000, 5_000)
"""How long a reordered message is held back while later ones overtake it."""


@dataclass(frozen=True, slots=True)
class DeadZone:
    """No signal for one watch (`watch` None: for all) from `start_ms` until before `end_ms`; it measures on."""

    start_ms: int
    end_ms: int
    watch: str | None = None

    def __post_init__(self) -> None:
        if self.end_ms <= self.start_ms:
            raise ValueError(f"dead zone: end_ms {self.end_ms} is not after start_ms {self.start_ms}")


@dataclass(frozen=True, slots=True)
class Faults:
    """Percentages are of messages, in either direction; delays are in the simulation's time.

    A dropped message never reaches the broker and a dropped receipt never the watch, each without an error, as when
    a radio acknowledges what its modem then loses. `delay_ms` is the mean of an exponential delay. `clock_offset_ms`:
    the watch's clock minus the true time, the same for every watch.
    """

    drop_pct: float = 0.0
    duplicate_pct: float = 0.0
    reorder_pct: float = 0.0
    delay_ms: float = 0.0
    clock_offset_ms: int = 0
    dead_zones: tuple[DeadZone, ...] = ()

    def __post_init__(self) -> None:
        for name in ("drop_pct", "duplicate_pct", "reorder_pct"):
            value = getattr(self, name)
            if not 0 <= value <= 100:
                raise ValueError(f"{name}: {value} is not within 0..100 %")
        if self.delay_ms < 0:
            raise ValueError(f"delay_ms: {self.delay_ms} is negative; 0 is none")


class Network:
    """The way of one watch's messages: when, and how many times, each arrives."""

    def __init__(self, watch_id: str, faults: Faults, rng: np.random.Generator) -> None:
        self._faults = faults
        self._rng = rng
        self._zones = sorted(
            (zone for zone in faults.dead_zones if zone.watch in (None, watch_id)), key=lambda zone: zone.start_ms
        )

    def arrivals(self, sent_ms: int) -> tuple[int, ...]:
        """When the copies of a message sent at `sent_ms` arrive, in ms: none if it is dropped."""
        faults = self._faults
        if self._happens(faults.drop_pct):
            return ()
        copies = 2 if self._happens(faults.duplicate_pct) else 1
        return tuple(sent_ms + self._delay_ms() for _ in range(copies))

    def loses_receipt(self) -> bool:
        """Is this receipt lost on the way to the watch."""
        return self._happens(self._faults.drop_pct)

    def dead_zone_at(self, time_ms: int) -> DeadZone | None:
        """The dead zone that the watch is in at that moment; None: it is within reach of a mast."""
        return next((zone for zone in self._zones if zone.start_ms <= time_ms < zone.end_ms), None)

    def next_change_ms(self, time_ms: int) -> int | None:
        """The next moment after `time_ms` at which a dead zone begins or ends."""
        edges = [edge for zone in self._zones for edge in (zone.start_ms, zone.end_ms) if edge > time_ms]
        return min(edges, default=None)

    def _happens(self, pct: float) -> bool:
        return pct > 0 and self._rng.random() * 100 < pct

    def _delay_ms(self) -> int:
        delay = self._rng.exponential(self._faults.delay_ms) if self._faults.delay_ms else 0.0
        if self._happens(self._faults.reorder_pct):
            delay += self._rng.uniform(*HELD_BACK_MS)
        return round(delay)
