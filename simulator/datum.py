"""GCJ-02, the datum in which watches sold in China report."""

from __future__ import annotations

import math

# Krasovsky 1940, as in the published re-implementations of the transformation (googollee/eviltransform).
SEMI_MAJOR_M = 6_378_245.0
ECCENTRICITY_SQUARED = 0.00669342162296594323


def wgs84_to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    """WGS-84 degrees to GCJ-02 degrees; only for points in mainland China."""
    x, y = lon - 105.0, lat - 35.0
    radians = math.radians(lat)
    magic = 1 - ECCENTRICITY_SQUARED * math.sin(radians) ** 2
    meridian_m = SEMI_MAJOR_M * (1 - ECCENTRICITY_SQUARED) / (magic * math.sqrt(magic))
    parallel_m = SEMI_MAJOR_M / math.sqrt(magic) * math.cos(radians)
    return lat + math.degrees(_north_m(x, y) / meridian_m), lon + math.degrees(_east_m(x, y) / parallel_m)


def _waves(value: float, terms: tuple[tuple[float, float], ...]) -> float:
    return sum(amplitude * math.sin(value * frequency * math.pi) for amplitude, frequency in terms) * 2 / 3


def _north_m(x: float, y: float) -> float:
    straight = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    return straight + _waves(x, ((20, 6), (20, 2))) + _waves(y, ((20, 1), (40, 1 / 3), (160, 1 / 12), (320, 1 / 30)))


def _east_m(x: float, y: float) -> float:
    straight = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    return straight + _waves(x, ((20, 6), (20, 2), (20, 1), (40, 1 / 3), (150, 1 / 12), (300, 1 / 30)))
