"""Transitions made from what the stages find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.engine.contract import Change, Transition, Why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.engine.conditions import Conditions
    from alerts.engine.contract import Value
    from alerts.engine.settings import EngineSettings
    from alerts.rules.rule import Rule


class Edges:
    """Gathers the transitions of one record; `conditions` are those of the batch at hand."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._found: list[Transition] = []

    def at_row(  # noqa: PLR0913 - a transition has so many parts
        self,
        rule: Rule,
        change: Change,
        why: Why,
        started_ms: int,
        conditions: Conditions,
        row: int,
        *,
        late: bool = False,
        reopened: bool = False,
        due_ms: int = -1,
    ) -> None:
        """A change that a reading brought: the frame's `row`."""
        frame = conditions.frame
        self.add(
            rule,
            change,
            why,
            int(frame.watch[row]),
            started_ms=started_ms,
            at_ms=int(frame.log[row]),
            event_ms=int(frame.event[row]),
            arrival_ms=int(frame.arrival[row]),
            inputs=self.inputs(rule, conditions, row),
            late=late,
            reopened=reopened,
            due_ms=due_ms,
        )

    def add(  # noqa: PLR0913 - a transition has so many parts
        self,
        rule: Rule,
        change: Change,
        why: Why,
        watch: int,
        *,
        started_ms: int,
        at_ms: int,
        event_ms: int = -1,
        arrival_ms: int = -1,
        inputs: Mapping[str, Value] | None = None,
        late: bool = False,
        reopened: bool = False,
        due_ms: int = -1,
    ) -> None:
        """A change of any origin."""
        self._found.append(
            Transition(
                watch=watch,
                rule=rule.name,
                change=change,
                why=why,
                severity=rule.severity,
                started_ms=started_ms,
                at_ms=at_ms,
                event_ms=event_ms,
                arrival_ms=arrival_ms,
                rule_version=rule.version,
                message=rule.message,
                late=late,
                reopened=reopened,
                shadow=rule.shadow,
                due_ms=due_ms,
                inputs=inputs or {},
            )
        )

    def inputs(self, rule: Rule, conditions: Conditions, row: int) -> dict[str, Value]:
        """Every name in the rule with its value at a row."""
        nodes = self._settings.inputs[self._settings.number[rule.name]]
        return {self._settings.text(node): conditions.value(node, row) for node in nodes}

    def ordered(self) -> list[Transition]:
        """By (log time, watch, rule); of one rule and watch at one time in the order in which they came about."""
        return sorted(self._found, key=lambda each: (each.at_ms, each.watch, each.rule))
