"""The lines of a text test: what an operator writes, as readings.

    14:00 bpm 80 steps 0                        a heart rate; the kind follows from the columns
    14:32 fall confidence 0.6                   the kind first, where it must be said
    every 1 min from 14:10 to 14:20 bpm 135
    14:02 sos arrives 14:31                     late

Hours may go beyond 23: 26:00 is two in the morning of the next day.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from alerts.rules.names import COLUMN_NAMES, type_of_column, words_of_column
from alerts.rules.problems import nearest
from alerts.rules.units import HOUR_MS, MINUTE_MS, SECOND_MS, Type, duration_ms
from ingest.reading import ALL_KINDS, COLUMN, KIND_BY_TOPIC, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLOCK = re.compile(r"(\d{1,3}):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?")
_EVERY = re.compile(r"every (?P<step>.+?) from (?P<start>\S+) to (?P<end>\S+) (?P<rest>.+)")
_TRUTHS = {"true": 1.0, "false": 0.0}


class GivenError(Exception):
    """A line of a test cannot be read; the text says what and the remedy."""


def clock_ms(written: str) -> int:
    """Milliseconds since midnight of `14:02`, `14:02:30`, `26:00`."""
    found = _CLOCK.fullmatch(written)
    if found is None:
        raise GivenError(f"{written!r} is no time: write 14:02 or 14:02:30")
    hours, minutes, seconds, fraction = found.groups(default="0")
    return int(hours) * HOUR_MS + int(minutes) * MINUTE_MS + int(seconds) * SECOND_MS + int(fraction.ljust(3, "0"))


def readings_of(line: str, midnight_ms: int) -> Iterator[dict[str, float]]:
    """The rows that a line gives, for `Readings.of_rows`; times count from `midnight_ms`. Raises GivenError."""
    if found := _EVERY.fullmatch(line):
        step_ms = duration_ms(found["step"])
        if not step_ms:
            raise GivenError(f"{found['step']!r} is no duration: write every 1 min from 14:10 to 14:20 …")
        times = range(clock_ms(found["start"]), clock_ms(found["end"]) + 1, step_ms)
        rest = found["rest"]
    else:
        written, _, rest = line.partition(" ")
        times = range(clock_ms(written), clock_ms(written) + 1)
    words = rest.split()
    kind = KIND_BY_TOPIC[words.pop(0)] if words and words[0] in KIND_BY_TOPIC else None
    cells, arrives_ms = _cells(words)
    row: dict[str, float] = {"kind": _kind(kind, cells, line), **cells, "watch": 0}
    for time_ms in times:
        arrival_ms = time_ms if arrives_ms is None else arrives_ms
        yield {**row, "time_ms": midnight_ms + time_ms, "arrival_ms": midnight_ms + arrival_ms}


def _cells(words: list[str]) -> tuple[dict[str, float], int | None]:
    if len(words) % 2:
        raise GivenError(f"{' '.join(words)!r}: write a name and a value, again and again")
    cells: dict[str, float] = {}
    arrives_ms = None
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name == "arrives":
            arrives_ms = clock_ms(value)
        else:
            cells[name] = _value(name, value)
    return cells, arrives_ms


def _value(name: str, written: str) -> float:
    if name not in COLUMN_NAMES:
        raise GivenError(f"unknown column {name!r}: {nearest(name, COLUMN_NAMES)}")
    of = type_of_column(COLUMN[name])
    known = words_of_column(name) if of is Type.WORD else tuple(_TRUTHS)
    if of is Type.NUMBER:
        try:
            return float(written)
        except ValueError as error:
            raise GivenError(f"{name} {written!r} is no number") from error
    if written not in known:
        raise GivenError(f"{name} is never {written!r}: {nearest(written, known)}")
    return float(known.index(written)) if of is Type.WORD else _TRUTHS[written]


def _kind(told: Kind | None, cells: dict[str, float], line: str) -> Kind:
    if told is not None:
        return told
    fits = [kind for kind in ALL_KINDS if all(kind in COLUMN[name].kinds for name in cells)]
    if not fits:
        raise GivenError(f"{line!r}: no kind of reading has all of these columns")
    return fits[0]
