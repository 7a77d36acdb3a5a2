"""One `[[test]]` table: its keys checked one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.rules.problems import nearest
from alerts.rules.rule import RuleTest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _are_numbers(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(each, (int, float)) for each in value.values())


_KEYS = {
    "rule": (_is_text, 'rule = "fall"'),
    "given": (_are_texts, 'given = ["14:32 fall confidence 0.6"]'),
    "expect": (_are_texts, 'expect = ["firing 14:32:30"]'),
    "until": (_is_text, 'until = "14:40"'),
    "limits": (_are_numbers, "limits = { hr_high = 120 }"),
    "watch": (_are_numbers, "watch = { counts_down = true }"),
}
_NEEDED = ("rule", "given", "expect")


def faults_of_test(entry: Mapping[str, Any], rules: Sequence[str] | None) -> Iterator[tuple[str, str, str]]:
    """(key, what, remedy) of everything wrong with a table. `rules`: the names there are, if they are known."""
    for key, value in entry.items():
        if key not in _KEYS:
            yield key, f"unknown key {key!r}", nearest(key, _KEYS)
        elif not _KEYS[key][0](value):
            yield key, f"{key} = {value!r}", f"write it as in {_KEYS[key][1]}"
    for key in _NEEDED:
        if key not in entry:
            yield key, f"a test without {key}", f"write {_KEYS[key][1]}"
    name = entry.get("rule")
    if isinstance(name, str) and rules is not None and name not in rules:
        yield "rule", f"a test of {name!r}, which is no rule", nearest(name, rules)


def read_test(entry: Mapping[str, Any], line: int) -> RuleTest:
    """The test that a table without faults writes."""
    return RuleTest(
        rule=entry["rule"],
        given=tuple(entry["given"]),
        expect=tuple(entry["expect"]),
        line=line,
        until=entry.get("until", ""),
        limits={name: float(value) for name, value in entry.get("limits", {}).items()},
        watch={name: float(value) for name, value in entry.get("watch", {}).items()},
    )
