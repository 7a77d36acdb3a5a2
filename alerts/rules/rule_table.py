"""One `[[rule]]` table: its keys checked one by one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from alerts.engine.contract import Severity
from alerts.rules import tree
from alerts.rules.check import kinds_named, type_of
from alerts.rules.problems import nearest
from alerts.rules.rule import (
    DEFAULT_EXPIRE_MS,
    DEFAULT_INTERVALS,
    DEFAULT_REOPEN_WITHIN_MS,
    Mode,
    Rule,
    version_of,
)
from alerts.rules.units import Type, duration_ms, intervals
from ingest.reading import KIND_BY_TOPIC, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.rules.language import Vocabulary
    from ingest.toml_places import Place, TomlPlaces

_ALWAYS = ("name", "severity", "message", "shadow", "can_wait", "expire", "reopen_within", "event", "absent")
KEYS = {
    Mode.LEVEL: (*_ALWAYS, "when", "on", "hold", "max_gap", "clear", "clear_hold"),
    Mode.EVENT: (*_ALWAYS, "when", "on", "wait", "unless", "sooner", "same_within"),
    Mode.ABSENT: (*_ALWAYS, "wait", "unless"),
}
_RULE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class _File(Protocol):
    def problem(self, place: Place, what: str, remedy: str) -> None: ...

    def expression(
        self, table: str, index: int, key: str, source: object, vocabulary: Vocabulary
    ) -> tree.Node | None: ...


class RuleTable:
    """The `index`-th rule of a file; problems go to the file."""

    def __init__(
        self,
        entry: Mapping[str, Any],
        index: int,
        file: _File,
        places: TomlPlaces,
        vocabulary: Vocabulary,
        messages: frozenset[str] | None,
    ) -> None:
        self._entry = entry
        self._index = index
        self._file = file
        self._places = places
        self._vocabulary = vocabulary
        self._messages = messages
        self._is_good = True

    def rule(self) -> Rule | None:
        """The rule, or None after its problems were noted."""
        mode = self._mode()
        for key in self._entry:
            if key not in KEYS[mode]:
                self._unfit(key, mode)
        built = Rule(
            name=self._name(),
            severity=self._severity(),
            message=self._message(),
            mode=mode,
            on=None,
            hold_ms=self._duration("hold", 0),
            clear_hold_ms=self._duration("clear_hold", 0),
            wait_ms=self._duration("wait", 0),
            same_within_ms=self._duration("same_within", 0),
            expire_ms=self._duration("expire", DEFAULT_EXPIRE_MS),
            reopen_within_ms=self._duration("reopen_within", DEFAULT_REOPEN_WITHIN_MS),
            shadow=self._flag("shadow"),
            can_wait=self._flag("can_wait"),
            **self._max_gap(),
            **self._expressions(mode),
        )
        if mode is Mode.ABSENT and built.wait_ms <= 0 and self._is_good:
            self._problem("absent", "an absent rule without wait", "say how long a silence may last: wait = '30 min'")
        built = replace(built, on=self._on(mode, built.when))
        return replace(built, version=version_of(built, self._vocabulary.limits)) if self._is_good else None

    def _problem(self, key: str, what: str, remedy: str) -> None:
        self._is_good = False
        self._file.problem(self._places.key("rule", self._index, key), what, remedy)

    def _unfit(self, key: str, mode: Mode) -> None:
        elsewhere = any(key in keys for keys in KEYS.values())
        told = f"{key!r} does not fit {mode.value} rules" if elsewhere else f"unknown key {key!r}"
        self._problem(key, told, nearest(key, KEYS[mode]))

    def _mode(self) -> Mode:
        if "absent" in self._entry:
            return Mode.ABSENT
        return Mode.EVENT if self._flag("event") else Mode.LEVEL

    def _name(self) -> str:
        name = self._entry.get("name", "")
        if not isinstance(name, str) or not _RULE_NAME.fullmatch(name):
            self._problem("name", f"a rule named {name!r}", "name it by 1 to 64 of a-z, 0-9 and _")
        return str(name)

    def _severity(self) -> Severity:
        wanted = self._entry.get("severity")
        known = [each.value for each in Severity]
        if wanted not in known:
            told = "no severity" if wanted is None else f"unknown severity {wanted!r}"
            self._problem("severity", told, nearest(str(wanted), known))
            return Severity.NOTICE
        return Severity(wanted)

    def _message(self) -> str:
        message = self._entry.get("message", self._entry.get("name", ""))
        if self._messages is not None and message not in self._messages:
            self._problem("message", f"no message {message!r} in the catalogues", nearest(str(message), self._messages))
        return str(message)

    def _duration(self, key: str, default_ms: int) -> int:
        if key not in self._entry:
            return default_ms
        written = self._entry[key]
        found = duration_ms(written) if isinstance(written, str) else None
        if found is None:
            self._problem(key, f"{key} = {written!r} is no duration", "write it as in '30 s', '10 min', '12 h'")
            return default_ms
        return found

    def _flag(self, key: str) -> bool:
        value = self._entry.get(key, False)
        if not isinstance(value, bool):
            self._problem(key, f"{key} = {value!r}", "write true or false")
            return False
        return value

    def _max_gap(self) -> dict[str, Any]:
        written = self._entry.get("max_gap")
        if isinstance(written, str) and (count := intervals(written)) is not None:
            return {"max_gap_ms": -1, "gap_intervals": count}
        if written is None:
            return {"max_gap_ms": -1, "gap_intervals": DEFAULT_INTERVALS}
        return {"max_gap_ms": self._duration("max_gap", -1)}

    def _expressions(self, mode: Mode) -> dict[str, Any]:
        built: dict[str, tree.Node | None] = {
            key: self._truth(key) for key in ("when", "clear", "unless", "sooner") if key in self._entry
        }
        when = built.get("when")
        if mode is not Mode.ABSENT and "when" not in self._entry:
            self._problem("name", "a rule without `when`", 'write when = "…", or absent = "any"')
        if mode is Mode.LEVEL and "clear" not in self._entry and when is not None:
            built["clear"] = tree.Not(when)
        return built

    def _truth(self, key: str) -> tree.Node | None:
        node = self._file.expression("rule", self._index, key, self._entry[key], self._vocabulary)
        if node is None:
            self._is_good = False
        elif (found := type_of(node)) is not Type.TRUTH:
            self._problem(key, f"`{key}` is {found.value}, wanted a boolean", "compare it with something")
        return node

    def _on(self, mode: Mode, when: tree.Node | None) -> Kind | None:
        key = "absent" if mode is Mode.ABSENT else "on"
        topic = self._entry.get(key)
        if mode is Mode.ABSENT and topic == "any":
            return None
        if topic is not None:
            if topic not in KIND_BY_TOPIC:
                known = [*KIND_BY_TOPIC, "any"] if mode is Mode.ABSENT else list(KIND_BY_TOPIC)
                self._problem(key, f"unknown kind {topic!r}", nearest(str(topic), known))
                return None
            return KIND_BY_TOPIC[topic]
        return None if when is None else self._inferred(when)

    def _inferred(self, when: tree.Node) -> Kind | None:
        kinds = kinds_named(when)
        if len(kinds) == 1:
            return kinds[0]
        if kinds:
            told = "it could run on " + ", ".join(kind.topic for kind in kinds)
        else:
            told = "no reading carries all of its columns"
        self._problem("when", told, 'say which: on = "heart_rate"; take another kind\'s column as last.kind.column')
        return None
