"""Geometry of the map without tiles: home, fence, track, accuracy, scale. Drawn by templates/place.html."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH, HEIGHT = 420, 210
METRES_A_DEGREE = 111_320.0
"""Of latitude, on a sphere of the Earth's circumference; good to 0.6 % (a few metres here)."""
DEFAULT_RADIUS_M = 100.0
FADES = 4
MARGIN = 1.25
NICE_M = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)


@dataclass(frozen=True, slots=True)
class PlaceMap:
    """In the units of a `WIDTH` x `HEIGHT` picture, north up. `tracks` are SVG point lists, oldest first."""

    home: tuple[float, float] | None
    fence: float | None
    tracks: tuple[str, ...]
    here: tuple[float, float]
    accuracy: float | None
    scale_m: int
    scale: float
    away_m: float | None  # from home
    width: int = WIDTH
    height: int = HEIGHT


def draw(
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    accuracy_m: float,
    home: tuple[float, float] | None,
    home_radius_m: float | None,
    blur_m: float = 0.0,
) -> PlaceMap | None:
    """The map of a track (degrees, WGS-84, oldest first; the last is here); None without a position.

    `accuracy_m` of the last position, NaN if unknown; `home` as latitude and longitude. With `blur_m` the last
    position is rounded to that many metres and the track is left out.
    """
    if not len(lat):
        return None
    centre = home or (float(lat[-1]), float(lon[-1]))
    east = (lon - centre[1]) * METRES_A_DEGREE * math.cos(math.radians(centre[0]))
    north = (lat - centre[0]) * METRES_A_DEGREE
    if blur_m:
        east, north = np.round(east / blur_m) * blur_m, np.round(north / blur_m) * blur_m
    fence_m = (home_radius_m or DEFAULT_RADIUS_M) if home else 0.0
    around_m = max(0.0 if math.isnan(accuracy_m) else accuracy_m, blur_m)
    per_m = _units_a_metre(east, north, fence_m, around_m)
    xs = np.round(WIDTH / 2 + east * per_m, 1)
    ys = np.round(HEIGHT / 2 - north * per_m, 1)
    scale_m = max((m for m in NICE_M if m * per_m <= WIDTH / 4), default=NICE_M[0])
    return PlaceMap(
        home=(WIDTH / 2, HEIGHT / 2) if home else None,
        fence=round(fence_m * per_m, 1) if home else None,
        tracks=() if blur_m else _fading(xs, ys),
        here=(float(xs[-1]), float(ys[-1])),
        accuracy=round(around_m * per_m, 1) if around_m else None,
        scale_m=scale_m,
        scale=round(scale_m * per_m, 1),
        away_m=float(np.hypot(east[-1], north[-1])) if home else None,
    )


def _units_a_metre(east: NDArray[np.float64], north: NDArray[np.float64], fence_m: float, around_m: float) -> float:
    widest = max(float(np.abs(east).max()) + around_m, fence_m, 1.0)
    highest = max(float(np.abs(north).max()) + around_m, fence_m, 1.0)
    return min(WIDTH / 2 / (widest * MARGIN), HEIGHT / 2 / (highest * MARGIN))


def _fading(xs: NDArray[np.float64], ys: NDArray[np.float64]) -> tuple[str, ...]:
    """`FADES` pieces, each beginning where the one before ended."""
    if len(xs) < 2:
        return ()
    cuts = np.linspace(0, len(xs) - 1, min(FADES, len(xs) - 1) + 1).astype(int)
    pieces = pairwise(cuts)
    return tuple(" ".join(f"{x:g},{y:g}" for x, y in zip(xs[a : b + 1], ys[a : b + 1], strict=True)) for a, b in pieces)
