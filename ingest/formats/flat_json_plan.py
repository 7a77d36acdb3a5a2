"""A field map arranged for speed: one walk over an element finds every value that the map asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest.formats.json_payload import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.formats.flat_json_map import Cell, FieldMap, Pair, ReadingMap, When
    from ingest.formats.flat_json_path import Path

NO_SLOT = -1
_LAST = 1_000_000


@dataclass(slots=True)
class _Name:
    """A key that the map knows: which slots its value fills, at which rank among their paths, and names within."""

    slots: list[tuple[int, int]] = field(default_factory=list)
    within: dict[str, _Name] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedReading:
    """A reading of the map; each number is the slot in which the walk puts what stands there."""

    map: ReadingMap
    cells: tuple[tuple[Cell, int], ...]
    pair: tuple[Pair, int] | None
    when: tuple[When, int] | None


class Plan:
    """One for a map. A value stands in the slot of its paths; of several paths the first one that is there wins."""

    def __init__(self, field_map: FieldMap) -> None:
        self._slots: dict[tuple[Path, ...], int] = {}
        self._names: dict[str, _Name] = {}
        self.time = NO_SLOT if field_map.time is None else self._slot(field_map.time.paths)
        self.watch = self._slot(field_map.watch)
        self.only = NO_SLOT if field_map.only is None else self._slot(field_map.only.paths)
        self.shared = tuple((cell, self._slot(cell.paths)) for cell in field_map.shared)
        self.readings = tuple(self._planned(reading) for reading in field_map.readings)
        for path in field_map.ignored:
            self._name(path)

    def _planned(self, reading: ReadingMap) -> PlannedReading:
        cells = tuple((cell, self._slot(cell.paths)) for cell in reading.cells)
        pair = None if reading.pair is None else (reading.pair, self._slot(reading.pair.paths))
        when = None if reading.when is None else (reading.when, self._slot(reading.when.paths))
        return PlannedReading(reading, cells, pair, when)

    def _slot(self, paths: tuple[Path, ...]) -> int:
        if not paths:
            return NO_SLOT
        if paths not in self._slots:
            self._slots[paths] = len(self._slots)
            for rank, path in enumerate(paths):
                self._name(path).slots.append((self._slots[paths], rank))
        return self._slots[paths]

    def _name(self, path: Path) -> _Name:
        names = self._names
        for key in path[:-1]:
            names = names.setdefault(key, _Name()).within
        return names.setdefault(path[-1], _Name())

    def values(self, element: dict[str, Any], count_unknown: Callable[[str], None]) -> list[Any]:
        """By slot; None where nothing stands. Names that the map does not know are counted."""
        found: list[Any] = [None] * (len(self._slots) + 1)  # the last one is that of NO_SLOT
        ranks = [_LAST] * len(self._slots)
        _walk(self._names, element, (found, ranks), count_unknown)
        return found


def _walk(
    names: dict[str, _Name],
    element: dict[str, Any],
    into: tuple[list[Any], list[int]],
    count_unknown: Callable[[str], None],
) -> None:
    found, ranks = into
    for key, value in element.items():
        name = names.get(key)
        if name is None:
            count_unknown(key)
            continue
        if value is None:
            continue
        for slot, rank in name.slots:
            if rank < ranks[slot]:
                found[slot], ranks[slot] = value, rank
        if name.within:
            if type(value) is list:
                value = {str(place): one for place, one in enumerate(value) if str(place) in name.within}  # noqa: PLW2901 - as an object
            if type(value) is dict:
                _walk(name.within, value, into, count_unknown)


def is_said(value: Any, absent: frozenset[str]) -> bool:
    """It is there, and is none of the texts that mean: no value ("" is always one of them)."""
    if type(value) is str:
        return value.strip().lower() not in absent
    return value is not None and (len(absent) == 1 or text_of(value) not in absent)
