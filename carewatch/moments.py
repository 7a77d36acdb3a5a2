"""Times as operators write them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

SECOND_MS = 1_000
FORMS = ("%H:%M:%S", "%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")
TIMES = "write HH:MM, HH:MM:SS, 'YYYY-MM-DD HH:MM', 'YYYY-MM-DD HH:MM:SS' or milliseconds since 1970"


def from_ms(text: str, time_zone: str, now_ms: int) -> int:
    """The first ms of the second that `text` names, as local time of `time_zone`, or the ms itself.

    A time without a day is of today. ValueError with the forms if it is none of them.
    """
    if text.isdecimal():
        return int(text)
    zone = ZoneInfo(time_zone)
    for form in FORMS:
        try:
            named = datetime.strptime(text.replace("T", " "), form)  # noqa: DTZ007 - its zone is given below
        except ValueError:
            continue
        if "%Y" not in form:
            named = datetime.combine(datetime.fromtimestamp(now_ms / SECOND_MS, zone).date(), named.time())
        return round(named.replace(tzinfo=zone).timestamp()) * SECOND_MS
    raise ValueError(f"TIME {text!r} is no time; {TIMES}")
