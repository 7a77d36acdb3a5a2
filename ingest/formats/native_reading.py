"""carewatch's own JSON, one message after the other: says of each element what it is, or why it is no reading.

The careful way: it defines what a payload means. `native_columns` reads what is regular, much faster, and the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.formats.contract import Message, Reason, Refusal
from ingest.formats.identity import is_watch_id
from ingest.formats.rows import Rows, shown
from ingest.formats.times import time_ms_of
from ingest.reading import EMERGENCY_KINDS, KIND_BY_TOPIC, PAYLOAD_COLUMNS, UINT32_MAX, Flag, Kind

if TYPE_CHECKING:
    from ingest.reading import Column

FULL_ARRAY = 500
FULL_PAYLOAD_BYTES = 65_536
MOST_EMPTY = 100
"""Elements of an array that are no object, or an empty one: of so many each is looked at and told by itself."""
VERSION = 1
_COUNTS = ("boot", "seq", "oldest")
_NOT_COUNTED = frozenset({"v", "time", "kind"})
Sink = tuple[tuple[type, ...], Callable[[int], None], Callable[[float], None]]
"""The JSON types that a column takes as they come, and where the row's number and the value go."""
_TEXT, _BOOLEAN, _NUMBER = (str,), (bool,), (int, float)


def _allowed(column: Column) -> tuple[type, ...]:
    """The JSON types that a column may come in; a number as a string is of the wrong type."""
    if column.words is not None:
        return _TEXT
    return _BOOLEAN if column.is_flag else _NUMBER


_BODY: dict[Kind, dict[str, tuple[type, ...]]] = {
    kind: {column.name: _allowed(column) for column in PAYLOAD_COLUMNS if kind in column.kinds} for kind in Kind
}
_WORDS: dict[str, dict[str, int]] = {
    column.name: {word.name.lower(): int(word) for word in column.words} for column in PAYLOAD_COLUMNS if column.words
}
# Plain numbers: `|` of an IntFlag costs more than reading a field.
_FROM_BACKLOG, _RETAINED, _OVERSIZED = int(Flag.FROM_BACKLOG), int(Flag.RETAINED), int(Flag.OVERSIZED)
_UNDECODABLE, _UNKNOWN_VERSION = int(Flag.UNDECODABLE), int(Flag.UNKNOWN_VERSION)
Counts = tuple[int | None, ...]
_json, _raw = msgspec.json.Decoder(), msgspec.json.Decoder(msgspec.Raw)
_SURELY_SHALLOW = 900
"""Brackets. What has no more of them is not nested deeper than msgspec goes (a thousand)."""
_SURELY_DEEP = b"[" * 1_024
"""What begins so is nested too deep, whatever follows: no decoder need go down into it to say that."""


