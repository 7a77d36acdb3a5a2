"""The life of a resident as the watch meets it: a pure, endless, ordered stream from seed, resident and start.

plan of the day -> episodes put into it -> heart, walks, battery -> what the watch measures and notices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from simulator.battery import charge_levels, charged_minute
from simulator.episodes import (
    MINUTE_MS,
    WITHOUT_POWER,
    Episode,
    Scenario,
    minute_of,
    plan_episodes,
    with_episodes,
)
from simulator.heart import Strain, beats_per_minute
from simulator.resident_day import MINUTES, DayPlan, plan_day
from simulator.streams import Purpose, stream
from simulator.walks import fixes_of_day

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from simulator.options import SimulationOptions
    from simulator.town import Resident

MIDNIGHT_PCT = 94.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a watch measures or notices at a true moment: a kind and its values, named as WIRE.md section 1 does."""

    time_ms: int
    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Power:
    """The watch goes dark (without a word, unless `orderly`) or starts up again."""

    time_ms: int
    on: bool
    orderly: bool = False


@dataclass(frozen=True, slots=True)
class Begin:
    """An episode begins; said just before the first reading that shows it."""

    time_ms: int
    episode: Episode


LifeItem = Reading | Power | Begin


def live(resident: Resident, options: SimulationOptions) -> Iterator[LifeItem]:
    """Everything from `options.start_ms` on, in order of time, without end."""
    zone = ZoneInfo(options.time_zone)
    start = datetime.fromtimestamp(options.start_ms / 1000, zone)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    level = MIDNIGHT_PCT
    while True:
        day = _day(resident, options, midnight, level)
        yield from (item for item in day.items() if item.time_ms >= options.start_ms)
        level = float(day.levels[-1])
        midnight += timedelta(days=1)  # of a zone with summer time, days of 23 and 25 h are cut and padded by this


@dataclass(frozen=True, slots=True)
class _Day:
    resident: Resident
    midnight_ms: int
    plan: DayPlan
    episodes: list[Episode]
    bpm: NDArray[Any]
    levels: NDArray[Any]
    fixes: list[Reading]
    rng: np.random.Generator

    def items(self) -> list[LifeItem]:
        """The day in order of time; at one moment: begin of an episode, power, then readings."""
        dark = [e for e in self.episodes if e.scenario in WITHOUT_POWER]
        readings = [*self._minutes(), *self.fixes, *self._wearing(), *self._alarms()]
        measured = [r for r in readings if not any(e.start_ms <= r.time_ms < e.end_ms for e in dark)]
        items: list[LifeItem] = [*(Begin(e.start_ms, e) for e in self.episodes), *self._power(dark), *measured]
        return sorted(items, key=lambda item: item.time_ms)

    def at(self, time_ms: int) -> dict[str, Any]:
        """What comes with every reading."""
        minute = min(minute_of(time_ms, self.midnight_ms), MINUTES - 1)
        return {
            "battery": round(float(self.levels[minute])),
            "worn": bool(self.plan.worn[minute]),
            "charging": bool(self.plan.charging[minute]),
        }

    def moment(self, minute: int) -> int:
        """When this watch samples in that minute."""
        return self.midnight_ms + minute * MINUTE_MS + self.resident.sample_phase_ms

    def _minutes(self) -> Iterator[Reading]:
        """One heart rate a minute with the steps of it; 0 and no steps from a watch on a table."""
        columns = (self.bpm.tolist(), self.plan.steps.tolist(), self.plan.worn.tolist())
        for minute, (bpm, steps, worn) in enumerate(zip(*columns, strict=True)):
            time_ms = self.moment(minute)
            values = {"bpm": int(bpm) if worn else 0, "steps": steps if worn else 0, **self.at(time_ms)}
            yield Reading(time_ms, "heart_rate", values)

    def _wearing(self) -> Iterator[Reading]:
        """Put on, taken off, on the charger, full: noticed a second before the sample of its minute."""
        for name, states in (("worn", self.plan.worn), ("charging", self.plan.charging)):
            for minute in (np.flatnonzero(states[1:] != states[:-1]) + 1).tolist():
                event = name if states[minute] else {"worn": "removed"}.get(name)
                if event is not None:
                    yield self._status(self.moment(minute) - 1_000, minute, event)
        full = charged_minute(self.levels, self.plan)
        if full is not None:
            yield self._status(self.moment(full) + 1_000, full, "charged")

    def _status(self, time_ms: int, minute: int, event: str) -> Reading:
        return Reading(time_ms, "status", {"event": event, **self.at(self.midnight_ms + minute * MINUTE_MS)})

    def _alarms(self) -> Iterator[Reading]:
        for episode in self.episodes:
            if episode.scenario is Scenario.SOS:
                yield Reading(episode.start_ms, "sos", self.at(episode.start_ms))
            elif episode.scenario in FALLS:
                yield from self._fall(episode)
            elif episode.scenario is Scenario.POWERED_OFF:
                yield Reading(episode.start_ms - 1, "status", {"event": "power_off", **self.at(episode.start_ms)})

    def _fall(self, episode: Episode) -> Iterator[Reading]:
        least, most = FALLS[episode.scenario]
        values = {
            "confidence": round(float(self.rng.uniform(least, most)), 2),
            "impact_g": round(float(self.rng.uniform(2.6, 6.5)), 1),
            "still_s": int(self.rng.integers(2, 8)),
            **self.at(episode.start_ms),
        }
        yield Reading(episode.start_ms, "fall", values)
        if episode.scenario is Scenario.FALL_CALLED_OFF:
            after_ms = int(self.rng.integers(5_000, 15_000))
            yield Reading(episode.start_ms + after_ms, "fall", {**values, "cancelled": True})

    def _power(self, dark: list[Episode]) -> Iterator[Power]:
        for episode in dark:
            yield Power(episode.start_ms, on=False, orderly=episode.scenario is Scenario.POWERED_OFF)
            yield Power(episode.end_ms, on=True)


