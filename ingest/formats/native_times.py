"""RFC 3339 times of a batch as milliseconds, by columns: what `times.time_ms_of` gives, for the usual forms.

Texts of one length have their digits at the same places. What is not surely a time (another form, a leap second, no
ASCII) is left open: `time_ms_of` says what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.formats.times import LATEST_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SHORTEST, LONGEST = len("2026-11-24T20:00:00Z"), len("2026-11-24T20:00:00.123456789+08:00")
_SECOND_ENDS, _OFFSET_LENGTH = 19, len("+08:00")
_DAYS_IN_MONTH = np.array((0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31))
_MINUTE_MS, _HOUR_MS, _DAY_MS = 60_000, 3_600_000, 86_400_000


def times_ms_of(texts: Sequence[str]) -> NDArray[np.float64]:
    """Milliseconds since 1970 UTC of each, fractions cut off, shape (len(texts),); NaN: look at it alone."""
    found = np.full(len(texts), np.nan)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    for length in np.unique(lengths).tolist():
        if not SHORTEST <= length <= LONGEST:
            continue
        rows = np.flatnonzero(lengths == length)
        joined = "".join(texts if len(rows) == len(texts) else [texts[row] for row in rows.tolist()])
        if joined.isascii():
            by_text = np.frombuffer(joined.encode(), np.uint8).reshape(-1, length)
            found[rows] = _of_one_length(np.ascontiguousarray(by_text.T))
    return found


def _of_one_length(text: NDArray[np.uint8]) -> NDArray[np.float64]:
    """`text`: a row a place in the text, a column a time."""
    is_utc = (text[-1] == ord("Z")) | (text[-1] == ord("z"))
    ms = np.full(text.shape[1], np.nan)
    for chosen, zone_length in ((is_utc, 1), (~is_utc, _OFFSET_LENGTH)):
        if chosen.all():
            return _of_one_form(text, zone_length)
        if chosen.any():
            ms[chosen] = _of_one_form(text[:, chosen], zone_length)
    return ms


def _of_one_form(text: NDArray[np.uint8], zone_length: int) -> NDArray[np.float64]:
    """`zone_length`: 1 for a Z, 6 for an offset."""
    digits = text - np.uint8(ord("0"))  # what is below wraps round, and is above 9
    fraction = digits[_SECOND_ENDS:-zone_length]
    if len(fraction) == 1 or len(text) - zone_length < _SECOND_ENDS:
        return np.full(text.shape[1], np.nan)
    good = _is_day_and_clock(text, digits)
    if len(fraction):
        good &= (text[_SECOND_ENDS] == ord(".")) & _are_digits(fraction[1:])
    year, month, day = _number(digits[0:4]), _number(digits[5:7]), _number(digits[8:10])
    hour, minute, second = _number(digits[11:13]), _number(digits[14:16]), _number(digits[17:19])
    good &= (year >= 1) & (month >= 1) & (month <= 12) & (hour <= 23) & (minute <= 59) & (second <= 59)
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    most_days = _DAYS_IN_MONTH[np.where(good, month, 0)] + (is_leap & (month == 2))
    good &= (day >= 1) & (day <= most_days)
    ms = _days_since_1970(year, month, day) * _DAY_MS + hour * _HOUR_MS + minute * _MINUTE_MS + second * 1000
    ms += sum(
        (place * one.astype(np.int64) for place, one in zip((100, 10, 1), fraction[1:4], strict=False)), np.int64(0)
    )
    if zone_length == _OFFSET_LENGTH:
        ms -= _offset_ms(text[-zone_length:], digits[-zone_length:], good)
    return np.where(good & (ms >= 0) & (ms <= LATEST_MS), ms, np.nan)


def _is_day_and_clock(text: NDArray[np.uint8], digits: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Digits and marks where `yyyy-mm-ddThh:mm:ss` has them."""
    marks = (text[4] == ord("-")) & (text[7] == ord("-")) & (text[13] == ord(":")) & (text[16] == ord(":"))
    between = (text[10] == ord("T")) | (text[10] == ord("t")) | (text[10] == ord(" "))
    are: NDArray[np.bool_] = marks & between & _are_digits(digits[[0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]])
    return are


def _offset_ms(zone: NDArray[np.uint8], digits: NDArray[np.uint8], good: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How much its clock is ahead of UTC; what is no offset is taken out of `good`."""
    is_behind = zone[0] == ord("-")
    hour, minute = _number(digits[1:3]), _number(digits[4:6])
    good &= (is_behind | (zone[0] == ord("+"))) & (zone[3] == ord(":")) & _are_digits(digits[[1, 2, 4, 5]])
    good &= (hour <= 23) & (minute <= 59)
    offset_ms: NDArray[np.int64] = (hour * _HOUR_MS + minute * _MINUTE_MS) * np.where(is_behind, -1, 1)
    return offset_ms


def _are_digits(digits: NDArray[np.uint8]) -> NDArray[np.bool_]:
    are: NDArray[np.bool_] = digits.max(axis=0) <= 9
    return are


def _number(digits: NDArray[np.uint8]) -> NDArray[np.int64]:
    number: NDArray[np.int64] = digits[0].astype(np.int64)
    for digit in digits[1:]:
        number = number * 10 + digit
    return number


def _days_since_1970(year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of a day of the Gregorian calendar, the year taken to begin in March (H. Hinnant, "date algorithms")."""
    year = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    of_era = year * 365 + year // 4 - year // 100 + year // 400 + of_year
    days: NDArray[np.int64] = of_era - 719_468
    return days
