"""A settings version, compiled once for the engine."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from alerts.rules import tree
from alerts.rules.check import inputs_of, states_of
from alerts.rules.rule import Mode, Rule, RuleSet
from alerts.rules.rule_file import load_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.engine.contract import Person, SettingsDocument
    from alerts.engine.last_where import Real, Whole

NO_NUMBER = float("nan")


class EngineSettings:
    """Rules, people and place, as the engine needs them; the caller keeps one for each version.

    `states`: the expressions that remember something, innermost first. `inputs`: by rule, what its alerts say.
    Equal expressions are one object, so that each is worked out once a batch.
    """

    def __init__(self, document: SettingsDocument, ruleset: RuleSet) -> None:
        self.version = document.version
        self.zone = ZoneInfo(document.time_zone)
        self.deaf_gap_ms = document.deaf_gap_ms
        self.people = document.people
        self.ruleset = ruleset
        self._interned: dict[str, tree.Node] = {}
        self._texts: dict[int, str] = {}
        self.rules: tuple[Rule, ...] = tuple(self._with_shared_nodes(rule) for rule in ruleset.rules)
        self.number = {rule.name: index for index, rule in enumerate(self.rules)}
        self.states = self._all_states()
        self.inputs = tuple(self._all_inputs(rule) for rule in self.rules)
        self._dense: dict[str, Real] = {}

    @staticmethod
    def of(document: SettingsDocument) -> EngineSettings:
        """Compile a document. Raises RuleError if its rules are wrong."""
        return EngineSettings(document, load_rules(document.rules_toml, file="rules.toml"))

    def of_mode(self, mode: Mode) -> list[tuple[int, Rule]]:
        """(number, rule) of each rule of a mode."""
        return [(index, rule) for index, rule in enumerate(self.rules) if rule.mode is mode]

    def text(self, node: tree.Node) -> str:
        """Canonical text of a node of these rules."""
        return self._texts[id(node)]

    def intern(self, node: tree.Node) -> tree.Node:
        """The one object that stands for this expression here."""
        told = tree.text(node)
        if told not in self._interned:
            changed: dict[str, Any] = {}
            for each in fields(node):
                value = getattr(node, each.name)
                if isinstance(value, tree.Node):
                    changed[each.name] = self.intern(value)
                elif isinstance(value, tuple) and value and isinstance(value[0], tree.Node):
                    changed[each.name] = tuple(self.intern(part) for part in value)
            shared = replace(node, **changed)
            self._interned[told] = shared
            self._texts[id(shared)] = told
        return self._interned[told]

    def _with_shared_nodes(self, rule: Rule) -> Rule:
        nodes: dict[str, Any] = {
            name: self.intern(node)
            for name in ("when", "clear", "unless", "sooner")
            if (node := getattr(rule, name)) is not None
        }
        return replace(rule, **nodes)

    def _all_states(self) -> tuple[tree.Node, ...]:
        found: dict[str, tree.Node] = {}
        for rule in self.rules:
            for node in rule.expressions:
                for state in states_of(node):
                    shared = self.intern(state)
                    found.setdefault(self.text(shared), shared)
        return tuple(found.values())

    def _all_inputs(self, rule: Rule) -> tuple[tree.Node, ...]:
        node = rule.unless if rule.mode is Mode.ABSENT else rule.when
        return () if node is None else tuple(self.intern(leaf) for leaf in inputs_of(node))

    def limit(self, name: str, watch: Whole) -> Real:
        """A limit at each of `watch` (indices, shape (n,)): the person's, or the default. Durations in ms."""
        is_duration = name in self.ruleset.duration_limits

        def own(person: Person) -> float:
            value = person.limits.get(name, NO_NUMBER)
            return value * 1000.0 if is_duration else value  # people's durations are written in seconds

        return self._of_people(f"limit.{name}", watch, self.ruleset.limits[name], own)

    def fact(self, name: str, watch: Whole) -> Real:
        """A fact of the watch's profile, NaN where it is not known."""
        return self._of_people(f"watch.{name}", watch, NO_NUMBER, lambda person: person.facts.get(name, NO_NUMBER))

    def home(self, name: str, watch: Whole) -> Real:
        """`home_lat`, `home_lon`, `home_radius_m` of the wearer, NaN where it is not known."""
        return self._of_people(name, watch, NO_NUMBER, lambda person: float(getattr(person, name)))

    def _of_people(self, name: str, watch: Whole, default: float, own: Callable[[Person], float]) -> Real:
        wanted = int(watch.max(initial=-1)) + 1
        dense = self._dense.get(name)
        if dense is None or len(dense) < wanted:
            room = max(wanted, 2 * (0 if dense is None else len(dense)), 16)
            dense = np.full(room, default)
            for index, person in self.people.items():
                value = own(person)
                if index < room and not np.isnan(value):
                    dense[index] = value
            self._dense[name] = dense
        return dense[watch]
