"""Expressions worked out one reading at a time, in plain Python: the meaning of RULES.md section 2, slowly.

A truth is True, False or None. A number is None or (low, high); only `since` of what was never true has high > low.
"""

from __future__ import annotations

import math
from datetime import datetime
from zoneinfo import ZoneInfo

from alerts.rules import tree
from ingest.reading import COLUMN, Kind

CARRIED = ("battery", "worn", "charging")
STALE_S = {"battery": 86_400, "worn": 3600, "charging": 3600}


def cell(row, name):
    """A cell as Python would have it: None if it is empty; what a status event says of a flag stands in."""
    value = row.get(name)
    if name in ("worn", "charging") and value is None:
        said = {"worn": {3: 1, 4: 0}, "charging": {5: 1, 6: 1}}[name]
        value = said.get(row.get("event"))
    return value


class Expressions:
    """The memory of one watch, and its expressions at one reading after the other."""

    def __init__(self, nodes, limits, person, zone):
        self.nodes = nodes
        self.limits = limits
        self.person = person
        self.zone = ZoneInfo(zone)
        self.memory = {}
        self.known = {}

    def forget(self):
        self.memory = {}

    def read(self, row, *, late):
        """Take one reading: `row` has `event_ms`, `time_ms` (of its lane), `arrival_ms`, `kind` and its cells."""
        self.row, self.late, self.now = row, late, row["lane_ms"]
        self.known = {}
        for node in self.nodes:
            self.known[tree.text(node)] = self._remember(node)

    def _slot(self, node):
        return self.memory.setdefault(tree.text(node), {})

    def _remember(self, node):
        match node:
            case tree.Column(name):
                return self._last(node, name, cell(self.row, name), counts=True, stale_s=STALE_S[name])
            case tree.Last(kind, name):
                of_kind = self.row["kind"] == kind
                own = cell(self.row, name) if of_kind else None
                return self._last(node, name, None, counts=of_kind, stale_s=COLUMN[name].stale_after_s, offered=own)
            case tree.OfKind("age", kind):
                slot = self._slot(node)
                if self.row["kind"] == kind:
                    slot["at"] = self.row["arrival_ms"]
                return exactly(self.row["arrival_ms"] - slot["at"]) if "at" in slot else None
            case tree.OfKind("after", kind):
                return self._after(node, kind)
            case tree.Call("since", of):
                return self._since(node, of)
            case tree.Call(function, of):
                return self._previous(node, of, function)
        raise TypeError(node)

    def _last(self, node, name, own, *, counts, stale_s, offered=None):
        slot = self._slot(node)
        fresh = own if own is not None else offered
        if counts and fresh is not None and not self.late:
            slot["value"], slot["at"] = fresh, self.now
        if own is not None:
            return self._typed(name, own)
        if "value" not in slot or (stale_s is not None and abs(self.now - slot["at"]) > stale_s * 1000):
            return None
        return self._typed(name, slot["value"])

    def _typed(self, name, value):
        column = COLUMN[name]
        if value is None:
            return None
        if column.words is not None:
            return column.words(value).name.lower()
        return value == 1 if column.dtype.kind == "i" else exactly(value)

    def _after(self, node, kind):
        slot = self._slot(node)
        if self.row["kind"] == kind and not self.late:
            slot["at"] = None if self.row.get("cancelled") == 1 else self.now
        at = slot.get("at")
        return None if at is None or at > self.now else exactly(self.now - at)

    def _since(self, node, of):
        slot, truth = self._slot(node), self.truth(of)
        if not self.late and self.row["kind"] in kinds(of) and truth is not None:
            slot.setdefault("known_at", self.now)
            if truth:
                slot["true_at"] = self.now
        if "true_at" in slot:
            return exactly(max(0, self.now - slot["true_at"]))
        if "known_at" in slot:
            return (float(max(0, self.now - slot["known_at"])), math.inf)
        return None

    def _previous(self, node, of, function):
        slot, value = self._slot(node), single(self.number(of))
        before, at = slot.get("value"), slot.get("at")
        if not self.late and self.row["kind"] in kinds(of) and value is not None:
            slot["value"], slot["at"] = value, self.now
        if function == "previous":
            return exactly(before)
        if value is None or before is None:
            return None
        if function == "delta":
            return exactly(value - before)
        minutes = (self.now - at) / 60_000
        return exactly((value - before) / minutes) if minutes > 0 else None

    def truth(self, node):  # noqa: C901, PLR0911 - one line a kind of node
        match node:
            case tree.Not(of):
                truth = self.truth(of)
                return None if truth is None else not truth
            case tree.All(parts):
                truths = [self.truth(part) for part in parts]
                return False if False in truths else None if None in truths else True
            case tree.Some(parts):
                truths = [self.truth(part) for part in parts]
                return True if True in truths else None if None in truths else False
            case tree.Compare(sign, left, right):
                return self._compare(sign, left, right)
            case tree.OneOf(of, among):
                value = self.any(of)
                return None if value is None else any(value == self.any(each) for each in among)
            case tree.Call("maybe", of):
                return self.truth(of) is not False
            case tree.Call("unknown", of):
                return self.any(of) is None
            case tree.OnKind(kind):
                return self.row["kind"] == kind
            case tree.Fact(name):
                fact = self.person.facts.get(name)
                return None if fact is None else fact > 0
            case tree.Choice(test, yes, no):
                decided = self.truth(test)
                return None if decided is None else self.truth(yes if decided else no)
            case tree.Column(name) if name not in CARRIED:
                return self._typed(name, self.row.get(name))
        return self.known[tree.text(node)]

    def _compare(self, sign, left, right):  # noqa: PLR0911 - one line a sign
        a, b = self.any(left), self.any(right)
        if a is None or b is None:
            return None
        if isinstance(a, str):
            return (a == b) == (sign == "==")
        (a_low, a_high), (b_low, b_high) = a, b
        match sign:
            case "<":
                return True if a_high < b_low else False if a_low >= b_high else None
            case "<=":
                return True if a_high <= b_low else False if a_low > b_high else None
            case ">":
                return self._compare("<", right, left)
            case ">=":
                return self._compare("<=", right, left)
        same = True if a_low == a_high == b_low == b_high else False if a_high < b_low or a_low > b_high else None
        return same if sign == "==" or same is None else not same

    def any(self, node):
        if isinstance(node, tree.Word):
            return node.value
        if isinstance(node, (tree.Number, tree.Limit, tree.Calendar, tree.Arithmetic)):
            return self.number(node)
        if isinstance(node, tree.Column) and node.name not in CARRIED:
            return self._typed(node.name, self.row.get(node.name))
        if tree.text(node) in self.known:
            return self.known[tree.text(node)]
        return self.number(node) if isinstance(node, tree.Choice) else self.truth(node)

    def number(self, node):  # noqa: PLR0911 - one line a kind of node
        match node:
            case tree.Number(value):
                return exactly(value)
            case tree.Limit(name):
                return exactly(self.person.limits.get(name, self.limits[name]))
            case tree.Calendar(name):
                local = datetime.fromtimestamp(self.row["event_ms"] / 1000, self.zone)
                minute = local.hour * 60 + local.minute
                return exactly({"local_hour": local.hour, "local_minute": minute, "weekday": local.weekday()}[name])
            case tree.Arithmetic(sign, left, right):
                a, b = single(self.number(left)), single(self.number(right))
                if a is None or b is None or (sign == "/" and b == 0):
                    return None
                return exactly({"+": a + b, "-": a - b, "*": a * b}[sign] if sign != "/" else a / b)
            case tree.Choice(test, yes, no):
                decided = self.truth(test)
                return None if decided is None else exactly(single(self.number(yes if decided else no)))
        return self.any(node)


def exactly(value):
    return None if value is None else (float(value), float(value))


def single(number):
    return None if number is None or number[0] != number[1] else number[0]


def kinds(node):
    """Kinds on which everything named in a remembered condition can be known."""
    found = set(Kind)
    for part in tree.walk(node):
        if isinstance(part, tree.Column) and part.name not in CARRIED:
            found &= set(COLUMN[part.name].kinds)
    return found


def memories(node):
    """Every part that remembers, innermost first."""
    for child in tree.children(node):
        yield from memories(child)
    remembers = isinstance(node, (tree.Last, tree.OfKind)) or (
        isinstance(node, tree.Call) and node.function not in ("maybe", "unknown")
    )
    if remembers or (isinstance(node, tree.Column) and node.name in CARRIED):
        yield node
