"""Times, durations and distances as people read them, in the site's zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from board.words import say

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

NS_PER_MS = 1_000_000
DAY_MS = 86_400_000


def clock_time(time_ms: int, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """`14:02`, or `14:02:45`."""
    here = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(zone)
    return here.strftime("%H:%M:%S" if seconds else "%H:%M")


def moment(time_ms: int, now_ms: int, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """`14:02` today, `11-23 14:02` on another day."""
    here, today = (datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone) for ms in (time_ms, now_ms))
    day = "" if here.date() == today.date() else here.strftime("%m-%d ")
    return day + clock_time(time_ms, zone, seconds=seconds)


def elapsed(duration_ms: int, form: str, language: str) -> str:
    """`words`: `22 min`, `3 h 38 min`; else `03:27`, `1:03:27`. The page's clock.js goes on in the same form."""
    seconds = max(0, duration_ms // 1000)
    minutes, hours = seconds // 60, seconds // 3600
    if form == "words":
        if hours:
            return say(language, "js.hours", h=hours, m=minutes % 60)
        return say(language, "js.minutes", count=minutes)
    if hours:
        return f"{hours}:{minutes % 60:02d}:{seconds % 60:02d}"
    return f"{minutes:02d}:{seconds % 60:02d}"


def spoken(duration_ms: int, language: str) -> str:
    """`18 s`, `22 min`, `3 h 38 min`."""
    if duration_ms < 60_000:
        return say(language, "js.seconds", count=max(0, duration_ms // 1000))
    return elapsed(duration_ms, "words", language)


def distance(metres: float, language: str) -> str:
    """`140 m`, `1.4 km`."""
    if metres < 1000:
        return say(language, "distance.m", value=f"{metres:.0f}")
    return say(language, "distance.km", value=f"{metres / 1000:.3g}")
