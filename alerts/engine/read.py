"""What the engine knows of watches, for the board and for whoever judges a silence; it changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.last_where import NONE, Real, Whole
from ingest.reading import COLUMN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alerts.engine.state import State

NEVER_HEARD = -1


@dataclass(frozen=True, slots=True)
class WatchFacts:
    """Columns over the watches asked for, shape (n,) each.

    Times in ms since 1970 UTC, -1: never. `worn`, `charging`: 1 true, 0 false, -1 unknown, as last said, however long
    ago (`_ms`: when). battery in %, bpm in /min, degrees, metres: NaN if never known.
    """

    watch: Whole
    last_event_ms: Whole
    last_arrival_ms: Whole
    worn: NDArray[np.int8]
    worn_ms: Whole
    charging: NDArray[np.int8]
    charging_ms: Whole
    battery: Real
    battery_ms: Whole
    bpm: Real
    bpm_ms: Whole
    latitude: Real
    longitude: Real
    accuracy_m: Real
    position_ms: Whole


def watch_facts(state: State, watches: Whole) -> WatchFacts:
    """The newest known of `watches` (indices, shape (n,)); one never heard is all unknown."""

    def at(name: str) -> Whole:
        found = _read(state, f"newest.{name}", watches, np.int64, NONE)
        return np.where(found == NONE, NEVER_HEARD, found)

    def value(name: str) -> NDArray[np.generic]:
        return _read(state, f"newest.{name}", watches, COLUMN[name].dtype.type, COLUMN[name].absent)

    def real(name: str) -> Real:
        return value(name).astype(np.float64)

    return WatchFacts(
        watch=watches,
        last_event_ms=at("event_ms"),
        last_arrival_ms=at("arrival_ms"),
        worn=value("worn").astype(np.int8),
        worn_ms=at("worn.ms"),
        charging=value("charging").astype(np.int8),
        charging_ms=at("charging.ms"),
        battery=real("battery"),
        battery_ms=at("battery.ms"),
        bpm=real("bpm"),
        bpm_ms=at("bpm.ms"),
        latitude=real("lat"),
        longitude=real("lon"),
        accuracy_m=real("accuracy_m"),
        position_ms=at("lat.ms"),
    )


def _read(state: State, name: str, watches: Whole, dtype: type[np.generic], fill: float) -> NDArray[np.generic]:
    found = np.full(len(watches), fill, dtype)
    is_met = watches < state.columns.watches
    if name in state.columns.names:
        found[is_met] = state.columns.filled(name)[0][watches[is_met]]
    return found
