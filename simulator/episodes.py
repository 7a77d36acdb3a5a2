"""What goes wrong in a resident's day: which emergencies, when, and what carewatch owes for each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.resident_day import MINUTES, Activity, DayPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from simulator.options import EpisodeRates
    from simulator.town import Resident

MINUTE_MS = 60_000
EARLIEST_MINUTE, LATEST_MINUTE = 7 * 60 + 30, 20 * 60 + 30
"""Between which an episode lies: awake, and "day" for rules that ask."""
APART_MIN = 40
TRIES = 200
AT_ONCE_MIN = 2


class Scenario(StrEnum):
    """The kinds of trouble; each is a rate in `EpisodeRates`."""

    SOS = "sos"
    FALL_SURE = "fall_sure"
    FALL_WAITED = "fall_waited"
    FALL_CALLED_OFF = "fall_called_off"
    HEART_RATE_HIGH = "heart_rate_high"
    HEART_RATE_LOW = "heart_rate_low"
    REMOVED = "removed"
    REMOVED_BRIEFLY = "removed_briefly"
    SILENT = "silent"
    POWERED_OFF = "powered_off"


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a scenario. `what`, `severity`, `within_s` and `why_hard` go into the truth (WIRE.md section 6).

    `lasts_min`: least and most minutes. `lead_min`: minutes of rest before it. `forced`: the activity meanwhile.
    `settled_min`: it begins no sooner after the start of the run; rest is known only after ten minutes without a step.
    """

    what: str
    must_alert: bool
    severity: str
    within_s: int
    lasts_min: tuple[int, int]
    lead_min: int = 0
    forced: Activity | None = None
    why_hard: str = ""
    settled_min: int = 20


FACTS: dict[Scenario, Facts] = {
    Scenario.SOS: Facts("sos", True, "emergency", 60, (2, 3), settled_min=AT_ONCE_MIN),
    Scenario.FALL_SURE: Facts("fall", True, "emergency", 60, (15, 30), forced=Activity.LYING, settled_min=AT_ONCE_MIN),
    Scenario.FALL_WAITED: Facts(
        "fall",
        True,
        "emergency",
        120,
        (12, 25),
        forced=Activity.LYING,
        why_hard="the watch is unsure; only that nobody calls it off tells",
        settled_min=AT_ONCE_MIN,
    ),
    Scenario.FALL_CALLED_OFF: Facts(
        "fall", False, "emergency", 60, (6, 8), forced=Activity.INDOORS, why_hard="called off before 30 s"
    ),
    Scenario.HEART_RATE_HIGH: Facts(
        "heart_rate_high", True, "emergency", 300, (6, 14), lead_min=15, forced=Activity.SITTING
    ),
    Scenario.HEART_RATE_LOW: Facts(
        "heart_rate_low", True, "emergency", 540, (9, 16), lead_min=15, forced=Activity.SITTING
    ),
    Scenario.REMOVED: Facts("removed", True, "warning", 7800, (150, 210)),
    Scenario.REMOVED_BRIEFLY: Facts(
        "removed", False, "warning", 7800, (50, 95), why_hard="taken off for less than 2 h"
    ),
    Scenario.SILENT: Facts("silent", True, "warning", 2400, (55, 120)),
    Scenario.POWERED_OFF: Facts(
        "silent", False, "warning", 2400, (45, 100), why_hard="the watch said that it was switched off"
    ),
}
UNWORN = frozenset({Scenario.REMOVED, Scenario.REMOVED_BRIEFLY})
WITHOUT_POWER = frozenset({Scenario.SILENT, Scenario.POWERED_OFF})


@dataclass(frozen=True, slots=True)
class Episode:
    """One trouble of one resident: [`start_ms`, `end_ms`) in true event time."""

    name: str
    resident: int
    watch: str
    scenario: Scenario
    start_ms: int
    end_ms: int

    @property
    def facts(self) -> Facts:
        """What the scenario says of it."""
        return FACTS[self.scenario]


