"""Times as watches write them.

Epoch milliseconds, or RFC 3339 with an offset (WIRE.md section 1); ddmmyy and hhmmss in the text formats (section 3).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, beyond which RFC 3339 cannot write."""
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_BETWEEN_DIGITS = re.compile(r"[-: T]")
_SIX_DIGITS = re.compile(r"\d{6}", re.ASCII)


def time_ms_of(value: object) -> int | None:
    """Milliseconds since 1970 UTC, fractions cut off; None if `value` says no time between 1970 and 9999."""
    if isinstance(value, str):
        return _from_rfc3339(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST_MS:
        return None
    return int(value)


def _from_rfc3339(text: str) -> int | None:
    found = _RFC3339.fullmatch(text)
    if found is None:
        return None
    day, minute, second, fraction, offset = found.groups()
    leap = second == "60"
    offset = "+00:00" if offset in "Zz" else offset
    try:
        moment = datetime.fromisoformat(f"{day}T{minute}:{'59' if leap else second}{offset}")
    except ValueError:
        return None
    ms = (moment - _EPOCH) // _MS + (1000 if leap else 0) + int((fraction or "0").ljust(3, "0")[:3])
    return ms if 0 <= ms <= LATEST_MS else None


def two_digit_time_ms(day: str, clock: str, utc_offset_min: int) -> int | None:
    """Of `ddmmyy` and `hhmmss` of this century, by a clock that is so much ahead of UTC; None if they are no time."""
    if not _SIX_DIGITS.fullmatch(day) or not _SIX_DIGITS.fullmatch(clock):
        return None
    try:
        midnight = date(2000 + int(day[4:]), int(day[2:4]), int(day[:2])).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    hour, minute, second = int(clock[:2]), int(clock[2:4]), int(clock[4:])
    if hour > 23 or minute > 59 or second > 59:
        return None
    return (midnight * 86_400 + hour * 3600 + (minute - utc_offset_min) * 60 + second) * 1000


def time_ms_of_digits(text: str, utc_offset_min: int) -> int | None:
    """Seconds or milliseconds since 1970, or `yyyymmddhhmmss` with whatever stands between, of this century."""
    digits = _BETWEEN_DIGITS.sub("", text.strip())
    if not digits.isascii() or not digits.isdigit() or len(digits) > 15:
        return None
    if len(digits) == 14 and digits.startswith("20"):
        return two_digit_time_ms(digits[6:8] + digits[4:6] + digits[2:4], digits[8:], utc_offset_min)
    return time_ms_of(int(digits) * (1000 if len(digits) <= 10 else 1))
