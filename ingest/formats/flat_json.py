"""Any JSON of named values, by the field map of its model in config/devices/ (WIRE.md section 3).

Choices where the format leaves room:
- Numbers may come as strings. `null` and the texts that the map calls absent say that there is no value.
- A maker's flag that the watch is worn is believed only when false; `bpm` 0 says the same.
- An emergency is never refused: bytes that are no JSON alert where a `"key": value` in them is one of the map's
  emergencies, or where the topic's last level is `sos` or `fall`.
- Values that no reading holds are counted under their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.formats.contract import Decoded, Message, Reason, Refusal
from ingest.formats.flat_json_map import Cell, FieldMap, Pair, ReadingMap, found_at
from ingest.formats.identity import is_watch_id, stand_in_id
from ingest.formats.json_payload import number_of, parsed, text_of
from ingest.formats.rows import Rows, shown
from ingest.reading import Flag, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.formats.profile import Profile

NO_MAP = "this source names no profile; write one for its model (docs/formats.md) and name it in [[sources]]"


class FlatJson:
    """The decoder; one a profile. Without a map it refuses everything, as nobody said what the values mean."""

    name = "flat_json"

    def __init__(self, profile: Profile | None = None) -> None:
        self.field_map = profile.field_map if profile is not None else None

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Every element of every payload: readings, or a refusal with its reason. Raises for none."""
        rows = Rows()
        for index, message in enumerate(messages):
            _Payload(rows, (index, message), self.field_map or FieldMap()).read(has_map=self.field_map is not None)
        return rows.finish()


class _Payload:
    """One message being read into `rows`."""

    def __init__(self, rows: Rows, message: tuple[int, Message], field_map: FieldMap) -> None:
        self.rows = rows
        self.message = message
        self.map = field_map
        self.alerted: set[Kind] = set()
        self.readable: tuple[str, int | None] | None = None
        """Whose and when, of what could be read."""

    def read(self, *, has_map: bool) -> None:
        _, message = self.message
        content, reason, detail = parsed(message.payload)
        if not has_map:
            self.refuse(Reason.NOT_A_READING, NO_MAP, None)
        elif reason is not None:
            self.refuse(reason, detail, None)
            self._alert_of_bytes(message.payload)
        else:
            self._elements(found_at(content, self.map.elements) if self.map.elements else content, content)
        if message.kind is not None and message.kind.is_emergency and message.kind not in self.alerted:
            self._alert(message.kind)

    def _elements(self, found: Any, content: Any) -> None:
        """Each by itself; the watch may be named once for all of them."""
        if isinstance(found, list) and found:
            for place, element in enumerate(found):
                self._element(element, content, place)
        else:
            self._element(content if isinstance(content, dict) and found is None else found, content, None)

    def refuse(self, reason: Reason, detail: str, place: int | None) -> None:
        self.rows.refusals.append(Refusal(self.message[0], reason, detail, place))

    def _alert_of_bytes(self, payload: bytes) -> None:
        for reading in self.map.readings:
            if reading.kind.is_emergency and reading.when is not None and reading.when.holds_somewhere(payload):
                self._alert(reading.kind)

    def _alert(self, kind: Kind) -> None:
        """That it happened is all that is known, or when it did, too."""
        self.alerted.add(kind)
        if self.readable is not None:
            self.rows.open(self.message, self.readable[0], kind, self.readable[1])
            return
        watch_id = self._topic_watch()
        self.rows.open(self.message, watch_id if is_watch_id(watch_id) else stand_in_id(watch_id), kind, None,
                       Flag.UNDECODABLE)  # fmt: skip

    def _topic_watch(self) -> str:
        _, message = self.message
        return self.map.watch_of_topic(message.topic) or message.watch_id or ""

    def _watch_of(self, element: Any, content: Any) -> str:
        named = found_at(element, self.map.watch)
        if named is None and element is not content:
            named = found_at(content, self.map.watch)
        return (
            self._topic_watch() if named is None else str(text_of(named) if isinstance(named, int | float) else named)
        )

    def _element(self, element: Any, content: Any, place: int | None) -> None:
        if not isinstance(element, dict):
            self.refuse(Reason.NOT_AN_OBJECT, shown(element), place)
            return
        if self.map.only is not None and not (self.map.only.holds(element) or self.map.only.holds(content)):
            self.rows.count_unknown(f"other message: {text_of(found_at(element, self.map.only.paths))}")
            return
        _ElementReader(self, element, self._watch_of(element, content), self._time_of(element, content), place).read()

    def _time_of(self, element: Any, content: Any) -> Any:
        if self.map.time is None:
            return None
        value = found_at(element, self.map.time.paths)
        return found_at(content, self.map.time.paths) if value is None and element is not content else value


