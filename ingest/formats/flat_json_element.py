"""One JSON object of named values, read by a field map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.formats.contract import Message, Reason, Refusal
from ingest.formats.flat_json_plan import is_said
from ingest.formats.identity import is_watch_id, stand_in_id
from ingest.formats.json_payload import number_of
from ingest.formats.rows import Rows, shown
from ingest.reading import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.formats.flat_json_map import Cell, FieldMap, Pair
    from ingest.formats.flat_json_plan import PlannedReading

Said = list[tuple["Cell", Any]]
"""Columns with what stands there for them."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an element stands: its message with its number, and its place in an array."""

    message: tuple[int, Message]
    place: int | None


class Element:
    """`values`: by the slots of the plan; `watch`: as it is named; `time`: as it is said, None if it is not."""

    def __init__(
        self, rows: Rows, field_map: FieldMap, origin: Origin, values: list[Any], watch: str, time: Any
    ) -> None:
        self.rows = rows
        self.map = field_map
        self.origin = origin
        self.values = values
        self.named = watch
        self.watch_id = watch if is_watch_id(watch) else stand_in_id(watch)
        self.time = time
        self.time_ms = None if time is None or field_map.time is None else field_map.time.ms(time)

    def read(self, readings: Iterable[PlannedReading], shared: Said, names: list[str]) -> set[Kind]:
        """Emergencies in whatever state the rest is; the others need a watch, and the time that the map asks for.

        Returns the emergencies. `names`: of the values, for what is said if none of them makes a reading.
        """
        made = [(reading, said) for reading in readings if (said := self._said(reading)) is not None]
        urgent = [one for one in made if one[0].map.kind.is_emergency]
        for reading, said in urgent:
            self._emergency(reading, shared + said)
        is_named = self._is_named()
        if (len(urgent) < len(made) or not made) and is_named and self._is_timed():
            for reading, said in made:
                if not reading.map.kind.is_emergency:
                    self._fill(self._open(reading.map.kind), reading, shared + said)
            if not made and shared:
                self._put_all(self._open(Kind.STATUS), shared)
            elif not made:
                self._refuse(Reason.NOT_A_READING, f"nothing that the map knows: {shown(names)}")
        return {reading.map.kind for reading, _ in urgent}

    def _said(self, reading: PlannedReading) -> Said | None:
        """The columns that have something to say; None where the reading is not there."""
        if reading.when is not None and not reading.when[0].holds(self.values[reading.when[1]]):
            return None
        values = self.values
        said = [
            (cell, values[slot])
            for cell, slot in reading.cells
            if cell.constant is not None or (values[slot] is not None and is_said(values[slot], cell.absent))
        ]
        if reading.map.kind is Kind.LOCATION:
            return said if self._has_place(reading, said) else None
        deciding = reading.map.deciding
        is_there = reading.when is not None or any(cell.column in deciding for cell, _ in said)
        return said if is_there else None

    def _has_place(self, reading: PlannedReading, said: Said) -> bool:
        """Both numbers are said; 0, 0 in the Gulf of Guinea is how a watch without a fix writes it."""
        if reading.pair is not None:
            pair, slot = reading.pair
            return is_said(self.values[slot], pair.absent) and numbers_in(self.values[slot], pair) != [0, 0]
        place = [number_of(raw) for cell, raw in said if cell.column in ("lat", "lon")]
        return len(place) == 2 and place != [0, 0]

    def _refuse(self, reason: Reason, detail: str) -> None:
        self.rows.refusals.append(Refusal(self.origin.message[0], reason, detail, self.origin.place))

    def _is_named(self) -> bool:
        """Refused otherwise, with the reason."""
        if self.watch_id == self.named:
            return True
        rule = "an id is 1 to 64 of A-Z a-z 0-9 . _ -; see [message] of the map"
        self._refuse(Reason.BAD_WATCH_ID, f"{shown(self.named)}: {rule}")
        return False

    def _is_timed(self) -> bool:
        """Refused otherwise, with the reason."""
        if self.map.time is None or self.time_ms is not None:
            return True
        if self.time is None:
            self._refuse(Reason.NO_TIME, "time: absent")
            return False
        form = self.map.time.form
        self._refuse(
            Reason.BAD_TIME, f"time: {shown(self.time)} is not {form if isinstance(form, str) else form.value}"
        )
        return False

    def _open(self, kind: Kind) -> int:
        return self.rows.open(self.origin.message, self.watch_id, kind, self.time_ms, 0, self.origin.place)

    def _emergency(self, reading: PlannedReading, said: Said) -> None:
        row = self._open(reading.map.kind)
        if self.time is not None and self.time_ms is None:
            self.rows.empty_field(row, "time", Reason.BAD_TIME, self.time)
        self._fill(row, reading, said)

    def _fill(self, row: int, reading: PlannedReading, said: Said) -> None:
        self._put_all(row, said)
        if reading.pair is not None:
            pair, slot = reading.pair
            if is_said(self.values[slot], pair.absent):
                self._put_pair(row, pair, self.values[slot])

    def _put_all(self, row: int, said: Said) -> None:
        rows = self.rows
        for cell, raw in said:
            value = cell.constant if cell.constant is not None else cell.value(raw)
            if value is None:
                reason = Reason.WRONG_TYPE if cell.words is None else Reason.OUT_OF_RANGE
                rows.empty_field(row, cell.column, reason, raw)
            elif cell.column != "worn" or value == 0:
                rows.put(row, cell.column, value)

    def _put_pair(self, row: int, pair: Pair, raw: Any) -> None:
        numbers = numbers_in(raw, pair)
        if len(numbers) != 2 or None in numbers:
            self.rows.empty_field(row, pair.columns[0], Reason.WRONG_TYPE, raw)
            return
        for name, number in zip(pair.columns, numbers, strict=True):
            if number is not None:
                self.rows.put(row, name, number)


def numbers_in(raw: object, pair: Pair) -> list[float | None]:
    """Of a string with both, or an array."""
    parts = raw.split(pair.between) if isinstance(raw, str) else raw if isinstance(raw, list) else []
    return [number_of(part) for part in parts]
