"""Expressions as trees: what `language` parses, `check` types, the engine evaluates.

`where` is the (line, column) of a node within its expression; it takes no part in comparing two trees.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.reading import Kind


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression."""

    where: tuple[int, int] = field(default=(1, 0), compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A constant; a duration is one in milliseconds."""

    value: float
    is_duration: bool = False


@dataclass(frozen=True, slots=True)
class Word(Node):
    """A constant of a closed set of words."""

    value: str


@dataclass(frozen=True, slots=True)
class Column(Node):
    """A column of this reading; battery, worn and charging as last known."""

    name: str


@dataclass(frozen=True, slots=True)
class Last(Node):
    """`last.kind.column`: a column as last known from another kind of reading."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Limit(Node):
    """`limit.x`: the person's own, or the default."""

    name: str
    is_duration: bool = False


@dataclass(frozen=True, slots=True)
class Fact(Node):
    """`watch.x`: a fact of the watch's profile."""

    name: str


@dataclass(frozen=True, slots=True)
class Calendar(Node):
    """`local_hour`, `local_minute`, `weekday` of the event in the site's zone."""

    name: str


@dataclass(frozen=True, slots=True)
class OnKind(Node):
    """`on_fall`: this reading is of the kind."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class OfKind(Node):
    """`age(kind)` or `after(kind)`."""

    function: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class OfHome(Node):
    """`distance(home)` or `outside(home)`."""

    function: str


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`since`, `maybe`, `unknown`, `previous`, `delta`, `rate` of an expression."""

    function: str
    of: Node


@dataclass(frozen=True, slots=True)
class Not(Node):
    """`not of`."""

    of: Node


@dataclass(frozen=True, slots=True)
class All(Node):
    """`a and b ...`."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Some(Node):
    """`a or b ...`."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """`left < right`; the sign is one of < <= > >= == !=."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class OneOf(Node):
    """`of in (a, b)`."""

    of: Node
    among: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """`left + right`; the sign is one of + - * /."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """`yes if test else no`."""

    test: Node
    yes: Node
    no: Node


def children(node: Node) -> Iterator[Node]:
    """The parts of a node, left to right."""
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (part for part in value if isinstance(part, Node))


def walk(node: Node) -> Iterator[Node]:
    """The node and everything within it."""
    yield node
    for child in children(node):
        yield from walk(child)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _duration(value_ms: float) -> str:
    for name, size_ms in (("hour", 3_600_000), ("minute", 60_000), ("second", 1000)):
        if value_ms and value_ms % size_ms == 0:
            return f"{_number(value_ms / size_ms)} * {name}"
    return f"{_number(value_ms / 1000)} * second"


def text(node: Node) -> str:  # noqa: C901, PLR0911, PLR0912 - one line a kind of node is the table it looks like
    """The canonical text: equal for equal trees, and valid as an expression."""
    match node:
        case Number(value, is_duration):
            return _duration(value) if is_duration else _number(value)
        case Word(value):
            return f'"{value}"'
        case Column(name) | Calendar(name):
            return name
        case Last(kind, name):
            return f"last.{kind.topic}.{name}"
        case Limit(name):
            return f"limit.{name}"
        case Fact(name):
            return f"watch.{name}"
        case OnKind(kind):
            return f"on_{kind.topic}"
        case OfKind(function, kind):
            return f"{function}({kind.topic})"
        case OfHome(function):
            return f"{function}(home)"
        case Call(function, of):
            return f"{function}({text(of)})"
        case Not(of):
            return f"not {_inner(of)}"
        case All(parts):
            return " and ".join(_inner(part) for part in parts)
        case Some(parts):
            return " or ".join(_inner(part) for part in parts)
        case Compare(sign, left, right) | Arithmetic(sign, left, right):
            return f"{_inner(left)} {sign} {_inner(right)}"
        case OneOf(of, among):
            return f"{_inner(of)} in ({''.join(text(each) + ', ' for each in among).rstrip()})"
        case Choice(test, yes, no):
            return f"{_inner(yes)} if {_inner(test)} else {_inner(no)}"
    raise TypeError(f"no text for {type(node).__name__}")


def _inner(node: Node) -> str:
    compound = isinstance(node, (All, Some, Compare, OneOf, Arithmetic, Choice, Not))
    return f"({text(node)})" if compound or (isinstance(node, Number) and node.is_duration) else text(node)
