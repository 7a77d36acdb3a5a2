"""Times as makers of JSON write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from ingest.formats.json_payload import number_of, text_of
from ingest.formats.times import LATEST_MS, time_ms_of

if TYPE_CHECKING:
    from ingest.formats.flat_json_path import Path

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_PLAIN = {"%Y": r"(?P<Y>\d{4})"} | {f"%{letter}": rf"(?P<{letter}>\d\d)" for letter in "mdHMS"}


class TimeForm(Enum):
    """How a maker writes a time; any other form is a pattern of `datetime.strptime`."""

    EPOCH_S = "epoch_s"
    EPOCH_MS = "epoch_ms"
    RFC3339 = "rfc3339"


@dataclass(frozen=True, slots=True)
class Time:
    """Where the time stands and how. `utc_offset_min`: what a clock without a zone is ahead of UTC."""

    paths: tuple[Path, ...]
    form: TimeForm | str = TimeForm.EPOCH_S
    utc_offset_min: int = 0

    def ms(self, value: object) -> int | None:
        """Milliseconds since 1970 UTC; None if `value` is no such time."""
        if isinstance(self.form, str):
            text = text_of(value)
            return None if text is None else _by_pattern(text.upper(), self.form, self.utc_offset_min)
        if self.form is TimeForm.RFC3339:
            return time_ms_of(value) if isinstance(value, str) else None
        number = number_of(value)
        if number is None:
            return None
        ms = number * 1000 if self.form is TimeForm.EPOCH_S else number
        return round(ms) if 0 <= ms <= LATEST_MS else None


def _by_pattern(text: str, pattern: str, utc_offset_min: int) -> int | None:
    plain = _plain(pattern)
    found = None if plain is None else plain.fullmatch(text)
    try:
        if found is not None:
            ms = _ms_of(*map(int, found.group("Y", "m", "d", "H", "M", "S"))) - utc_offset_min * 60_000
        else:
            ms = _ms_by_strptime(text, pattern, utc_offset_min)
    except ValueError:
        return None
    return ms if 0 <= ms <= LATEST_MS else None


@lru_cache(maxsize=64)
def _plain(pattern: str) -> re.Pattern[str] | None:
    """Of a pattern of nothing but year to second, a quicker one; None for others."""
    parts = re.split(r"(%[YmdHMS])", pattern)
    if sorted(parts[1::2]) != sorted(_PLAIN) or any("%" in literal for literal in parts[::2]):
        return None
    return re.compile("".join(_PLAIN.get(part) or re.escape(part.upper()) for part in parts), re.ASCII)


def _ms_of(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Raises `ValueError` for what is no time; 60 s are the second after 59."""
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError("no time of day")
    days = date(year, month, day).toordinal() - _EPOCH_DAY
    return (days * 86_400 + hour * 3600 + minute * 60 + second) * 1000


def _ms_by_strptime(text: str, pattern: str, utc_offset_min: int) -> int:
    moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - the next line gives it its zone
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC) - timedelta(minutes=utc_offset_min)
    return round((moment - _EPOCH).total_seconds() * 1000)