class _ElementReader:
    """One object of named values."""

    def __init__(self, payload: _Payload, element: dict[str, Any], watch: str, time: Any, place: int | None) -> None:
        self.payload = payload
        self.rows = payload.rows
        self.map = payload.map
        self.element = element
        self.place = place
        self.named = watch
        self.watch_id = watch if is_watch_id(watch) else stand_in_id(watch)
        self.time = time
        self.time_ms = None if time is None or self.map.time is None else self.map.time.ms(time)

    def read(self) -> None:
        """Emergencies in whatever state the rest is; the others need a watch, and the time that the map asks for."""
        self.payload.readable = (self.watch_id, self.time_ms)
        self._count_unknown(self.element, self.map.known)
        made = [reading for reading in self.map.readings if self._is_there(reading)]
        emergencies = [reading for reading in made if reading.kind.is_emergency]
        for reading in emergencies:
            self.payload.alerted.add(reading.kind)
            self._emergency(reading)
        is_named = self._is_named()
        if len(emergencies) < len(made) or not made:
            self._calm([reading for reading in made if not reading.kind.is_emergency], usable=is_named)

    def _calm(self, made: list[ReadingMap], *, usable: bool) -> None:
        if not usable or not self._is_timed():
            return
        for reading in made:
            self._fill(self._open(reading.kind), reading)
        if not made and any(self._raw(cell) is not None for cell in self.map.shared):
            self._fill(self._open(Kind.STATUS), ReadingMap(Kind.STATUS))
        elif not made:
            names = shown(list(self.element))
            self.payload.refuse(Reason.NOT_A_READING, f"nothing that the map knows: {names}", self.place)

    def _emergency(self, reading: ReadingMap) -> None:
        row = self._open(reading.kind)
        if self.time is not None and self.time_ms is None:
            self.rows.empty_field(row, "time", Reason.BAD_TIME, self.time)
        self._fill(row, reading)

    def _is_named(self) -> bool:
        """Refused otherwise, with the reason."""
        if self.watch_id == self.named:
            return True
        detail = f"{shown(self.named)}: an id is 1 to 64 of A-Z a-z 0-9 . _ -; see [message] of the map"
        self.payload.refuse(Reason.BAD_WATCH_ID, detail, self.place)
        return False

    def _is_timed(self) -> bool:
        """Refused otherwise, with the reason."""
        if self.map.time is None or self.time_ms is not None:
            return True
        if self.time is None:
            self.payload.refuse(Reason.NO_TIME, "time: absent", self.place)
            return False
        form = self.map.time.form
        detail = f"time: {shown(self.time)} is not {form if isinstance(form, str) else form.value}"
        self.payload.refuse(Reason.BAD_TIME, detail, self.place)
        return False

    def _open(self, kind: Kind) -> int:
        return self.rows.open(self.payload.message, self.watch_id, kind, self.time_ms, 0, self.place)

    def _is_there(self, reading: ReadingMap) -> bool:
        if reading.when is not None and not reading.when.holds(self.element):
            return False
        if reading.kind is Kind.LOCATION:
            return self._has_place(reading)
        if reading.when is not None:
            return True
        return any(cell.column in reading.deciding and self._raw(cell) is not None for cell in reading.cells)

    def _has_place(self, reading: ReadingMap) -> bool:
        """Both numbers are said; 0, 0 in the Gulf of Guinea is how a watch without a fix writes it."""
        if reading.pair is not None:
            raw = self._present(reading.pair.paths, reading.pair.absent)
            return raw is not None and _numbers_in(raw, reading.pair) != [0, 0]
        place = [cell for cell in reading.cells if cell.column in ("lat", "lon")]
        said = [self._raw(cell) for cell in place]
        return len(said) == 2 and None not in said and [number_of(value) for value in said] != [0, 0]

    def _present(self, paths: Any, absent: frozenset[str]) -> Any:
        value = found_at(self.element, paths)
        return None if value is None or (len(absent) and text_of(value) in absent) else value

    def _raw(self, cell: Cell) -> Any:
        return cell.constant if cell.constant is not None else self._present(cell.paths, cell.absent)

    def _fill(self, row: int, reading: ReadingMap) -> None:
        for cell in (*self.map.shared, *reading.cells):
            self._cell(row, cell)
        if reading.pair is not None:
            self._pair(row, reading.pair)

    def _cell(self, row: int, cell: Cell) -> None:
        if cell.constant is not None:
            self.rows.put(row, cell.column, cell.constant)
            return
        raw = self._present(cell.paths, cell.absent)
        if raw is None:
            return
        value = cell.value(raw)
        if value is None:
            words = cell.words is not None
            self.rows.empty_field(row, cell.column, Reason.OUT_OF_RANGE if words else Reason.WRONG_TYPE, raw)
        elif cell.column != "worn" or value == 0:
            self.rows.put(row, cell.column, value)

    def _pair(self, row: int, pair: Pair) -> None:
        raw = self._present(pair.paths, pair.absent)
        if raw is None:
            return
        numbers = _numbers_in(raw, pair)
        if len(numbers) != 2 or None in numbers:
            self.rows.empty_field(row, pair.columns[0], Reason.WRONG_TYPE, raw)
            return
        for name, number in zip(pair.columns, numbers, strict=True):
            if number is not None:
                self.rows.put(row, name, number)

    def _count_unknown(self, element: dict[str, Any], known: Any) -> None:
        for name, value in element.items():
            if name not in known:
                self.rows.count_unknown(name)
            elif type(value) is dict and known[name]:
                self._count_unknown(value, known[name])


def _numbers_in(raw: object, pair: Pair) -> list[float | None]:
    parts = raw.split(pair.between) if isinstance(raw, str) else raw if isinstance(raw, list) else []
    return [number_of(part) for part in parts]
