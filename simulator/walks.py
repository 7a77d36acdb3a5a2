"""Where a resident is: at home by wifi, on a walk by GPS."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator.datum import wgs84_to_gcj02
from simulator.resident_day import Activity
from simulator.town import offset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.resident_day import DayPlan
    from simulator.town import Resident

HOME_EVERY_MIN, WALK_EVERY_MIN = 15, 2


@dataclass(frozen=True, slots=True)
class Fix:
    """One position, in the datum asked for: degrees, the radius of its uncertainty, and where it came from."""

    minute: int
    lat: float
    lon: float
    accuracy_m: float
    speed_kmh: float
    source: str


def fixes_of_day(resident: Resident, plan: DayPlan, datum: str, rng: np.random.Generator) -> Iterator[Fix]:
    """The fixes of a day in order of minute: each 2 min on a walk, each 15 min at home."""
    start, bearing = -1, 0.0
    for minute, walking in enumerate((plan.activity == Activity.WALK).tolist()):
        if not walking:
            start = -1
            if minute % HOME_EVERY_MIN == resident.index % HOME_EVERY_MIN:
                yield _fix_at_home(resident, minute, datum, rng)
            continue
        if start < 0:
            start, bearing = minute, rng.uniform(0, 2 * math.pi)
        if (minute - start) % WALK_EVERY_MIN == 0:
            length = _minutes_left(plan, minute) + minute - start
            north_m, east_m = _on_the_way(resident, minute - start, length, bearing)
            yield _fix_outdoors(resident, minute, (north_m, east_m), datum, rng)


def _minutes_left(plan: DayPlan, minute: int) -> int:
    rest = np.flatnonzero(plan.activity[minute:] != Activity.WALK)
    return int(rest[0]) if len(rest) else len(plan.activity) - minute


def _on_the_way(resident: Resident, minute: int, length: int, bearing: float) -> tuple[float, float]:
    """Metres north and east of home: a loop that comes back on another street (half an ellipse out, half back)."""
    pace_m = 85 * resident.stride_m
    turn = 2 * math.pi * minute / max(length, 1)
    ahead_m, aside_m = pace_m * length * 0.42 * (1 - math.cos(turn)) / 2, pace_m * length * 0.12 * math.sin(turn)
    return (
        ahead_m * math.cos(bearing) - aside_m * math.sin(bearing),
        ahead_m * math.sin(bearing) + aside_m * math.cos(bearing),
    )


def _fix_at_home(resident: Resident, minute: int, datum: str, rng: np.random.Generator) -> Fix:
    accuracy_m = float(np.clip(rng.lognormal(3.3, 0.25), 15, 60))
    return _scatter(resident, minute, (0.0, 0.0), (accuracy_m, 0.0, "wifi"), datum, rng)


def _fix_outdoors(
    resident: Resident, minute: int, metres: tuple[float, float], datum: str, rng: np.random.Generator
) -> Fix:
    accuracy_m = float(np.clip(rng.lognormal(2.1, 0.4), 3, 40))
    speed_kmh = float(85 * resident.stride_m * 0.06 * rng.uniform(0.85, 1.15))
    return _scatter(resident, minute, metres, (accuracy_m, speed_kmh, "gps"), datum, rng)


def _scatter(
    resident: Resident,
    minute: int,
    metres: tuple[float, float],
    quality: tuple[float, float, str],
    datum: str,
    rng: np.random.Generator,
) -> Fix:
    """A fix off by less than its accuracy in about two of three cases, as Android defines accuracy (68 %)."""
    accuracy_m, speed_kmh, source = quality
    sigma_m = accuracy_m / 1.51  # the radius of 68 % of a two-dimensional normal is 1.51 sigma
    north_m, east_m = metres[0] + rng.normal(0, sigma_m), metres[1] + rng.normal(0, sigma_m)
    lat, lon = offset(resident.home_lat, resident.home_lon, north_m, east_m)
    if datum == "gcj02":
        lat, lon = wgs84_to_gcj02(lat, lon)
    return Fix(minute, round(lat, 6), round(lon, 6), round(accuracy_m, 1), round(speed_kmh, 1), source)
