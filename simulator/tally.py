"""What a running town counts, and what it tells of each message."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.truth import Truth, truth_of, truth_of_dead_zone

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.episodes import Episode
    from simulator.faults import DeadZone
    from simulator.town import Resident
    from simulator.watch import Message


@dataclass(frozen=True, slots=True)
class Published:
    """A reading handed to the MQTT client.

    `time_ms`: event time by the watch's clock. `published_ns`: by the clock of the run. `wall_monotonic_ns`:
    `time.monotonic_ns()` just before the handing over, to measure latency against. `copy`: 0 the first time that this
    reading is published, then 1, 2, ... Distinct readings are those with copy 0.
    """

    watch_id: str
    kind: str
    time_ms: int
    boot: int
    seq: int
    copy: int
    published_ns: int
    wall_monotonic_ns: int


@dataclass(frozen=True, slots=True)
class TownResult:
    """What a town did. Readings are distinct ones; `resent` counts further copies published.

    `receipted` + `held` + `overwritten` = all that was measured. `truth`: every episode that began.
    """

    published: dict[str, int]
    messages: int
    resent: int
    dropped: int
    failed: int
    receipted: int
    held: int
    overwritten: int
    ended_ms: int
    truth: tuple[Truth, ...]

    @property
    def published_total(self) -> int:
        """Distinct readings published, of all kinds."""
        return sum(self.published.values())


@dataclass(slots=True)
class Tally:
    """Counts of one run, over all its watches."""

    on_publish: Callable[[Published], None] | None = None
    on_episode: Callable[[Truth], None] | None = None
    messages: int = 0
    resent: int = 0
    dropped: int = 0
    failures: int = 0
    published: Counter[str] = field(default_factory=Counter)
    truth: list[Truth] = field(default_factory=list)
    _copies: Counter[tuple[str, int, int]] = field(default_factory=Counter)

    def began(self, episode: Episode) -> None:
        """An episode begins."""
        self._tell(truth_of(episode))

    def lost_signal(self, zone: DeadZone, resident: Resident) -> None:
        """A watch enters a dead zone, which to the other end is silence."""
        self._tell(truth_of_dead_zone(zone, resident))

    def _tell(self, truth: Truth) -> None:
        self.truth.append(truth)
        if self.on_episode is not None:
            self.on_episode(truth)

    def left_watch(self, copies: int) -> None:
        """A message left its watch; the network makes so many of it, 0 if it drops it."""
        self.dropped += copies == 0

    def failed(self) -> None:
        """A message did not reach the broker, or is not known to have."""
        self.failures += 1

    def publishing(self, watch_id: str, message: Message, now_ns: int) -> None:
        """A message is handed to the MQTT client."""
        wall_ns = time.monotonic_ns()
        self.messages += 1
        for held in message.readings:
            key = (watch_id, held.boot, held.seq)
            copy = self._copies[key]
            self._copies[key] += 1
            self.published[held.kind] += copy == 0
            self.resent += copy > 0
            if self.on_publish is not None:
                self.on_publish(
                    Published(watch_id, held.kind, held.time_ms, held.boot, held.seq, copy, now_ns, wall_ns)
                )
