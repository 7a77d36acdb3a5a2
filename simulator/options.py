"""Everything that a simulated town can be asked for, in one record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from simulator.faults import Faults

DEFAULT_START_MS = 1_772_409_600_000
"""2026-03-02 08:00 in Shenzhen, a Monday."""


@dataclass(frozen=True, slots=True)
class EpisodeRates:
    """How many of each episode a resident has a day, on average. All zero: ordinary days, when nothing may alert."""

    sos: float = 0.0
    fall_sure: float = 0.0
    fall_waited: float = 0.0
    fall_called_off: float = 0.0
    heart_rate_high: float = 0.0
    heart_rate_low: float = 0.0
    removed: float = 0.0
    removed_briefly: float = 0.0
    silent: float = 0.0
    powered_off: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            rate = getattr(self, name)
            if not 0 <= rate <= 10:
                raise ValueError(f"episode rate {name}: {rate} is not within 0..10 a resident-day")


QUIET = EpisodeRates()
DEMO = EpisodeRates(
    sos=0.15,
    fall_sure=0.12,
    fall_waited=0.10,
    fall_called_off=0.10,
    heart_rate_high=0.15,
    heart_rate_low=0.10,
    removed=0.08,
    removed_briefly=0.06,
    silent=0.08,
    powered_off=0.03,
)
"""Enough that ten hours of a hundred residents show several of each; far more than any real home sees."""


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """A town, its days and its network. The speed is the clock's, not an option.

    `start_ms`: event time of the first minute. `datum`: in which watches report positions (homes are told in the
    same). `connections`: 0 gives each watch its own MQTT connection, as in life, with its last will; K shares K
    connections among all (for load; no last wills). `capacity`: readings that a watch's flash holds. `settle_s`:
    how long after the end watches go on resending what was not receipted.
    """

    residents: int = 100
    seed: int = 7
    start_ms: int = DEFAULT_START_MS
    time_zone: str = "Asia/Shanghai"
    centre: tuple[float, float] = (22.5410, 114.0590)
    datum: Literal["wgs84", "gcj02"] = "wgs84"
    episodes: EpisodeRates = QUIET
    faults: Faults = field(default_factory=Faults)
    connections: int = 0
    capacity: int = 20_000
    settle_s: float = 120.0

    def __post_init__(self) -> None:
        if not 1 <= self.residents <= 100_000:
            raise ValueError(f"residents: {self.residents} is not within 1..100000")
        if self.seed < 0:
            raise ValueError(f"seed: {self.seed} is negative; take 0 or more")
        if not 0 <= self.connections <= self.residents:
            raise ValueError(f"connections: {self.connections} is not within 0..{self.residents} (the residents)")
        if self.capacity < 1:
            raise ValueError(f"capacity: {self.capacity} readings; a watch holds at least 1")
        if self.settle_s < 0:
            raise ValueError(f"settle_s: {self.settle_s} is negative; 0 stops at once")


def morning_of(now_ms: int, time_zone: str = "Asia/Shanghai", hour: int = 8) -> int:
    """The ms of `hour` o'clock, local, of the day of `now_ms`: a demo that starts there shows a day, not a night."""
    local = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(time_zone))
    return int(local.replace(hour=hour, minute=0, second=0, microsecond=0).timestamp() * 1000)
