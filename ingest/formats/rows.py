"""Where every decoder puts what it reads: rows that become one `Decoded`, their ranges checked on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.formats.contract import Answer, Decoded, Message, Reason, Refusal
from ingest.normalise.ranges import in_range
from ingest.reading import COLUMN, Column, Flag, Kind, Readings

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN_NAMES_KEPT = 1000
NAME_CHARACTERS_KEPT = 64
DETAIL_CHARACTERS_KEPT = 120
# Plain numbers: `|` of an IntFlag costs more than all the rest of a row.
_RETAINED, _TIME_MISSING, _NOT_WORN_BY_ZERO = int(Flag.RETAINED), int(Flag.TIME_MISSING), int(Flag.NOT_WORN_BY_ZERO)
_WRONG_TYPE, _OUT_OF_RANGE = int(Flag.WRONG_TYPE), int(Flag.OUT_OF_RANGE)


def shown(value: object) -> str:
    """A value for a refusal's detail: short, and on one line."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**40 else "an integer of more than 40 digits"
    return text if len(text) <= DETAIL_CHARACTERS_KEPT else text[:DETAIL_CHARACTERS_KEPT] + "..."


class Rows:
    """Grows row by row. `head` holds the columns that say whose and when; `cells` what the watch measured."""

    def __init__(self) -> None:
        self.watch_ids: list[str] = []
        self.messages: list[int] = []
        self.elements: list[int | None] = []
        self.flags: list[int] = []
        self.head: dict[str, list[int]] = {
            name: [] for name in ("kind", "time_ms", "raw_time_ms", "arrival_ms", "boot", "seq", "oldest")
        }
        self.cells: dict[str, tuple[list[int], list[float]]] = {}
        self.refusals: list[Refusal] = []
        self.answers: list[Answer] = []
        self.unknown_fields: dict[str, int] = {}

    def open(
        self,
        message: tuple[int, Message],
        watch_id: str,
        kind: Kind,
        raw_time_ms: int | None,
        flags: int = 0,
        element: int | None = None,
    ) -> int:
        """Begin a row and return its number. Without a raw time the arrival stands in, flagged."""
        index, source = message
        flags |= _RETAINED if source.retained else 0
        return self.begin(index, source.arrival_ms, watch_id, kind, raw_time_ms, flags, element)

    def begin(
        self,
        index: int,
        arrival_ms: int,
        watch_id: str,
        kind: Kind,
        raw_time_ms: int | None,
        flags: int,
        element: int | None,
    ) -> int:
        """The same by what a message says, its flags complete."""
        head = self.head
        head["kind"].append(kind)
        head["arrival_ms"].append(arrival_ms)
        if raw_time_ms is None:
            flags |= _TIME_MISSING
            head["time_ms"].append(arrival_ms)
            head["raw_time_ms"].append(-1)
        else:
            head["time_ms"].append(raw_time_ms)
            head["raw_time_ms"].append(raw_time_ms)
        head["boot"].append(-1)
        head["seq"].append(-1)
        head["oldest"].append(-1)
        self.flags.append(flags)
        self.watch_ids.append(watch_id)
        self.messages.append(index)
        self.elements.append(element)
        return len(self.flags) - 1

    def put(self, row: int, name: str, value: float) -> None:
        """A number into a cell; whether it is in range is judged by `finish`. A later one wins."""
        rows, values = self.cell(name)
        rows.append(row)
        values.append(value)

    def cell(self, name: str) -> tuple[list[int], list[float]]:
        """The rows and the values of a column so far, for a decoder that fills them itself."""
        cell = self.cells.get(name)
        if cell is None:
            cell = self.cells[name] = ([], [])
        return cell

    def empty_field(self, row: int, name: str, reason: Reason, value: object) -> None:
        """Note that a known field of this row was left empty: flagged, counted, and the rest lives."""
        flag = _WRONG_TYPE if reason is Reason.WRONG_TYPE else _OUT_OF_RANGE
        if reason is not Reason.BAD_TIME:
            self.flags[row] |= flag
        self.refusals.append(Refusal(self.messages[row], reason, f"{name}: {shown(value)}", self.elements[row], name))

    def count_unknown(self, name: str, count: int = 1) -> None:
        """So many more fields that WIRE.md does not know. Names come from outside, so only so many are kept."""
        name = name[:NAME_CHARACTERS_KEPT]
        if name in self.unknown_fields or len(self.unknown_fields) < UNKNOWN_NAMES_KEPT:
            self.unknown_fields[name] = self.unknown_fields.get(name, 0) + count

    def finish(self) -> Decoded:
        """Everything so far as columns."""
        self._read_zeros()
        rows = len(self.flags)
        columns: dict[str, NDArray[Any]] = {
            name: np.array(values, COLUMN[name].dtype) for name, values in self.head.items()
        }
        columns["watch"] = np.full(rows, -1, np.int64)
        for name, (places, values) in self.cells.items():
            if not places:
                continue
            columns[name] = self._column(COLUMN[name], np.array(places, np.int64), _floats(values))
        columns["flags"] = np.array(self.flags, np.uint32)
        return Decoded(
            Readings(columns, rows) if rows else Readings.empty(),
            self.watch_ids,
            self.messages,
            self.refusals,
            self.answers,
            self.unknown_fields,
        )

    def _column(self, column: Column, places: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[Any]:
        whole = np.full(len(self.flags), column.absent, column.dtype)
        good = in_range(column, values)
        for place, value in zip(places[~good].tolist(), values[~good].tolist(), strict=True):
            self.empty_field(place, column.name, Reason.OUT_OF_RANGE, value)
        whole[places[good]] = values[good]
        return whole

    def _read_zeros(self) -> None:
        """`bpm` 0 is how every maker says: not on a wrist (WIRE.md sections 1 and 3)."""
        places, values = self.cells.get("bpm", ([], []))
        if 0 not in values:
            return
        del self.cells["bpm"]
        for place, value in zip(places, values, strict=True):
            if value == 0:
                self.flags[place] |= _NOT_WORN_BY_ZERO
                self.put(place, "worn", 0)
            else:
                self.put(place, "bpm", value)


def _floats(values: list[float]) -> NDArray[np.float64]:
    """As float64; an integer too large for one is infinite, and so out of every range."""
    try:
        return np.array(values, np.float64)
    except OverflowError:
        return np.array([_float(value) for value in values], np.float64)


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf
