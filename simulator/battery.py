"""The charge of a watch over a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.resident_day import MINUTES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulator.resident_day import DayPlan
    from simulator.town import Resident

CHARGE_PCT_PER_MINUTE = 2.0
FULL_PCT = 100.0


def charge_levels(resident: Resident, plan: DayPlan, at_midnight_pct: float) -> NDArray[Any]:
    """Charge at each minute, % as float64 of shape (1440,), from `at_midnight_pct`; a watch without power keeps it."""
    drain = np.where(plan.powered, -resident.drain_pct_per_hour / 60, 0.0)
    change = np.where(plan.charging, CHARGE_PCT_PER_MINUTE, drain)
    level = at_midnight_pct
    out = np.empty(MINUTES)
    for minute, step in enumerate(change.tolist()):
        level = min(max(level + step, 0.0), FULL_PCT)
        out[minute] = level
    return out


def charged_minute(levels: NDArray[Any], plan: DayPlan) -> int | None:
    """The first minute on the charger at which the watch is full."""
    full = np.flatnonzero(plan.charging & (levels >= FULL_PCT))
    return int(full[0]) if len(full) else None
