"""A field map: which value of a maker's JSON is which column. Read from config/devices/ by flat_json_file.py."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ingest.formats.json_payload import number_of, text_of
from ingest.formats.times import LATEST_MS, time_ms_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.reading import Kind

Path = tuple[str, ...]
"""Keys from the outermost object inwards; in an array the number of the element."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TimeForm(Enum):
    """How a maker writes a time; any other form is a pattern of `datetime.strptime`."""

    EPOCH_S = "epoch_s"
    EPOCH_MS = "epoch_ms"
    RFC3339 = "rfc3339"


def paths_of(value: object) -> tuple[Path, ...]:
    """One path or an array of them; none if it is neither."""
    several: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and all(one.split(".")) for one in several):
        return ()
    return tuple(tuple(one.split(".")) for one in several)


def found_at(element: Any, paths: tuple[Path, ...]) -> Any:
    """The first of the values that is there and not null; else None."""
    for path in paths:
        value = element
        for key in path:
            if type(value) is dict:
                value = value.get(key)
            elif type(value) is list and key.isdigit() and int(key) < len(value):
                value = value[int(key)]
            else:
                value = None
                break
        if value is not None:
            return value
    return None


@dataclass(frozen=True, slots=True)
class Time:
    """Where the time stands and how. `utc_offset_min`: what a clock without a zone is ahead of UTC."""

    paths: tuple[Path, ...]
    form: TimeForm | str = TimeForm.EPOCH_S
    utc_offset_min: int = 0

    def ms(self, value: object) -> int | None:
        """Milliseconds since 1970 UTC; None if `value` is no such time."""
        if isinstance(self.form, str):
            return self._by_pattern(value, self.form)
        if self.form is TimeForm.RFC3339:
            return time_ms_of(value) if isinstance(value, str) else None
        number = number_of(value)
        if number is None:
            return None
        ms = number * 1000 if self.form is TimeForm.EPOCH_S else number
        return round(ms) if 0 <= ms <= LATEST_MS else None

    def _by_pattern(self, value: object, pattern: str) -> int | None:
        text = text_of(value)
        if text is None:
            return None
        try:
            moment = datetime.strptime(text.upper(), pattern)  # noqa: DTZ007 - the next line gives it its zone
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC) - timedelta(minutes=self.utc_offset_min)
        ms = round((moment - _EPOCH).total_seconds() * 1000)
        return ms if 0 <= ms <= LATEST_MS else None


@dataclass(frozen=True)
class When:
    """Holds where the value at `paths` is one of `texts`, or, `negated`, is there and none of them."""

    paths: tuple[Path, ...]
    texts: frozenset[str]
    negated: bool = False

    def holds(self, element: Any) -> bool:
        """Of an element of the payload."""
        value = found_at(element, self.paths)
        if value is None:
            return False
        return (text_of(value) in self.texts) is not self.negated

    def holds_somewhere(self, payload: bytes) -> bool:
        """Of bytes that are no JSON: whether some `"key": value` in them would make it hold."""
        return any(
            (token.decode("utf-8", "replace").strip().lower() in self.texts) is not self.negated
            for token in self._tokens.findall(payload)
        )

    @cached_property
    def _tokens(self) -> re.Pattern[bytes]:
        names = b"|".join(re.escape(path[-1].encode()) for path in self.paths)
        return re.compile(rb'"(?:' + names + rb')"\s*:\s*"?([^"\s,}\]]+)')


@dataclass(frozen=True, slots=True)
class Cell:
    """One column: the value at `paths`, or `constant`. `words`: text -> value, for word columns and flags.

    `absent`: texts that say that there is no value. A number becomes `number * factor + offset`; with
    `degree_minutes` it is taken apart as ddmm.mmmm first.
    """

    column: str
    paths: tuple[Path, ...] = ()
    constant: float | None = None
    words: Mapping[str, float] | None = None
    absent: frozenset[str] = frozenset({""})
    factor: float = 1.0
    offset: float = 0.0
    degree_minutes: bool = False

    def value(self, raw: object) -> float | None:
        """What goes into the column; None if `raw` cannot be read as it."""
        if self.words is not None:
            text = text_of(raw)
            return None if text is None else self.words.get(text)
        number = number_of(raw)
        if number is None:
            return None
        if self.degree_minutes:
            degrees, minutes = divmod(abs(number), 100)
            number = (degrees + minutes / 60) * (1 if number >= 0 else -1)
        return number * self.factor + self.offset


@dataclass(frozen=True, slots=True)
class Pair:
    """Two numbers in one string, `lon,lat` or `lat,lon`; `columns` names them in the order of the string."""

    columns: tuple[str, str]
    paths: tuple[Path, ...]
    between: str = ","
    absent: frozenset[str] = frozenset({""})


@dataclass(frozen=True, slots=True)
class ReadingMap:
    """One reading that a payload may hold: where `when` holds, or else where one of `deciding` columns is there."""

    kind: Kind
    cells: tuple[Cell, ...] = ()
    pair: Pair | None = None
    when: When | None = None
    deciding: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FieldMap:
    """One model's JSON. `shared` columns go into every reading; alone they make a status reading.

    `topic`: levels, of which `{watch}` is the watch's id. `watch`: where the payload names the watch (it wins).
    `elements`: where an array of objects stands, each read by itself. `only`: other messages are counted and not
    read. `known`: the tree of names that the map knows; others are counted.
    """

    readings: tuple[ReadingMap, ...] = ()
    shared: tuple[Cell, ...] = ()
    time: Time | None = None
    watch: tuple[Path, ...] = ()
    topic: tuple[str, ...] = ()
    elements: tuple[Path, ...] = ()
    only: When | None = None
    known: Mapping[str, Any] = field(default_factory=dict)

    def watch_of_topic(self, topic: str) -> str | None:
        """The level that is the watch's; None where the map names none or the topic is another."""
        if not self.topic:
            return None
        levels = topic.split("/")
        if len(levels) < len(self.topic):
            return None
        found = None
        for wanted, level in zip(self.topic, levels, strict=False):
            if wanted == "{watch}":
                found = level
            elif not wanted.startswith("{") and wanted != level:
                return None
        return found
