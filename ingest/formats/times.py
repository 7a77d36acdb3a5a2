"""Times as watches write them: epoch milliseconds, or RFC 3339 with an offset (WIRE.md section 1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, beyond which RFC 3339 cannot write."""
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


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
