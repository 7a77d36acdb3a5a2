"""The fields of UD, AL and WT frames: time, place, battery, the status word, cells and WLANs.

`ddmmyy,hhmmss,A|V,lat,N|S,lon,E|W,speed km/h,course,altitude,satellites,signal,battery %,steps,tumbles,status hex,`
then cells and WLANs, and in newer firmware the accuracy in metres.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ingest.formats.times import two_digit_time_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

STATUS_FIELD = 15
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d*)?", re.ASCII)
_DECIMAL = re.compile(r"\d{1,6}\.\d+", re.ASCII)
_STATUS = re.compile(r"[0-9A-Fa-f]{1,16}", re.ASCII)
_MOST_NEIGHBOURS = 64


class Position(NamedTuple):
    """What such a frame says; None where it says nothing readable. `status` is the status word."""

    time_ms: int | None
    lat: float | None
    lon: float | None
    speed_kmh: float | None
    accuracy_m: float | None
    battery: float | None
    status: int | None

    @property
    def has_fix(self) -> bool:
        """There is a place to speak of."""
        return self.lat is not None and self.lon is not None


def read_position(fields: Sequence[str], utc_offset_min: int) -> Position:
    """Each field for itself: a bad one costs only itself. `fields` may be too few."""
    row = [*fields, *[""] * (STATUS_FIELD + 1 - len(fields))]
    fixed = row[2].upper() == "A"
    lat = _coordinate(row[3], row[4]) if fixed else None
    lon = _coordinate(row[5], row[6]) if fixed else None
    if lat == 0 and lon == 0:
        lat = lon = None  # a fix in the Gulf of Guinea is none
    return Position(
        two_digit_time_ms(row[0], row[1], utc_offset_min),
        lat,
        lon,
        number(row[7]),
        _accuracy_m(row[STATUS_FIELD + 1 :]),
        number(row[12]),
        _status(row[STATUS_FIELD]),
    )


def number(text: str) -> float | None:
    """A plain decimal number; None for anything else."""
    return float(text) if _NUMBER.fullmatch(text) else None


def _coordinate(text: str, hemisphere: str) -> float | None:
    """Degrees; a sign beats the hemisphere, and an empty hemisphere changes nothing."""
    degrees = number(text)
    if degrees is None or degrees < 0:
        return degrees
    return -degrees if hemisphere.upper() in ("S", "W") else degrees


def _status(text: str) -> int | None:
    return int(text, 16) if _STATUS.fullmatch(text) else None


def _accuracy_m(tail: Sequence[str]) -> float | None:
    """A final number: one with a decimal point, which no cell or WLAN ends in, or what is left behind the WLANs.

    0 is written where it is not known.
    """
    if not tail:
        return None
    last = tail[-1]
    metres = number(last) if _DECIMAL.fullmatch(last) or _place_after_neighbours(tail) == len(tail) - 1 else None
    return metres or None


def _place_after_neighbours(tail: Sequence[str]) -> int | None:
    """Index behind `cells, timing advance, [mcc, mnc, 3 fields a cell], WLANs, 3 fields a WLAN`; None if it differs."""
    cells = _count(tail, 0)
    if cells is None:
        return None
    place = 2 + (2 + 3 * cells if cells else 0)
    lans = _count(tail, place)
    return None if lans is None else place + 1 + 3 * lans


def _count(tail: Sequence[str], place: int) -> int | None:
    found = number(tail[place]) if place < len(tail) else None
    return int(found) if found is not None and 0 <= found <= _MOST_NEIGHBOURS else None
