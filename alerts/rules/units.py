"""The types of expressions, and durations as people write them."""

from __future__ import annotations

import re
from enum import Enum

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

DURATIONS = {"second": SECOND_MS, "minute": MINUTE_MS, "hour": HOUR_MS, "day": DAY_MS}
"""The duration names of expressions, in milliseconds."""

_UNITS = {"ms": 1, "s": SECOND_MS, "min": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)")
_INTERVALS = re.compile(r"(\d+(?:\.\d+)?)\s*intervals?")


class Type(Enum):
    """What an expression yields."""

    TRUTH = "a boolean"
    NUMBER = "a number"
    DURATION = "a duration"
    WORD = "a word"


def duration_ms(written: str) -> int | None:
    """Milliseconds of `2 min`, `30 s`, `12 h`; None if it is not written so."""
    found = _WRITTEN.fullmatch(written.strip())
    return None if found is None else round(float(found[1]) * _UNITS[found[2]])


def intervals(written: str) -> float | None:
    """The count in `3 intervals`; None if it is not written so."""
    found = _INTERVALS.fullmatch(written.strip())
    return None if found is None else float(found[1])
