"""An ordinary day, minute by minute: what a resident does, the steps of it, and whether the watch is worn."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulator.town import Resident

MINUTES = 1440


class Activity(IntEnum):
    """What a minute is spent on."""

    ASLEEP = 0
    NAP = 1
    SITTING = 2
    EATING = 3
    INDOORS = 4
    CHORES = 5
    WALK = 6
    BATH = 7
    LYING = 8


STEPS_PER_MINUTE = {Activity.INDOORS: (4, 25), Activity.CHORES: (6, 40), Activity.WALK: (70, 100)}
"""Least and most of one minute; the rest of life has none."""


@dataclass(frozen=True, slots=True)
class DayPlan:
    """The local day in minutes from midnight; each array has shape (1440,).

    `activity`: int8 of `Activity`. `steps`: int64. `worn`, `charging`, `powered`: boolean.
    """

    activity: NDArray[Any]
    steps: NDArray[Any]
    worn: NDArray[Any]
    charging: NDArray[Any]
    powered: NDArray[Any]


def plan_day(resident: Resident, rng: np.random.Generator) -> DayPlan:
    """An ordinary day: asleep at both midnights, three meals, a walk or two, a bath with the watch on its charger."""
    activity = np.full(MINUTES, Activity.SITTING, dtype=np.int8)
    wake = resident.wake_minute + int(rng.integers(-10, 11))
    bed = resident.bed_minute + int(rng.integers(-15, 16))
    activity[:wake] = activity[bed:] = Activity.ASLEEP
    _potter(activity, wake, bed, rng)
    _wake_at_night(activity, wake, rng)
    _eat(activity, rng)
    _go_out(activity, rng)
    unworn = _bathe(activity, rng)
    activity[wake : wake + 8] = activity[bed - 6 : bed] = Activity.INDOORS
    worn = np.ones(MINUTES, dtype=np.bool_)
    worn[unworn] = False
    return DayPlan(activity, _steps(activity, rng), worn, ~worn, np.ones(MINUTES, dtype=np.bool_))


def _potter(activity: NDArray[Any], wake: int, bed: int, rng: np.random.Generator) -> None:
    """A few minutes on the feet now and then, an hour of chores, perhaps a nap after lunch."""
    minute = wake
    while minute < bed - 10:
        minute += int(rng.integers(12, 50))
        activity[minute : min(minute + int(rng.integers(1, 5)), bed)] = Activity.INDOORS
    _spend(activity, int(rng.integers(585, 640)), int(rng.integers(20, 55)), Activity.CHORES)
    if rng.random() < 0.6:
        _spend(activity, int(rng.integers(770, 800)), int(rng.integers(30, 75)), Activity.NAP)


def _wake_at_night(activity: NDArray[Any], wake: int, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(0, 3))):
        _spend(activity, int(rng.integers(30, wake - 30)), int(rng.integers(2, 5)), Activity.INDOORS)


def _eat(activity: NDArray[Any], rng: np.random.Generator) -> None:
    for usual in (425, 715, 1075):
        start = usual + int(rng.integers(-10, 16))
        _spend(activity, start - 12, 12, Activity.CHORES)
        _spend(activity, start, int(rng.integers(18, 32)), Activity.EATING)


def _go_out(activity: NDArray[Any], rng: np.random.Generator) -> None:
    for earliest, latest, chance in ((475, 530, 0.8), (900, 960, 0.6)):
        if rng.random() < chance:
            _spend(activity, int(rng.integers(earliest, latest)), int(rng.integers(25, 50)), Activity.WALK)


def _bathe(activity: NDArray[Any], rng: np.random.Generator) -> slice:
    """The minutes in which the watch lies on its charger: the bath, and a while of television after it."""
    start = int(rng.integers(1140, 1190))
    _spend(activity, start, int(rng.integers(15, 26)), Activity.BATH)
    return slice(start, start + int(rng.integers(50, 71)))


def _spend(activity: NDArray[Any], start: int, minutes: int, what: Activity) -> None:
    activity[start : start + minutes] = what


def _steps(activity: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    steps = np.zeros(MINUTES, dtype=np.int64)
    for what, (least, most) in STEPS_PER_MINUTE.items():
        minutes = activity == what
        steps[minutes] = rng.integers(least, most + 1, size=int(np.count_nonzero(minutes)))
    return steps
