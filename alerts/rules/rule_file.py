"""The rule file: TOML to a checked `RuleSet`, every fault named with its place and remedy (RULES.md section 1)."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from alerts.rules import names, tree
from alerts.rules.check import type_of
from alerts.rules.doubts import doubts
from alerts.rules.given_table import faults_of_test, read_test
from alerts.rules.language import Vocabulary, parse
from alerts.rules.problems import ExpressionError, Problem, RuleError, nearest
from alerts.rules.rule import Rule, RuleSet, RuleTest
from alerts.rules.rule_table import RuleTable
from alerts.rules.units import duration_ms
from ingest.toml_places import Place, TomlPlaces

if TYPE_CHECKING:
    from collections.abc import Mapping

_TABLES = ("limit", "signal", "rule", "test")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def load_rules(text: str, *, file: str, messages: frozenset[str] | None = None) -> RuleSet:
    """The rule set that `text` writes. `file` is its name in what is said; `messages`: the catalogues' keys, if known.

    Raises
    ------
    RuleError
        With every problem found: file, line, column, what is wrong, and the remedy.
    """
    return _RuleFile(text, file, messages).load()


class _RuleFile:
    """One reading of one file; gathers problems instead of stopping at the first."""

    def __init__(self, text: str, file: str, messages: frozenset[str] | None) -> None:
        self._file = file
        self._messages = messages
        self._places = TomlPlaces(text)
        self._problems: list[Problem] = []
        self._document = self._parse(text)

    def _parse(self, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            self.problem(self._places.error(error), f"not TOML: {error}", "see toml.io for how it is written")
            raise RuleError(self._problems) from error

    def problem(self, place: Place, what: str, remedy: str) -> None:
        """Note a fault."""
        self._problems.append(
            Problem(self._file, place.line, place.column, what, remedy, self._places.source(place)),
        )

    def load(self) -> RuleSet:
        for name in self._document:
            if name not in _TABLES:
                self.problem(self._places.table(name, 0), f"unknown table {name!r}", nearest(name, _TABLES))
        self._check_shapes()
        vocabulary = self._vocabulary()
        rules = self._rules(vocabulary)
        tests = self._tests(rules)
        if self._problems:
            raise RuleError(sorted(self._problems, key=lambda each: (each.line, each.column)))
        warnings = tuple(
            Problem(self._file, place.line, place.column, what, remedy, self._places.source(place))
            for index, rule in enumerate(rules)
            for key, what, remedy in doubts(rule, vocabulary.limits)
            for place in (self._places.key("rule", index, key),)
        )
        return RuleSet(self._file, rules, vocabulary.limits, vocabulary.duration_limits, tests, warnings)

    def _check_shapes(self) -> None:
        """[limit] and [signal] are tables, [[rule]] and [[test]] lists of tables; what is not is named and left out."""
        for name in ("limit", "signal"):
            if not isinstance(self._document.get(name, {}), dict):
                self.problem(
                    self._places.key("", 0, name), f"{name} is no table", f"write [{name}] on a line of its own"
                )
                del self._document[name]
        for name in ("rule", "test"):
            entries = self._document.get(name, [])
            if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
                place = self._places.table(name, 0)
                self.problem(place, f"{name} is no list of tables", f"write [[{name}]] before each")
                del self._document[name]

    def _vocabulary(self) -> Vocabulary:
        limits, durations = self._limits()
        signals: dict[str, tree.Node] = {}
        for name, source in self._document.get("signal", {}).items():
            place = self._places.key("signal", 0, name)
            if not _NAME.fullmatch(name) or name in names.plain_names(()):
                self.problem(place, f"{name!r} cannot name a signal", "take a name that is not in use: a-z, 0-9, _")
            node = self.expression("signal", 0, name, source, Vocabulary(signals, limits, durations))
            if node is not None:
                signals[name] = node
        return Vocabulary(signals, limits, durations)

    def _limits(self) -> tuple[Mapping[str, float], frozenset[str]]:
        limits: dict[str, float] = {}
        durations: set[str] = set()
        for name, value in self._document.get("limit", {}).items():
            length_ms = duration_ms(value) if isinstance(value, str) else None
            if length_ms is not None:
                limits[name] = float(length_ms)
                durations.add(name)
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                limits[name] = float(value)
            else:
                place = self._places.key("limit", 0, name)
                self.problem(place, f"limit {name} = {value!r}", "write a number, or a duration as in '2 min'")
        return limits, frozenset(durations)

    def expression(self, table: str, index: int, key: str, source: object, vocabulary: Vocabulary) -> tree.Node | None:
        """Parse and type the expression of a key; None after noting what is wrong with it."""
        if not isinstance(source, str):
            self.problem(self._places.key(table, index, key), f"{key} = {source!r}", "write an expression in quotes")
            return None
        try:
            node = parse(source, vocabulary)
            type_of(node)
        except ExpressionError as error:
            self.problem(self._places.within(table, index, key, error.where), error.what, error.remedy)
            return None
        return node

    def _rules(self, vocabulary: Vocabulary) -> tuple[Rule, ...]:
        rules: list[Rule] = []
        for index, entry in enumerate(self._document.get("rule", [])):
            table = RuleTable(entry, index, self, self._places, vocabulary, self._messages)
            rule = table.rule()
            if rule is None:
                continue
            if any(rule.name == other.name for other in rules):
                self.problem(self._places.key("rule", index, "name"), f"a second rule {rule.name!r}", "rename one")
            rules.append(rule)
        return tuple(rules)

    def _tests(self, rules: tuple[Rule, ...]) -> tuple[RuleTest, ...]:
        tests = []
        for index, entry in enumerate(self._document.get("test", [])):
            faults = list(faults_of_test(entry, [rule.name for rule in rules] if not self._problems else None))
            for key, what, remedy in faults:
                self.problem(self._places.key("test", index, key), what, remedy)
            if not faults:
                tests.append(read_test(entry, self._places.table("test", index).line))
        return tuple(tests)
