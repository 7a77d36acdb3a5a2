"""Expressions over a frame: each worked out once a batch, into the columns of `values`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alerts.engine.memory import Memory
from alerts.engine.place import calendar, metres_from_home
from alerts.engine.values import Range, Truth, calculate, compare, constant, exact
from alerts.rules import tree
from alerts.rules.check import type_of
from alerts.rules.names import CARRIED, words_of_column
from alerts.rules.units import Type
from ingest.reading import COLUMN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alerts.engine.columns import Columns
    from alerts.engine.contract import Value
    from alerts.engine.frame import Frame
    from alerts.engine.settings import EngineSettings

LEAST_RADIUS_M = 100.0
"""A smaller home would be left at every walk around the block's own position error."""


class Conditions:
    """The expressions of one batch."""

    def __init__(self, frame: Frame, state: Columns, settings: EngineSettings) -> None:
        self.frame = frame
        self.settings = settings
        self._truths: dict[int, Truth] = {}
        self._ranges: dict[int, Range] = {}
        self._codes: dict[int, NDArray[np.int8]] = {}
        self.memory = Memory(frame, state, self)
        for node in settings.states:
            self.work_out(node)

    def work_out(self, node: tree.Node) -> Truth | Range | NDArray[np.int8]:
        """The column of an expression of any type."""
        match type_of(node):
            case Type.TRUTH:
                return self.truth(node)
            case Type.WORD:
                return self.code(node)
            case _:
                return self.range(node)

    def known(self, node: tree.Node) -> NDArray[np.bool_]:
        """Where the expression is known."""
        found = self.work_out(node)
        return found.known if isinstance(found, (Truth, Range)) else found >= 0

    def truth(self, node: tree.Node) -> Truth:
        """A boolean, shape (rows,)."""
        found = self._truths.get(id(node))
        if found is None:
            true, false = self._truth(node)
            if not np.ndim(true):  # a comparison of constants
                true, false = (np.full(len(self.frame), bool(each)) for each in (true, false))
            found = self._truths[id(node)] = Truth(true, false)
        return found

    def _truth(self, node: tree.Node) -> Truth:  # noqa: C901, PLR0911 - one line a kind of node
        match node:
            case tree.Not(of):
                return self.truth(of).negated()
            case tree.All(parts):
                return self._all([self.truth(part) for part in parts])
            case tree.Some(parts):
                return self._all([self.truth(part).negated() for part in parts]).negated()
            case tree.Compare(sign, left, right):
                return self._compared(sign, left, right)
            case tree.OneOf(of, among):
                return self._all([self._compared("!=", of, each) for each in among]).negated()
            case tree.Call("maybe", of):
                false = self.truth(of).false
                return Truth(~false, false)
            case tree.Call("unknown", of):
                known = self.known(of)
                return Truth(~known, known)
            case tree.Choice(test, yes, no):
                return self._chosen(self.truth(test), self.truth(yes), self.truth(no))
            case tree.OnKind(kind):
                here = self.frame.kind == kind
                return Truth(here, ~here)
            case tree.Fact(name):
                value = self.settings.fact(name, self.frame.watch)
                return Truth(value > 0, value == 0)
            case tree.OfHome("outside"):
                return self._outside()
        flags = self._flag(node)
        return Truth(flags == 1, flags == 0)

    def _all(self, parts: list[Truth]) -> Truth:
        true, false = parts[0]
        for part in parts[1:]:
            true, false = true & part.true, false | part.false
        return Truth(true, false)

    def _chosen(self, test: Truth, yes: Truth, no: Truth) -> Truth:
        return Truth((test.true & yes.true) | (test.false & no.true), (test.true & yes.false) | (test.false & no.false))

    def _compared(self, sign: str, left: tree.Node, right: tree.Node) -> Truth:
        if isinstance(left, tree.Word):
            left, right = right, left
        if not isinstance(right, tree.Word):
            if type_of(left) is Type.WORD:
                return self._same_words(sign, self.code(left), self.code(right))
            return compare(sign, self.range(left), self.range(right))
        if not isinstance(left, (tree.Column, tree.Last)):
            raise TypeError(f"a word is compared with {tree.text(left)}")
        wanted = words_of_column(left.name).index(right.value)
        return self._same_words(sign, self.code(left), np.int8(wanted))

    def _same_words(self, sign: str, left: NDArray[np.int8], right: NDArray[np.int8] | np.int8) -> Truth:
        known = (left >= 0) & (right >= 0)
        same = Truth(known & (left == right), known & (left != right))
        return same if sign == "==" else same.negated()

    def _flag(self, node: tree.Node) -> NDArray[Any]:
        match node:
            case tree.Column(name) if name in CARRIED:
                return self.memory.carried(name)
            case tree.Column(name):
                return self.frame.column(name)
            case tree.Last(kind, name):
                return self.memory.last(kind, name)
        raise TypeError(f"no boolean in {tree.text(node)}")

    def code(self, node: tree.Node) -> NDArray[np.int8]:
        """A word as its code, -1 where unknown; shape (rows,)."""
        found = self._codes.get(id(node))
        if found is None:
            found = self._codes[id(node)] = self._flag(node)
        return found

    def range(self, node: tree.Node) -> Range:
        """A number, or a duration in ms; shape (rows,) or a scalar."""
        found = self._ranges.get(id(node))
        if found is None:
            found = self._ranges[id(node)] = self._range(node)
        return found

    def _range(self, node: tree.Node) -> Range:  # noqa: C901, PLR0911, PLR0912 - one line a kind of node
        frame = self.frame
        match node:
            case tree.Number(value):
                return constant(value)
            case tree.Column(name) if name in CARRIED:
                return exact(self.memory.carried(name))
            case tree.Column(name):
                return exact(frame.column(name))
            case tree.Last(kind, name):
                return exact(self.memory.last(kind, name))
            case tree.Limit(name):
                return exact(self.settings.limit(name, frame.watch))
            case tree.Fact(name):
                return exact(self.settings.fact(name, frame.watch))
            case tree.Calendar(name):
                return exact(calendar(name, frame.event, self.settings.zone))
            case tree.OfHome():
                return exact(self._metres())
            case tree.OfKind("age", kind):
                return exact(self.memory.age(kind))
            case tree.OfKind(_, kind):
                return exact(self.memory.after(kind))
            case tree.Call("since", of):
                return self.memory.since(node, of)
            case tree.Call(function, of):
                return exact(self.memory.previous(node, of, function))
            case tree.Arithmetic(sign, left, right):
                return exact(calculate(sign, self.range(left).exact(), self.range(right).exact()))
            case tree.Choice(test, yes, no):
                decided, first, second = self.truth(test), self.range(yes).exact(), self.range(no).exact()
                return exact(np.where(decided.true, first, np.where(decided.false, second, np.nan)))
        raise TypeError(f"no number in {tree.text(node)}")

    def _metres(self) -> NDArray[np.float64]:
        watch, home = self.frame.watch, self.settings.home
        place = self.frame.column("lat"), self.frame.column("lon")
        return metres_from_home(*place, home("home_lat", watch), home("home_lon", watch))

    def _outside(self) -> Truth:
        radius = np.maximum(self.settings.home("home_radius_m", self.frame.watch), LEAST_RADIUS_M)
        least = calculate("-", self._metres(), np.asarray(self.frame.column("accuracy_m"), np.float64))
        return compare(">", exact(least), exact(radius))

    def value(self, node: tree.Node, row: int) -> Value:
        """One input as it stood at a row: a number (durations in s), a truth, a word, or None."""
        found = self.work_out(node)
        if isinstance(found, Truth):
            return True if found.true[row] else False if found.false[row] else None
        if isinstance(found, Range):
            number = float(np.broadcast_to(found.low, (len(self.frame),))[row])
            scale = 1000.0 if type_of(node) is Type.DURATION else 1.0
            return None if np.isnan(number) else number / scale
        if not isinstance(node, (tree.Column, tree.Last)) or found[row] < 0:
            return None
        words = COLUMN[node.name].words
        return None if words is None else words(int(found[row])).name.lower()
