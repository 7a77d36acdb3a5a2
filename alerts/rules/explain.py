"""Why a rule fired, and why it did not: each term true, false or unknown, with its values, and what was still missing.

The log is run again for the one watch; a reading alone means what it means among others, so nothing else is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from alerts.engine.apply import apply, new_state
from alerts.engine.conditions import Conditions
from alerts.engine.frame import Frame
from alerts.engine.last_where import NONE
from alerts.engine.levels import key_of
from alerts.rules import tree
from alerts.rules.check import inputs_of, type_of
from alerts.rules.rule import Mode, Rule
from alerts.rules.units import MINUTE_MS, SECOND_MS, Type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

    from alerts.engine.contract import Transition, Value
    from alerts.engine.settings import EngineSettings
    from alerts.engine.state import State
    from ingest.log.contract import Record

_NEWEST = 8


@dataclass(slots=True)
class _Seen:
    """What the run found: the last reading the rule looked at, and what was told of it."""

    terms: list[str]
    read_ms: int
    transitions: list[Transition]


def explain(
    rule: str, records: Iterable[Record], settings: EngineSettings, watch: int, time_ms: int, watch_id: str = ""
) -> str:
    """A page of text on `rule` and `watch` (index; `watch_id` is what people call it) as of log time `time_ms`.

    `records`: the log from far enough back for what the rule remembers, in order. KeyError if there is no such rule.
    """
    judged = settings.rules[settings.number[rule]] if rule in settings.number else settings.ruleset.rule(rule)
    state, seen = new_state(settings), _Seen([], NONE, [])
    for record in _of_watch(records, watch, time_ms):
        _look(record, state, settings, judged, seen)
        state, told = apply(state, record, settings)
        seen.transitions += [each for each in told if each.rule == rule and each.watch == watch]
    lines = [f"{judged.name} ({judged.severity}), watch {watch_id or watch}, as of {_clock(time_ms, settings.zone)}"]
    lines += [f"  {line}" for line in _standing(judged, state, settings, watch, seen)]
    lines += seen.terms
    lines += ["told:", *(f"  {_told(each, settings.zone)}" for each in seen.transitions[-_NEWEST:])]
    return "\n".join(lines if seen.transitions else [*lines, "  nothing"])


def _of_watch(records: Iterable[Record], watch: int, time_ms: int) -> Iterator[Record]:
    """The records up to a time with the readings of one watch, each reading in a record of its own."""
    log_ms = NONE
    for record in records:
        mine = record.readings.take(record.readings["watch"] == watch)
        for row in range(mine.rows):
            one = mine.take(np.array([row]))
            log_ms = max(log_ms, int(one["arrival_ms"][0]))
            if log_ms > time_ms:
                return
            yield replace(record, readings=one, log_time_ms=log_ms, deaf=record.deaf and row == 0)
        if record.log_time_ms > time_ms:
            return
        yield replace(record, readings=mine.take(np.empty(0, np.int64)), deaf=record.deaf and not mine.rows)
        log_ms = record.log_time_ms


def _look(record: Record, state: State, settings: EngineSettings, rule: Rule, seen: _Seen) -> None:
    """Work the rule's terms out at a reading it runs on, as the engine is about to."""
    readings = record.readings
    if not readings.rows or rule.on not in (None, int(readings["kind"][0])):
        return
    state.columns.grow(int(readings["watch"][0]) + 1)
    conditions = Conditions(
        Frame(readings, readings["arrival_ms"], readings["arrival_ms"], state.columns), state.columns, settings
    )
    seen.read_ms = int(conditions.frame.event[0])
    seen.terms = [
        f"at the reading of {_clock(seen.read_ms, settings.zone)}{' (late)' if conditions.frame.late[0] else ''}:"
    ]
    for name in ("when", "clear", "unless", "sooner"):
        node = getattr(rule, name)
        if node is not None:
            seen.terms += _terms(f"{name}: ", node, conditions, 1)


def _terms(label: str, node: tree.Node, conditions: Conditions, depth: int) -> Iterator[str]:
    truth = conditions.truth(conditions.settings.intern(node))
    word = "true" if truth.true[0] else "false" if truth.false[0] else "unknown"
    parts = node.parts if isinstance(node, (tree.All, tree.Some)) else ()
    told = ("all of" if isinstance(node, tree.All) else "one of") if parts else tree.text(node)
    values = "" if parts else ", ".join(f"{tree.text(leaf)} = {_value(leaf, conditions)}" for leaf in inputs_of(node))
    yield f"{'  ' * depth}{word:8}{label}{told}{f'   [{values}]' if values else ''}"
    for part in parts:
        yield from _terms("", part, conditions, depth + 1)


def _value(leaf: tree.Node, conditions: Conditions) -> str:
    value: Value = conditions.value(conditions.settings.intern(leaf), 0)
    if value is None:
        return "unknown"
    is_duration = type_of(leaf) is Type.DURATION and not isinstance(value, (bool, str))
    return (
        _length(float(value) * SECOND_MS) if is_duration else f"{value:g}" if isinstance(value, float) else str(value)
    )


def _standing(rule: Rule, state: State, settings: EngineSettings, watch: int, seen: _Seen) -> Iterator[str]:
    """The state, and what is still missing."""
    if seen.read_ms == NONE:
        yield "no reading that it runs on has come"
        return
    if rule.mode is not Mode.LEVEL:
        last = seen.transitions[-1] if seen.transitions else None
        yield "inactive" if last is None else f"{last.change} since {_clock(last.at_ms, settings.zone)}"
        return
    key = key_of(np.array([watch]), np.array([settings.number[rule.name]]))
    held = {name: int(values[0]) for name, values in state.levels.read(key).items()}
    if held["alert"] != NONE:
        yield f"firing, started {_clock(held['alert'], settings.zone)}"
        if held["clear_start"] != NONE:
            yield _of("clear for", held["clear_last"] - held["clear_start"], rule.clear_hold_ms)
    elif held["set_start"] != NONE:
        yield f"pending since {_clock(held['set_start'], settings.zone)}"
        yield _of("held", held["set_last"] - held["set_start"], rule.hold_ms)
    else:
        yield "inactive"


def _of(what: str, lasted_ms: int, wanted_ms: int) -> str:
    return f"{what} {_length(lasted_ms)} of {_length(wanted_ms)}"


def _told(each: Transition, zone: ZoneInfo) -> str:
    values = ", ".join(f"{name} {'unknown' if value is None else value}" for name, value in each.inputs.items())
    return f"{_clock(each.at_ms, zone)} {each.change} ({each.why}){' late' if each.late else ''}  {values}".rstrip()


def _length(length_ms: float) -> str:
    minutes, rest_ms = divmod(length_ms, MINUTE_MS)
    seconds = f"{rest_ms / SECOND_MS:g} s"
    return seconds if not minutes else f"{minutes:g} min" if not rest_ms else f"{minutes:g} min {seconds}"


def _clock(time_ms: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(time_ms / SECOND_MS, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"