def plan_episodes(
    resident: Resident, plan: DayPlan, rates: EpisodeRates, midnight_ms: int, rng: np.random.Generator
) -> list[Episode]:
    """The episodes of one day, apart from each other, in order of time.

    One for which the day has no room (no worn hour at home) is left out.
    """
    free = plan.worn & (plan.activity != Activity.WALK)
    free[:EARLIEST_MINUTE] = free[LATEST_MINUTE:] = False
    taken = np.zeros(MINUTES, dtype=np.bool_)
    found: list[Episode] = []
    for scenario in _drawn(rates, rng):
        room = _find_room(FACTS[scenario], free, taken, rng)
        if room is not None:
            taken[max(room[0] - APART_MIN, 0) : room[1] + APART_MIN] = True
            found.append(_episode(resident, scenario, room, midnight_ms, rng))
    return sorted(found, key=lambda episode: episode.start_ms)


def _drawn(rates: EpisodeRates, rng: np.random.Generator) -> list[Scenario]:
    return [scenario for scenario in Scenario for _ in range(int(rng.poisson(getattr(rates, scenario.value))))]


def _episode(
    resident: Resident, scenario: Scenario, room: tuple[int, int], midnight_ms: int, rng: np.random.Generator
) -> Episode:
    start, end = room
    return Episode(
        name=f"{resident.watch_id}-{midnight_ms // 1000}-{start:04d}",
        resident=resident.index,
        watch=resident.watch_id,
        scenario=scenario,
        start_ms=midnight_ms + start * MINUTE_MS + int(rng.integers(1_000, 58_000)),
        end_ms=midnight_ms + end * MINUTE_MS,
    )


def _find_room(
    facts: Facts, free: NDArray[Any], taken: NDArray[Any], rng: np.random.Generator
) -> tuple[int, int] | None:
    lasts = int(rng.integers(facts.lasts_min[0], facts.lasts_min[1] + 1))
    for _ in range(TRIES):
        start = int(rng.integers(EARLIEST_MINUTE, LATEST_MINUTE))
        # What must alert may run on through a walk or the bath; what must not needs its whole length free, or the
        # bath's unworn hour would join it and make an alert right.
        until = start + (min(lasts, 40) if facts.must_alert else lasts) + 2
        begin, end = start - facts.lead_min - 2, start + lasts
        if end < LATEST_MINUTE and free[begin:until].all() and not taken[begin : end + 2].any():
            return start, end
    return None


def minute_of(time_ms: int, midnight_ms: int) -> int:
    """The minute of the day in which a moment lies."""
    return (time_ms - midnight_ms) // MINUTE_MS


def with_episodes(plan: DayPlan, episodes: Sequence[Episode], midnight_ms: int, rng: np.random.Generator) -> DayPlan:
    """The day as it goes with these episodes in it."""
    activity, steps = plan.activity.copy(), plan.steps.copy()
    worn, charging, powered = plan.worn.copy(), plan.charging.copy(), plan.powered.copy()
    for episode in episodes:
        start, end = minute_of(episode.start_ms, midnight_ms), minute_of(episode.end_ms, midnight_ms)
        facts = episode.facts
        if facts.forced is not None:
            quiet = slice(start - facts.lead_min, min(end + 2, MINUTES))
            activity[quiet] = facts.forced
            moves = facts.forced is Activity.INDOORS
            steps[quiet] = rng.integers(4, 26, size=quiet.stop - quiet.start) if moves else 0
        if episode.scenario in UNWORN:
            worn[start:end] = charging[start:end] = False
            activity[start:end], steps[start:end] = Activity.SITTING, 0
        if episode.scenario in WITHOUT_POWER:
            powered[start + 1 : end] = False
            charging[start:end] = False
    return DayPlan(activity, steps, worn, charging, powered)
