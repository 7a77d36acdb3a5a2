"""A field map: which value of a maker's JSON is which column. Read from config/devices/ by flat_json_file.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from ingest.formats.json_payload import number_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.formats.flat_json_path import Path
    from ingest.formats.flat_json_time import Time
    from ingest.reading import Kind


@dataclass(frozen=True)
class When:
    """Holds where the value at `paths` is one of `texts`, or, `negated`, is there and none of them."""

    paths: tuple[Path, ...]
    texts: frozenset[str]
    negated: bool = False

    def holds(self, value: Any) -> bool:
        """Of the value at `paths`; None: nothing stands there."""
        return value is not None and (text_of(value) in self.texts) is not self.negated

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
    read. `ignored`: known and of no use; other names are counted.
    """

    readings: tuple[ReadingMap, ...] = ()
    shared: tuple[Cell, ...] = ()
    time: Time | None = None
    watch: tuple[Path, ...] = ()
    topic: tuple[str, ...] = ()
    elements: tuple[Path, ...] = ()
    only: When | None = None
    ignored: tuple[Path, ...] = ()

    def watch_of_topic(self, topic: str) -> str | None:
        """The level that is the watch's; None where the map names none or the topic is another."""
        return _watch_of(self.topic, topic) if self.topic else None


@lru_cache(maxsize=100_000)
def _watch_of(pattern: tuple[str, ...], topic: str) -> str | None:
    """Remembered, as a watch keeps its topic."""
    levels = topic.split("/")
    if len(levels) < len(pattern):
        return None
    if any(not wanted.startswith("{") and wanted != level for wanted, level in zip(pattern, levels, strict=False)):
        return None
    return levels[pattern.index("{watch}")]
