"""Running the `[[test]]` blocks of a rule file: readings in, transitions of one rule expected at times.

Ticks come every second between the readings, as they do from a live log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alerts.engine.apply import EngineSettings, apply, new_state
from alerts.engine.contract import Change, Person, SettingsDocument
from alerts.rules.given import GivenError, clock_ms, readings_of
from alerts.rules.problems import nearest
from alerts.rules.units import HOUR_MS, MINUTE_MS, SECOND_MS
from ingest.log.contract import Record, RecordKind
from ingest.reading import Readings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alerts.engine.contract import Transition
    from alerts.rules.rule import RuleSet, RuleTest

TIME_ZONE = "Asia/Shanghai"
_DAY = (2026, 1, 5)  # a Monday


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one test. `problem`: why it could not run; else `expected` against `found`."""

    test: RuleTest
    expected: tuple[str, ...]
    found: tuple[str, ...]
    problem: str = ""

    @property
    def passed(self) -> bool:
        """It ran, and what came was expected, all of it and in order."""
        return not self.problem and self.expected == self.found


def run_tests(ruleset: RuleSet) -> list[Outcome]:
    """Every test of a rule set, in the file's order."""
    return [_run(test, ruleset) for test in ruleset.tests]


def _run(test: RuleTest, ruleset: RuleSet) -> Outcome:
    zone = ZoneInfo(TIME_ZONE)
    midnight_ms = int(datetime(*_DAY, tzinfo=zone).timestamp()) * SECOND_MS
    person = Person(limits=test.limits, facts=test.watch)
    settings = EngineSettings(SettingsDocument(1, 0, "", TIME_ZONE, people={0: person}), ruleset)
    try:
        expected = tuple(_expected(line) for line in test.expect)
        found = _transitions(test, settings, midnight_ms)
    except GivenError as error:
        return Outcome(test, test.expect, (), str(error))
    told = tuple(f"{each.change.value} {_clock(each.at_ms - midnight_ms)}" for each in found if each.rule == test.rule)
    return Outcome(test, expected, told)


def _expected(line: str) -> str:
    change, _, written = line.partition(" ")
    known = [each.value for each in Change]
    if change not in known:
        raise GivenError(f"unknown change {change!r}: {nearest(change, known)}")
    return f"{change} {_clock(clock_ms(written))}"


def _clock(time_ms: int) -> str:
    hours, minutes, seconds = time_ms // HOUR_MS, time_ms % HOUR_MS // MINUTE_MS, time_ms % MINUTE_MS / SECOND_MS
    return f"{hours:02}:{minutes:02}:{seconds:06.3f}".removesuffix(".000").removesuffix(":00")


def _transitions(test: RuleTest, settings: EngineSettings, midnight_ms: int) -> Sequence[Transition]:
    rows = [row for line in test.given for row in readings_of(line, midnight_ms)]
    rows.sort(key=lambda row: row["arrival_ms"])
    until_ms = midnight_ms + clock_ms(test.until) if test.until else 0
    state = new_state(settings)
    found: list[Transition] = []
    for record in _records(rows, until_ms):
        state, came = apply(state, record, settings)
        found += came
    return found


def _records(rows: Sequence[dict[str, float]], until_ms: int) -> Iterator[Record]:
    if not rows:
        raise GivenError("nothing is given: write at least one reading")
    offset, log_ms = 0, int(rows[0]["arrival_ms"])
    for row in rows:
        for tick_ms in range(log_ms + SECOND_MS, int(row["arrival_ms"]), SECOND_MS):
            offset += 1
            yield Record(offset, RecordKind.TICK, tick_ms)
        offset, log_ms = offset + 1, int(row["arrival_ms"])
        yield Record(offset, RecordKind.READINGS, log_ms, readings=Readings.of_rows([row]))
    for tick_ms in range(log_ms + SECOND_MS, until_ms + 1, SECOND_MS):
        offset += 1
        yield Record(offset, RecordKind.TICK, tick_ms)
