"""Where on the globe and when by the wall clock of the site: geometry and calendar over columns."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from alerts.engine.last_where import Real, Whole

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of WGS-84 (IUGG 1980)."""

_QUARTER_S = 900
_DAY_MIN = 1440


def metres_from_home(lat: Real, lon: Real, home_lat: Real, home_lon: Real) -> Real:
    """Great-circle distance by the haversine formula, degrees in; NaN where a place is unknown. Shape (n,)."""
    rise, turn = np.radians(lat - home_lat) / 2, np.radians(lon - home_lon) / 2
    half_chord = np.sin(rise) ** 2 + np.cos(np.radians(lat)) * np.cos(np.radians(home_lat)) * np.sin(turn) ** 2
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(half_chord, 1.0))))


@lru_cache(maxsize=4096)
def _offset_s(quarter: int, zone: ZoneInfo) -> int:
    # Zones change on quarters of an hour since 1972 (IANA tz).
    offset = datetime.fromtimestamp(quarter * _QUARTER_S, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def calendar(name: str, time_ms: Whole, zone: ZoneInfo) -> Real:
    """`local_hour` (0..23), `local_minute` (0..1439) or `weekday` (0 Monday) of times, shape (n,)."""
    seconds = time_ms // 1000
    quarters, which = np.unique(seconds // _QUARTER_S, return_inverse=True)
    offsets = np.array([_offset_s(int(quarter), zone) for quarter in quarters.tolist()], np.int64)
    minutes = (seconds + offsets[which]) // 60
    match name:
        case "local_minute":
            found = minutes % _DAY_MIN
        case "local_hour":
            found = minutes % _DAY_MIN // 60
        case _:
            found = (minutes // _DAY_MIN + 3) % 7  # 1970-01-01 was a Thursday
    return found.astype(np.float64)
