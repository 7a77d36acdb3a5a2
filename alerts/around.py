"""A record on which the engine fails, taken as far as it goes: one reading must not end all alerts for ever.

The record is halved until the readings that cannot be judged stand alone; cutting changes nothing else (RULES.md), and
a replay halves in the same way. An emergency among those left out is told without being judged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog

from alerts.engine.contract import Change, Severity, Transition, Why
from alerts.rules.rule import Mode
from ingest.reading import Readings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alerts.judge import Engine
    from ingest.log.contract import Record

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Around:
    """`unjudged`: how many readings were left out; 1 for a record that fails without any."""

    state: Any
    transitions: Sequence[Transition]
    unjudged: int


def apply_around(engine: Engine, state: Any, record: Record, settings: Any) -> Around:
    """`state` stands before the record. Raises MemoryError alone: that is the machine's trouble, not the reading's."""
    taking = _Taking(engine, settings, state)
    if record.readings.rows:
        taking.take(record)
    taking.take(replace(record, readings=Readings.empty()))  # the time goes on even where no reading could be taken
    found = sorted(taking.found, key=lambda each: (each.at_ms, each.watch, each.rule))
    return Around(taking.state, found, taking.unjudged)


class _Taking:
    def __init__(self, engine: Engine, settings: Any, state: Any) -> None:
        self._engine, self._settings = engine, settings
        self.state = state
        self.found: list[Transition] = []
        self.unjudged = 0

    def take(self, part: Record) -> None:
        before = self._engine.dump(self.state)
        try:
            self.state, transitions = self._engine.apply(self.state, part, self._settings)
        except MemoryError:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is told where it is narrowed down
            self.state = self._engine.load(before, self._settings)
            self._take_less(part, fault)
        else:
            self.found += transitions

    def _take_less(self, part: Record, fault: Exception) -> None:
        rows = part.readings.rows
        if rows > 1:
            for chosen in np.array_split(np.arange(rows), 2):
                self.take(replace(part, readings=part.readings.take(chosen)))
            return
        self.unjudged += 1
        watches, kinds = part.readings["watch"].tolist(), part.readings["kind"].tolist()
        log.error("reading_not_judged", offset=part.offset, watch=watches, kind=kinds, exc_info=fault)
        if rows:
            self.found += _told_anyway(part, self._settings.of_mode(Mode.EVENT))


def _told_anyway(part: Record, rules: Sequence[tuple[int, Any]]) -> Iterator[Transition]:
    """An SOS or a fall fires its emergency at once, unless it says that it was called off."""
    reading = part.readings
    event_ms, arrival_ms = int(min(reading["time_ms"][0], reading["arrival_ms"][0])), int(reading["arrival_ms"][0])
    for _, rule in rules:
        if rule.severity is Severity.EMERGENCY and rule.on == reading["kind"][0] and reading["cancelled"][0] != 1:
            yield Transition(
                watch=int(reading["watch"][0]),
                rule=rule.name,
                change=Change.FIRING,
                why=Why.UNJUDGED,
                severity=rule.severity,
                started_ms=event_ms,
                at_ms=part.log_time_ms,
                event_ms=event_ms,
                arrival_ms=arrival_ms,
                rule_version=rule.version,
                message=rule.message,
                shadow=rule.shadow,
            )