FALLS = {
    Scenario.FALL_SURE: (0.92, 0.99),
    Scenario.FALL_WAITED: (0.5, 0.8),
    Scenario.FALL_CALLED_OFF: (0.5, 0.8),
}
"""The watch's own confidence, least and most."""


def _day(resident: Resident, options: SimulationOptions, midnight: datetime, level: float) -> _Day:
    ordinal, midnight_ms = midnight.toordinal(), int(midnight.timestamp() * 1000)

    def draw(purpose: Purpose) -> np.random.Generator:
        return stream(options.seed, resident.index, purpose, ordinal)

    rng = draw(Purpose.EPISODES)
    ordinary = plan_day(resident, draw(Purpose.DAY))
    planned = plan_episodes(resident, ordinary, options.episodes, midnight_ms, rng)
    episodes = [e for e in planned if e.start_ms >= options.start_ms + e.facts.settled_min * MINUTE_MS]
    plan = with_episodes(ordinary, episodes, midnight_ms, rng)
    strains = [strain for e in episodes if (strain := _strain(e, midnight_ms, rng)) is not None]
    bpm = beats_per_minute(resident, plan, strains, draw(Purpose.HEART))
    levels = charge_levels(resident, plan, level)
    day = _Day(resident, midnight_ms, plan, episodes, bpm, levels, [], rng)
    for fix in fixes_of_day(resident, plan, options.datum, draw(Purpose.WALK)):
        # Half a minute off the heart rate, so that the two do not come in one moment.
        time_ms = midnight_ms + fix.minute * MINUTE_MS + (resident.sample_phase_ms + 30_000) % MINUTE_MS
        position = {"lat": fix.lat, "lon": fix.lon, "accuracy_m": fix.accuracy_m, "speed_kmh": fix.speed_kmh}
        more = {"source": fix.source, "datum": options.datum}
        day.fixes.append(Reading(time_ms, "location", {**position, **more, **day.at(time_ms)}))
    return day


def _strain(episode: Episode, midnight_ms: int, rng: np.random.Generator) -> Strain | None:
    start, end = minute_of(episode.start_ms, midnight_ms), minute_of(episode.end_ms, midnight_ms)
    if episode.scenario is Scenario.HEART_RATE_HIGH:
        # The first sample that can show it is the one after the start.
        return Strain(start + 1, end + 1, float(rng.uniform(139, 152)))
    if episode.scenario is Scenario.HEART_RATE_LOW:
        return Strain(start + 1, end + 1, float(rng.uniform(33, 37)))
    return None
