"""What expressions remember from reading to reading: one or two state columns each, named by canonical text.

Only readings on time are remembered. A clock set back forgets all of a watch: its old times lie on another scale.
Nothing is written before `commit`, so each expression sees the state as the batch found it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from alerts.engine.last_where import NONE, Mask, Real, Whole, newest_row, pick, row_before
from alerts.engine.values import Range, Truth
from alerts.rules.check import kinds_of
from ingest.reading import COLUMN, Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alerts.engine.columns import Columns
    from alerts.engine.frame import Frame
    from alerts.engine.settings import EngineSettings
    from alerts.rules import tree

MINUTE_MS = 60_000.0


class _Conditions(Protocol):
    settings: EngineSettings

    def truth(self, node: tree.Node) -> Truth: ...

    def range(self, node: tree.Node) -> Range: ...


class Memory:
    """The remembering part of one batch's conditions."""

    def __init__(self, frame: Frame, state: Columns, conditions: _Conditions) -> None:
        self._frame = frame
        self._state = state
        self._conditions = conditions
        self._writes: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {}
        self._cache: dict[str, NDArray[Any]] = {}

    def commit(self) -> None:
        """Write what the last row of each watch knows into the state."""
        tails = np.flatnonzero(self._frame.tail)
        watches = self._frame.watch[tails]
        for column, values in self._writes.values():
            column[watches] = values[tails]

    def _keep(self, name: str, mask: Mask, value: NDArray[Any], none: float, *, strictly: bool = False) -> NDArray[Any]:
        """`value` at the newest row with `mask`, carried in from the state column `name` and out to it."""
        frame = self._frame
        column = self._state.get(name, value.dtype.type, none)
        carry = frame.carried(column, none)
        now = pick(newest_row(mask, frame.start), value, carry)
        self._writes[name] = (column, now)
        return pick(row_before(mask, frame.start), value, carry) if strictly else now

    def since(self, node: tree.Node, of: tree.Node) -> Range:
        """Duration from the newest reading where `of` was true; where it never was, at least since it was known."""
        frame, name = self._frame, self._conditions.settings.text(node)
        truth = self._conditions.truth(of)
        counts = frame.on_time & frame.of_kinds(kinds_of(of))
        true_at = self._keep(f"{name}.true_at", counts & truth.true, frame.time, NONE)
        known = counts & truth.known
        first = known & (row_before(known, frame.start) < 0)
        first &= frame.carried(self._state.get(f"{name}.known_at", np.int64, NONE), NONE) == NONE
        known_at = self._keep(f"{name}.known_at", first, frame.time, NONE)
        was_true, was_known = true_at != NONE, known_at != NONE
        from_ms = np.where(was_true, true_at, known_at)
        lasted = np.where(was_known, np.maximum(frame.time - from_ms, 0).astype(np.float64), np.nan)
        return Range(lasted, np.where(was_true | ~was_known, lasted, np.inf))

    def previous(self, node: tree.Node, of: tree.Node, function: str) -> Real:
        """`previous`, `delta` or `rate` (per minute) against the newest earlier reading with `of` known."""
        frame, name = self._frame, self._conditions.settings.text(node)
        value = np.broadcast_to(self._conditions.range(of).exact(), (len(frame),))
        known = frame.on_time & frame.of_kinds(kinds_of(of)) & ~np.isnan(value)
        before = self._keep(f"{name}.value", known, value, np.nan, strictly=True)
        if function == "previous":
            return np.asarray(before)
        delta = value - before
        if function == "delta":
            return np.asarray(delta)
        at = self._keep(f"{name}.at", known, frame.time, NONE, strictly=True)
        lasted_min = (frame.time - at) / MINUTE_MS
        with np.errstate(all="ignore"):
            return np.where((at != NONE) & (lasted_min > 0), delta / lasted_min, np.nan)

    def carried(self, name: str) -> NDArray[Any]:
        """A column that comes with every kind: this reading's, else the last known while it is not stale."""
        own = self._frame.column(name)
        last = self._last_known(name, name, self._frame.on_time)
        return np.where(own == COLUMN[name].absent if own.dtype == np.int8 else np.isnan(own), last, own)

    def last(self, kind: Kind, name: str) -> NDArray[Any]:
        """A column as last known from readings of `kind`."""
        counts = self._frame.on_time & (self._frame.kind == kind)
        return self._last_known(f"last.{kind.topic}.{name}", name, counts)

    def _last_known(self, state: str, name: str, counts: Mask) -> NDArray[Any]:
        found = self._cache.get(state)
        if found is not None:
            return found
        frame, column = self._frame, COLUMN[name]
        own = frame.column(name)
        known = counts & ((own >= 0) if own.dtype == np.int8 else ~np.isnan(own))
        value = self._keep(f"{state}.value", known, own, column.absent)
        at = self._keep(f"{state}.at", known, frame.time, NONE)
        if column.stale_after_s is not None:
            is_stale = np.abs(frame.time - at) > column.stale_after_s * 1000
            value = np.where(is_stale, column.dtype.type(column.absent), value)
        self._cache[state] = value
        return value

    def age(self, kind: Kind) -> Real:
        """Duration since the newest reading of `kind` (late ones too), by arrival, in ms."""
        frame = self._frame
        at = self._keep(f"age({kind.topic})", frame.kind == kind, frame.arrival, NONE)
        return np.where(at == NONE, np.nan, (frame.arrival - at).astype(np.float64))

    def after(self, kind: Kind) -> Real:
        """Duration since the newest event of `kind` that was not called off, by event time, in ms."""
        frame = self._frame
        counts = frame.on_time & (frame.kind == kind)
        value = np.where(frame.column("cancelled") == 1, NONE, frame.time)
        at = self._keep(f"after({kind.topic})", counts, value, NONE)
        lasted: Whole = frame.time - at
        return np.where((at == NONE) | (lasted < 0), np.nan, lasted.astype(np.float64))