class NativeReading:
    """Reads messages into `rows`, one after the other."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.index = 0
        self.arrival_ms = 0
        self.watch_id = ""
        self.kind: Kind | None = None
        self.flags = 0
        self._sinks: dict[Kind, dict[str, Sink]] = {kind: {} for kind in Kind}

    def read(self, index: int, message: Message) -> None:
        """Every element: a reading, or a refusal with its reason. Raises for no payload."""
        flags = flags_of(is_backlog=message.is_backlog, retained=message.retained)
        watch_id = message.watch_id if message.watch_id is not None and is_watch_id(message.watch_id) else None
        self.read_cells(index, message.topic, message.payload, message.arrival_ms, watch_id, message.kind, flags)

    def read_cells(
        self,
        index: int,
        topic: str,
        payload: bytes,
        arrival_ms: int,
        watch_id: str | None,
        kind: Kind | None,
        flags: int,
    ) -> None:
        """The same by what the message says. `watch_id`: a valid one, or None."""
        self.index, self.arrival_ms, self.kind, self.flags = index, arrival_ms, kind, flags
        if watch_id is None:
            self._refuse(Reason.BAD_WATCH_ID, f"the topic names no watch: {shown(topic)}")
            return
        self.watch_id = watch_id
        content = self._parse(payload)
        if content is None:
            return
        if not isinstance(content, list):
            self._element(content, None)
            return
        if len(content) > FULL_ARRAY:
            self.flags |= _OVERSIZED
        if not content and kind in EMERGENCY_KINDS:
            self._unreadable(Reason.NOT_A_READING, "an empty array", None, kind)
        self._elements(content)

    def _elements(self, content: list[Any]) -> None:
        """What says nothing says so a few times: half a million zeros on /sos would hold up every other watch."""
        empty = 0
        for place, element in enumerate(content):
            if not element or not isinstance(element, dict):
                empty += 1
                if empty > MOST_EMPTY:
                    continue
            self._element(element, place)
        if empty > MOST_EMPTY:
            self._refuse(Reason.NOT_AN_OBJECT, f"{empty - MOST_EMPTY} more elements that say nothing")

    def _parse(self, payload: bytes) -> Any:
        """The JSON value; None where there is none (a bare `null` says nothing either), refused already."""
        if len(payload) > FULL_PAYLOAD_BYTES:
            self.flags |= _OVERSIZED
        try:
            if len(payload) > _SURELY_SHALLOW:
                _skim(payload)
            content = _json.decode(payload)
        except msgspec.DecodeError as error:
            reason, detail = Reason.NOT_JSON, str(error)
        except UnicodeDecodeError as error:
            reason, detail = Reason.NOT_UTF8, str(error)
        except RecursionError:
            reason, detail = Reason.TOO_DEEP, "nested deeper than any reading is"
        else:
            if content is not None:
                return content
            reason, detail = Reason.NOT_AN_OBJECT, "null"
        self._unreadable(reason, detail, None, self.kind)
        return None

    def _refuse(self, reason: Reason, detail: str, element: int | None = None, readable: Counts = ()) -> None:
        self.rows.refusals.append(Refusal(self.index, reason, detail, element, None, *readable))

    def _unreadable(self, reason: Reason, detail: str, element: int | None, kind: Kind | None) -> None:
        """To quarantine; and on /sos or /fall an alert all the same."""
        self._refuse(reason, detail, element)
        if kind in EMERGENCY_KINDS:
            self._open(kind, None, self.flags | _UNDECODABLE, element)

    def _open(self, kind: Kind, time_ms: int | None, flags: int, element: int | None) -> int:
        return self.rows.begin(self.index, self.arrival_ms, self.watch_id, kind, time_ms, flags, element)

    def _element(self, element: Any, place: int | None) -> None:
        kind = self.kind
        if not isinstance(element, dict):
            self._unreadable(Reason.NOT_AN_OBJECT, shown(element), place, kind)
            return
        if kind is None:
            kind = _kind_of(element)
            if kind is None:
                self._refuse(Reason.UNKNOWN_KIND, f"kind: {shown(element.get('kind'))}", place, _readable(element))
                return
        version = element.get("v")
        if version is not None and (version != VERSION or version is True):
            self._other_version(element, place, kind)
            return
        time_ms = None if (time := element.get("time")) is None else time_ms_of(time)
        if time_ms is None and not _may_lack_time(kind, element):
            reason, detail = (Reason.NO_TIME, "time: absent") if time is None else (Reason.BAD_TIME, _time(time))
            self._refuse(reason, detail, place, _readable(element))
            return
        row = self._open(kind, time_ms, self.flags, place)
        if time_ms is None and time is not None:
            self.rows.empty_field(row, "time", Reason.BAD_TIME, time)
        self._fill(row, kind, element)

    def _other_version(self, element: dict[str, Any], place: int | None, kind: Kind) -> None:
        """Quarantined; an emergency in it alerts, with what tells one resend from another if it can be read."""
        readable = _readable(element)
        self._refuse(*other_version(element["v"]), place, readable)
        if kind not in EMERGENCY_KINDS:
            return
        row = self._open(kind, time_ms_of(element.get("time")), self.flags | _UNKNOWN_VERSION, place)
        for name, count in zip(("boot", "seq"), readable, strict=True):
            if count is not None:
                self.rows.head[name][row] = count

    def _fill(self, row: int, kind: Kind, element: dict[str, Any]) -> None:
        sinks, body, head = self._sinks[kind], _BODY[kind], self.rows.head
        for name, value in element.items():
            if name in body:
                allowed, add_row, add_value = sinks.get(name) or self._sink(kind, name)
                if type(value) in allowed:
                    add_row(row)
                    add_value(value)
                elif value is not None:
                    self._odd_cell(row, name, value)
            elif name in _COUNTS:
                if type(value) is int and 0 <= value <= UINT32_MAX:
                    head[name][row] = value
                else:
                    self._odd_count(row, name, value)
            elif name not in _NOT_COUNTED:
                self.rows.count_unknown(name)

    def _sink(self, kind: Kind, name: str) -> Sink:
        """Where the cells of a field go, found once and not for each cell. A word has to be looked up first."""
        places, values = self.rows.cell(name)
        allowed = _BODY[kind][name]
        sink = self._sinks[kind][name] = (() if allowed is _TEXT else allowed, places.append, values.append)
        return sink

    def _odd_cell(self, row: int, name: str, value: Any) -> None:
        words = _WORDS.get(name)
        if words is None or type(value) is not str:
            self.rows.empty_field(row, name, Reason.WRONG_TYPE, value)
        elif value in words:
            self.rows.put(row, name, words[value])
        else:
            self.rows.empty_field(row, name, Reason.OUT_OF_RANGE, value)

    def _odd_count(self, row: int, name: str, value: Any) -> None:
        if value is None:
            return
        count = _count_of(value)
        if count is None:
            reason = Reason.OUT_OF_RANGE if type(value) in (int, float) else Reason.WRONG_TYPE
            self.rows.empty_field(row, name, reason, value)
        else:
            self.rows.head[name][row] = count


def other_version(version: object) -> tuple[Reason, str]:
    """Why a reading of this version is refused. A whole number is one however it was written."""
    if type(version) is float and version.is_integer():
        version = int(version)
    return Reason.UNKNOWN_VERSION, f"v: {shown(version)}; known is {VERSION}"


def _skim(payload: bytes) -> None:
    """Raise `RecursionError` if it is nested too deep, in a tenth of the time that building its inside takes."""
    if payload.startswith(_SURELY_DEEP):
        raise RecursionError
    if payload.count(b"[") + payload.count(b"{") <= _SURELY_SHALLOW:
        return
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):  # the decoder says that, in its own words
        _raw.decode(payload)


def flags_of(*, is_backlog: bool, retained: bool) -> int:
    """Of every reading of a message."""
    return (_FROM_BACKLOG if is_backlog else 0) | (_RETAINED if retained else 0)


def _kind_of(element: dict[str, Any]) -> Kind | None:
    word = element.get("kind")
    return KIND_BY_TOPIC.get(word) if isinstance(word, str) else None


def _count_of(value: Any) -> int | None:
    """An unsigned 32-bit number, or None."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= UINT32_MAX else None


def _readable(element: dict[str, Any]) -> Counts:
    """Boot and seq, where they can be read."""
    return _count_of(element.get("boot")), _count_of(element.get("seq"))


def _may_lack_time(kind: Kind, element: dict[str, Any]) -> bool:
    """An emergency, and the last will, which the broker sends for a watch that cannot (WIRE.md section 2)."""
    if kind in EMERGENCY_KINDS:
        return True
    said_by_broker = element.get("time") is None and not element.get("seq")
    return kind is Kind.STATUS and element.get("event") == "offline" and said_by_broker


def _time(value: object) -> str:
    return f"time: {shown(value)} is neither epoch milliseconds nor RFC 3339 with an offset"
