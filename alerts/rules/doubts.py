"""What is allowed and yet hardly meant: rules that can never be true, or whose hold outruns the sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.rules import tree
from alerts.rules.units import MINUTE_MS
from ingest.reading import COLUMN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alerts.rules.rule import Rule

_USUAL_INTERVAL_MS = MINUTE_MS
_MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def doubts(rule: Rule, limits: Mapping[str, float]) -> Iterator[tuple[str, str, str]]:
    """(key, what, remedy) of each doubt about a rule. `limits`: the defaults."""
    if rule.when is not None and _is_never(rule.when, limits):
        yield "when", "can never be true", "compare with a value that the column can have (see its range)"
    if 0 < rule.hold_ms < _USUAL_INTERVAL_MS:
        yield "hold", "shorter than a watch samples: two readings confirm it at the earliest", "make it 1 min or more"
    if 0 < rule.max_gap_ms < _USUAL_INTERVAL_MS:
        yield "max_gap", "shorter than a watch samples: no run can last", "leave it out, or write '3 intervals'"


def _is_never(node: tree.Node, limits: Mapping[str, float]) -> bool:
    match node:
        case tree.All(parts):
            return any(_is_never(part, limits) for part in parts)
        case tree.Some(parts):
            return all(_is_never(part, limits) for part in parts)
        case tree.Compare(sign, tree.Column(name), other) if sign in _MIRROR:
            return _is_out_of_range(sign, name, _constant(other, limits))
        case tree.Compare(sign, other, tree.Column(name)) if sign in _MIRROR:
            return _is_out_of_range(_MIRROR[sign], name, _constant(other, limits))
    return False


def _constant(node: tree.Node, limits: Mapping[str, float]) -> float | None:
    match node:
        case tree.Number(value):
            return value
        case tree.Limit(name):
            return limits[name]
    return None


def _is_out_of_range(sign: str, name: str, value: float | None) -> bool:
    column = COLUMN[name]
    if value is None or column.low is None or column.high is None:
        return False
    match sign:
        case "<":
            return value <= column.low
        case "<=":
            return value < column.low
        case ">":
            return value >= column.high
        case _:
            return value > column.high
