"""The heart behind the wrist: beats a minute from what one does, the hour, and the person.

Effort is a share of the heart rate reserve (Karvonen's maximal minus resting rate). The rate follows effort with a
lag, so that after a walk it comes down over minutes, as a heart does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.resident_day import MINUTES, Activity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulator.resident_day import DayPlan
    from simulator.town import Resident

RESERVE_SHARE = np.zeros(len(Activity))
RESERVE_SHARE[Activity.SITTING] = 0.04
RESERVE_SHARE[Activity.EATING] = 0.09
RESERVE_SHARE[Activity.INDOORS] = 0.14
RESERVE_SHARE[Activity.CHORES] = 0.20
RESERVE_SHARE[Activity.WALK] = 0.36
RESERVE_SHARE[Activity.BATH] = 0.12
RESERVE_SHARE[Activity.LYING] = 0.02

RISE_MIN, FALL_MIN = 1.2, 2.2
"""Time constants of getting faster and slower; the slow one leaves 1 % of an effort after ten minutes."""
NOISE_BPM = 1.6
NOISE_KEPT = 0.6
"""Of one minute's noise in the next: the wander of a real trace, and the error of an optical sensor."""
AWAKE_FLOOR_BPM, ASLEEP_FLOOR_BPM, REST_CEILING_BPM = 53.0, 47.0, 103.0


@dataclass(frozen=True, slots=True)
class Strain:
    """A heart out of order, over minutes [`start`, `end`) of the day, reaching `peak_bpm` in two samples."""

    start: int
    end: int
    peak_bpm: float


def beats_per_minute(
    resident: Resident, plan: DayPlan, strains: list[Strain], rng: np.random.Generator
) -> NDArray[Any]:
    """Heart rate of each minute of the day, float64 of whole beats, shape (1440,); worn or not."""
    followed = _follow(_aim(resident, plan))
    noise = _wander(rng)
    bpm = np.clip(followed + noise, _floor(plan), np.where(plan.steps > 0, resident.maximal_bpm, REST_CEILING_BPM))
    for strain in strains:
        _strain(bpm, strain, noise)
    return np.asarray(np.rint(bpm))


def _aim(resident: Resident, plan: DayPlan) -> NDArray[Any]:
    """Where the heart would settle if the minute lasted."""
    reserve = resident.maximal_bpm - resident.resting_bpm
    minute = np.arange(MINUTES)
    # Lowest a little before 4 in the morning, highest in the afternoon; +-3 bpm.
    circadian = -3.0 * np.cos((minute - 225) * 2 * np.pi / MINUTES)
    aim = resident.resting_bpm + RESERVE_SHARE[plan.activity] * reserve + circadian
    aim[plan.activity == Activity.ASLEEP] -= 0.08 * resident.resting_bpm
    aim[plan.activity == Activity.NAP] -= 0.04 * resident.resting_bpm
    return np.asarray(aim)


def _follow(aim: NDArray[Any]) -> NDArray[Any]:
    rise, fall = 1 - np.exp(-1 / RISE_MIN), 1 - np.exp(-1 / FALL_MIN)
    now = float(aim[0])
    out = np.empty(MINUTES)
    for minute, target in enumerate(aim.tolist()):
        now += (rise if target > now else fall) * (target - now)
        out[minute] = now
    return out


def _wander(rng: np.random.Generator) -> NDArray[Any]:
    pushes = rng.normal(0.0, NOISE_BPM * np.sqrt(1 - NOISE_KEPT**2), MINUTES).tolist()
    out = np.empty(MINUTES)
    now = 0.0
    for minute, push in enumerate(pushes):
        now = NOISE_KEPT * now + push
        out[minute] = now
    return out


def _floor(plan: DayPlan) -> NDArray[Any]:
    minute = np.arange(MINUTES)
    deep_night = (minute >= 23 * 60) | (minute < 6 * 60)
    return np.where((plan.activity == Activity.ASLEEP) & deep_night, ASLEEP_FLOOR_BPM, AWAKE_FLOOR_BPM)


def _strain(bpm: NDArray[Any], strain: Strain, noise: NDArray[Any]) -> None:
    """Half way in the first sample, at the peak from the second on; back in two, each way of the ordinary trace."""
    before, after = bpm[strain.start - 1], bpm[min(strain.end + 2, MINUTES - 1)]
    inside = slice(strain.start, strain.end)
    # A fibrillating or blocked heart is steadier than a pacing one; a bound keeps the truth certain.
    bpm[inside] = strain.peak_bpm + np.clip(noise[inside], -1.5, 1.5)
    bpm[strain.start] = (before + strain.peak_bpm) / 2
    bpm[strain.end : strain.end + 2] = (strain.peak_bpm + after) / 2, (strain.peak_bpm + 3 * after) / 4
