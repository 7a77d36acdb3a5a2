"""Types of expressions, and the kind of reading on which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.rules import names, tree
from alerts.rules.problems import ExpressionError, nearest
from alerts.rules.units import Type
from ingest.reading import ALL_KINDS, COLUMN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from ingest.reading import Kind


def _fail(node: tree.Node, what: str, remedy: str) -> NoReturn:
    raise ExpressionError(what, remedy, node.where)


def type_of(node: tree.Node) -> Type:  # noqa: C901, PLR0911, PLR0912 - one line a kind of node is the table it looks like
    """The type of an expression, every part of it checked. Raises ExpressionError at the wrong part."""
    match node:
        case tree.Number(_, is_duration) | tree.Limit(_, is_duration):
            return Type.DURATION if is_duration else Type.NUMBER
        case tree.Word():
            return Type.WORD
        case tree.Column(name) | tree.Last(_, name):
            return names.type_of_column(COLUMN[name])
        case tree.Fact(name):
            return names.FACTS[name]
        case tree.Calendar():
            return Type.NUMBER
        case tree.OnKind():
            return Type.TRUTH
        case tree.OfKind():
            return Type.DURATION
        case tree.OfHome(function):
            return names.HOME_FUNCTIONS[function]
        case tree.Call(function, of):
            return _type_of_call(node, function, type_of(of))
        case tree.Not(of):
            _want(of, Type.TRUTH)
            return Type.TRUTH
        case tree.All(parts) | tree.Some(parts):
            for part in parts:
                _want(part, Type.TRUTH)
            return Type.TRUTH
        case tree.Compare():
            return _type_of_comparison(node)
        case tree.OneOf(of, among):
            for each in among:
                _same(tree.Compare("==", of, each, where=node.where))
            return Type.TRUTH
        case tree.Arithmetic():
            return _type_of_arithmetic(node)
        case tree.Choice(test, yes, no):
            _want(test, Type.TRUTH)
            if type_of(yes) is not type_of(no) or type_of(yes) is Type.WORD:
                _fail(node, f"yields {type_of(yes).value} or {type_of(no).value}", "let both sides be of one type")
            return type_of(yes)
    raise TypeError(f"no type for {type(node).__name__}")


def _want(node: tree.Node, wanted: Type) -> None:
    found = type_of(node)
    if found is not wanted:
        _fail(node, f"{tree.text(node)} is {found.value}, wanted {wanted.value}", "compare it with something")


def _type_of_call(node: tree.Node, function: str, of: Type) -> Type:
    if function == "unknown":
        return Type.TRUTH
    wanted = Type.TRUTH if function in names.TRUTH_FUNCTIONS else Type.NUMBER
    if of is not wanted:
        _fail(node, f"{function} wants {wanted.value}, {of.value} is given", f"write {function} of {wanted.value}")
    return names.TRUTH_FUNCTIONS.get(function, Type.NUMBER)


def _type_of_comparison(node: tree.Compare) -> Type:
    of = _same(node)
    if of is Type.TRUTH:
        _fail(node, "booleans are not compared", "write `x` or `not x`")
    if of is Type.WORD and node.sign not in ("==", "!="):
        _fail(node, "words have no order", "use == or !=")
    return Type.TRUTH


def _same(node: tree.Compare) -> Type:
    left, right = type_of(node.left), type_of(node.right)
    if left is not right:
        remedy = "a duration is written 10 * minute" if Type.DURATION in (left, right) else "compare like with like"
        _fail(node, f"{left.value} is compared with {right.value}", remedy)
    for word, other in ((node.left, node.right), (node.right, node.left)):
        if isinstance(word, tree.Word):
            _check_word(word, other)
    return left


def _check_word(word: tree.Word, other: tree.Node) -> None:
    if not isinstance(other, (tree.Column, tree.Last)):
        _fail(word, "a word is compared with a column only", "name the column")
    known = names.words_of_column(other.name)
    if word.value not in known:
        _fail(word, f"{other.name} is never {word.value!r}", nearest(word.value, known))


def _type_of_arithmetic(node: tree.Arithmetic) -> Type:
    left, right = type_of(node.left), type_of(node.right)
    kinds = (left, right)
    if Type.TRUTH in kinds or Type.WORD in kinds:
        _fail(node, f"{left.value} {node.sign} {right.value} means nothing", "calculate with numbers")
    if left is right:
        if node.sign == "*" and left is Type.DURATION:
            _fail(node, "a duration times a duration means nothing", "multiply by a number")
        return Type.NUMBER if node.sign == "/" else left
    if node.sign == "*" or (node.sign == "/" and left is Type.DURATION):
        return Type.DURATION
    _fail(node, f"{left.value} {node.sign} {right.value} means nothing", "a duration is written 10 * minute")


def kinds_of(node: tree.Node) -> tuple[Kind, ...]:
    """The kinds of reading that carry every column named, in the enum's order; all if none narrows it.

    What is within `since`, `previous`, ... is remembered from whatever kind carries it, so it narrows only where
    nothing outside does.
    """
    outside = _narrowed(node, within_memory=False)
    return outside if len(outside) < len(ALL_KINDS) else _narrowed(node, within_memory=True)


def _narrowed(node: tree.Node, *, within_memory: bool) -> tuple[Kind, ...]:
    kinds = set(ALL_KINDS)
    for part in _seen_from(node, within_memory=within_memory):
        if isinstance(part, tree.Column):
            kinds &= set(names.kinds_of_column(part.name))
        elif isinstance(part, tree.OfHome):
            kinds &= set(COLUMN["lat"].kinds)
    return tuple(sorted(kinds))


def _seen_from(node: tree.Node, *, within_memory: bool) -> Iterator[tree.Node]:
    yield node
    if within_memory or not _is_memory(node):
        for child in tree.children(node):
            yield from _seen_from(child, within_memory=within_memory)


def _is_memory(node: tree.Node) -> bool:
    return isinstance(node, tree.Call) and node.function not in ("maybe", "unknown")


def kinds_named(node: tree.Node) -> tuple[Kind, ...]:
    """As `kinds_of`; an `on_fall` that every way through must pass narrows it too."""
    kinds = set(kinds_of(node))
    for part in node.parts if isinstance(node, tree.All) else (node,):
        if isinstance(part, tree.OnKind):
            kinds &= {part.kind}
    return tuple(sorted(kinds))


def states_of(node: tree.Node) -> list[tree.Node]:
    """The parts that remember something from reading to reading, innermost first, each once."""
    found: dict[str, tree.Node] = {}
    for child in tree.children(node):
        for state in states_of(child):
            found.setdefault(tree.text(state), state)
    remembers = isinstance(node, (tree.Last, tree.OfKind)) or _is_memory(node)
    if remembers or (isinstance(node, tree.Column) and node.name in names.CARRIED):
        found.setdefault(tree.text(node), node)
    return list(found.values())


def inputs_of(node: tree.Node) -> list[tree.Node]:
    """The names in an expression whose values tell why it held, each once, in order of appearance."""
    is_leaf = isinstance(
        node,
        (tree.Column, tree.Last, tree.Limit, tree.Fact, tree.Calendar, tree.OfKind, tree.OfHome),
    )
    if is_leaf or _is_memory(node):
        return [node]
    found: dict[str, tree.Node] = {}
    for child in tree.children(node):
        for leaf in inputs_of(child):
            found.setdefault(tree.text(leaf), leaf)
    return list(found.values())
