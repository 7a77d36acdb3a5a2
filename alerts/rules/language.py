"""Text to tree: Python's syntax, of which only a whitelist is let through. Nothing is ever executed.

The whitelist: `and or not`, comparisons (chained too), `+ - * /`, numbers, names, `in` over a tuple of literals,
`a if c else b`, the functions of `names`, and `limit.x`, `watch.x`, `last.kind.column`.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alerts.rules import names, tree
from alerts.rules.problems import ExpressionError, nearest
from alerts.rules.units import DURATIONS
from ingest.reading import COLUMN, KIND_BY_TOPIC, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHARACTERS = 2000
MAX_DEPTH = 30
MAX_NODES = 500

_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a file defines: signals (already trees) and limits (name -> default; a duration is in ms)."""

    signals: Mapping[str, tree.Node] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    duration_limits: frozenset[str] = frozenset()


def parse(source: str, vocabulary: Vocabulary) -> tree.Node:
    """The tree of an expression, signals and built-in names put in place. Raises ExpressionError."""
    if len(source) > MAX_CHARACTERS:
        raise ExpressionError(f"longer than {MAX_CHARACTERS} characters", "split it into signals", (1, 0))
    try:
        body = ast.parse(f"({source}\n)", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        told = getattr(error, "msg", None) or str(error)
        where = _within(source, getattr(error, "lineno", None) or 1, (getattr(error, "offset", None) or 1) - 1)
        raise ExpressionError(f"not an expression: {told}", "write it as Python would", where) from error
    built = _Builder(source, vocabulary).build(body)
    count = sum(1 for _ in tree.walk(built))
    if count > MAX_NODES:
        raise ExpressionError(f"{count} terms, at most {MAX_NODES} are allowed", "split the rule in two", (1, 0))
    return built


def _within(source: str, line: int, column: int) -> tuple[int, int]:
    """A place that Python named, as one of the source: its end, if Python looked beyond it."""
    lines = source.split("\n")
    if line > len(lines):
        return len(lines), len(lines[-1])
    return line, max(0, column - (line == 1))


class _Builder:
    """Turns Python's nodes into ours, refusing what the whitelist does not name."""

    def __init__(self, source: str, vocabulary: Vocabulary) -> None:
        self._lines = re.split(r"\r\n|\r|\n", f"({source}")  # as Python counts lines
        self._vocabulary = vocabulary
        self._depth = 0

    def build(self, node: ast.expr) -> tree.Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong(node, f"nested deeper than {MAX_DEPTH}", "name a part of it as a signal")
        built = self._by_type(node)
        self._depth -= 1
        return built

    def _by_type(self, node: ast.expr) -> tree.Node:  # noqa: C901, PLR0911 - the whitelist itself, one line an entry
        where = self._where(node)
        match node:
            case ast.Constant(value):
                return self._constant(node, value)
            case ast.Name(name):
                return self._name(node, name)
            case ast.Attribute():
                return self._dotted(node)
            case ast.BoolOp(op, values):
                parts = tuple(self.build(value) for value in values)
                return tree.All(parts, where=where) if isinstance(op, ast.And) else tree.Some(parts, where=where)
            case ast.UnaryOp(ast.Not(), operand):
                return tree.Not(self.build(operand), where=where)
            case ast.UnaryOp(ast.USub(), operand):
                return self._negative(operand, where)
            case ast.BinOp(left, op, right) if type(op) in _ARITHMETIC:
                return self._arithmetic(_ARITHMETIC[type(op)], self.build(left), self.build(right), where)
            case ast.Compare(left, ops, comparators):
                return self._chain(node, left, ops, comparators)
            case ast.IfExp(test, body, orelse):
                return tree.Choice(self.build(test), self.build(body), self.build(orelse), where=where)
            case ast.Call():
                return self._call(node)
        raise self._wrong(
            node, f"{type(node).__name__} is not part of the rule language", "see the list in the rules' docs"
        )

    def _constant(self, node: ast.expr, value: object) -> tree.Node:
        if isinstance(value, str):
            return tree.Word(value, where=self._where(node))
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong(node, f"{value!r} is no number", "write a number or a word in quotes")
        if not math.isfinite(value) or abs(value) > 1e15:
            raise self._wrong(node, f"{value!r} is beyond all measure", "write a number below 1e15")
        return tree.Number(float(value), where=self._where(node))

    def _name(self, node: ast.expr, name: str) -> tree.Node:
        where = self._where(node)
        if name in self._vocabulary.signals:
            return self._vocabulary.signals[name]
        if name in names.COLUMN_NAMES:
            return tree.Column(name, where=where)
        if name in names.CALENDAR:
            return tree.Calendar(name, where=where)
        if name in DURATIONS:
            return tree.Number(float(DURATIONS[name]), is_duration=True, where=where)
        if name in names.BUILT_IN:
            return parse(names.BUILT_IN[name], Vocabulary())
        if name.startswith("on_") and name[3:] in KIND_BY_TOPIC:
            return tree.OnKind(KIND_BY_TOPIC[name[3:]], where=where)
        known = names.plain_names(tuple(self._vocabulary.signals))
        raise self._wrong(node, f"unknown name {name!r}", nearest(name, known))

    def _dotted(self, node: ast.Attribute) -> tree.Node:
        where = self._where(node)
        match node.value:
            case ast.Name("limit"):
                if node.attr not in self._vocabulary.limits:
                    raise self._wrong(node, f"unknown limit {node.attr!r}", nearest(node.attr, self._vocabulary.limits))
                return tree.Limit(node.attr, node.attr in self._vocabulary.duration_limits, where=where)
            case ast.Name("watch"):
                if node.attr not in names.FACTS:
                    raise self._wrong(node, f"unknown fact {node.attr!r} of a watch", nearest(node.attr, names.FACTS))
                return tree.Fact(node.attr, where=where)
            case ast.Attribute(ast.Name("last"), topic):
                return self._last(node, topic, node.attr)
        raise self._wrong(node, "no attribute but limit.x, watch.x, last.kind.column", "use one of these")

    def _last(self, node: ast.expr, topic: str, name: str) -> tree.Node:
        kind = self._kind(node, topic)
        if name not in names.COLUMN_NAMES or kind not in COLUMN[name].kinds:
            has = [each for each in names.COLUMN_NAMES if kind in COLUMN[each].kinds]
            raise self._wrong(node, f"a {topic} reading has no {name!r}", nearest(name, has))
        return tree.Last(kind, name, where=self._where(node))

    def _kind(self, node: ast.expr, topic: str) -> Kind:
        if topic not in KIND_BY_TOPIC:
            raise self._wrong(node, f"unknown kind {topic!r}", nearest(topic, KIND_BY_TOPIC))
        return KIND_BY_TOPIC[topic]

    def _negative(self, operand: ast.expr, where: tuple[int, int]) -> tree.Node:
        of = self.build(operand)
        if isinstance(of, tree.Number):
            return tree.Number(-of.value, of.is_duration, where=where)
        return tree.Arithmetic("-", tree.Number(0.0), of, where=where)

    def _arithmetic(self, sign: str, left: tree.Node, right: tree.Node, where: tuple[int, int]) -> tree.Node:
        if sign == "*" and isinstance(left, tree.Number) and isinstance(right, tree.Number):
            is_one_duration = left.is_duration != right.is_duration
            if is_one_duration:
                return tree.Number(left.value * right.value, is_duration=True, where=where)
        return tree.Arithmetic(sign, left, right, where=where)

    def _chain(self, node: ast.Compare, left: ast.expr, ops: list[ast.cmpop], comparators: list[ast.expr]) -> tree.Node:
        where = self._where(node)
        parts: list[tree.Node] = []
        before = left
        for op, after in zip(ops, comparators, strict=True):
            if isinstance(op, ast.In) and isinstance(after, ast.Tuple):
                parts.append(self._one_of(before, after))
            elif type(op) in _SIGNS:
                parts.append(tree.Compare(_SIGNS[type(op)], self.build(before), self.build(after), where=where))
            else:
                raise self._wrong(
                    node, f"{type(op).__name__} is not part of the rule language", "compare, or `in (a, b)`"
                )
            before = after
        return parts[0] if len(parts) == 1 else tree.All(tuple(parts), where=where)

    def _one_of(self, of: ast.expr, among: ast.Tuple) -> tree.Node:
        literals = tuple(self.build(each) for each in among.elts)
        if not literals or not all(isinstance(each, (tree.Number, tree.Word)) for each in literals):
            raise self._wrong(among, "`in` wants a tuple of literals", 'write it as in ("gps", "wifi")')
        return tree.OneOf(self.build(of), literals, where=self._where(of))

    def _call(self, node: ast.Call) -> tree.Node:
        function = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        if function not in names.FUNCTIONS:
            raise self._wrong(node, f"unknown function {function!r}", nearest(function, names.FUNCTIONS))
        if len(node.args) != 1 or node.keywords:
            raise self._wrong(node, f"{function} takes one argument", f"write {function}(x)")
        where, (argument,) = self._where(node), node.args
        if function in names.KIND_FUNCTIONS:
            topic = argument.id if isinstance(argument, ast.Name) else ast.unparse(argument)
            return tree.OfKind(function, self._kind(argument, topic), where=where)
        if function in names.HOME_FUNCTIONS:
            if not (isinstance(argument, ast.Name) and argument.id == "home"):
                raise self._wrong(argument, f"{function} knows one place", f"write {function}(home)")
            return tree.OfHome(function, where=where)
        return tree.Call(function, self.build(argument), where=where)

    def _where(self, node: ast.expr) -> tuple[int, int]:
        line = self._lines[node.lineno - 1].encode()[: node.col_offset].decode(errors="replace")
        return node.lineno, len(line) - (node.lineno == 1)

    def _wrong(self, node: ast.expr, what: str, remedy: str) -> ExpressionError:
        return ExpressionError(what, remedy, self._where(node))
