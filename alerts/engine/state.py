"""Everything the engine remembers between two records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alerts.engine.columns import Columns
from alerts.engine.episodes import Episodes
from alerts.engine.levels import Levels
from alerts.engine.log_time import LogTime

if TYPE_CHECKING:
    from alerts.engine.settings import EngineSettings


@dataclass(slots=True)
class State:
    """`rules`: (name, version) by rule number: what the numbers in the state mean. `offset`: last record applied."""

    rules: tuple[tuple[str, str], ...]
    offset: int = 0
    time: LogTime = field(default_factory=LogTime)
    columns: Columns = field(default_factory=Columns)
    levels: Levels = field(default_factory=Levels)
    episodes: Episodes = field(default_factory=Episodes)
    absent_due: dict[str, int] = field(default_factory=dict)
    """By absent rule: no silence of its begins before this counted time."""


def new_state(settings: EngineSettings) -> State:
    """Nothing heard yet."""
    return State(rules_of(settings))


def rules_of(settings: EngineSettings) -> tuple[tuple[str, str], ...]:
    """(name, version) of each rule, by number."""
    return tuple((rule.name, rule.version) for rule in settings.rules)
