"""Units in which makers write a column, as factor and offset to the column's own (ingest/reading.py).

Factors: SI brochure, 9th edition, tables 8 and 9 (nautical mile, mmHg); international foot and mile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.reading import Column


@dataclass(frozen=True, slots=True)
class Unit:
    """`own = written * factor + offset`; `degree_minutes`: written as ddmm.mmmm, degrees and minutes in one number."""

    factor: float = 1.0
    offset: float = 0.0
    degree_minutes: bool = False


_SAME = Unit()
_DEGREES = {
    "degrees": _SAME,
    "microdegrees": Unit(1e-6),
    "degrees * 1e7": Unit(1e-7),
    "ddmm.mmmm": Unit(degree_minutes=True),
}
_WRITTEN: dict[str, dict[str, Unit]] = {
    "%": {"%": _SAME, "0..1": Unit(100.0)},
    "0..1": {"0..1": _SAME, "%": Unit(0.01)},
    "C": {"C": _SAME, "F": Unit(5 / 9, -160 / 9), "K": Unit(1.0, -273.15)},
    "km/h": {"km/h": _SAME, "m/s": Unit(3.6), "kn": Unit(1.852), "mph": Unit(1.609344)},
    "m": {"m": _SAME, "km": Unit(1000.0), "cm": Unit(0.01), "ft": Unit(0.3048)},
    "mmHg": {"mmHg": _SAME, "kPa": Unit(7.500617)},
    "s": {"s": _SAME, "ms": Unit(0.001), "min": Unit(60.0)},
    "g": {"g": _SAME, "mg": Unit(0.001), "m/s2": Unit(1 / 9.80665)},
    "/min": {"/min": _SAME, "/s": Unit(60.0)},
    "degrees north": _DEGREES,
    "degrees east": _DEGREES,
}


def units_of(column: Column) -> Mapping[str, Unit]:
    """By the name that a device map writes; a column without alternatives knows its own only."""
    return _WRITTEN.get(column.unit, {column.unit: _SAME})
