"""What an alert does to a resident's incident. Pure decisions; the rows are written in alerts.incidents.firing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from alerts.engine.contract import Severity
from alerts.incidents.contract import State


class Effect(StrEnum):
    """Why the alert is, or is not, told of."""

    OPENS = "opens"  # the resident had no incident
    WORSENS = "worsens"  # one is waiting that was thought less of
    ADDS = "adds"  # another kind of alert while one is waiting: whoever was reached hears of it
    JOINS = "joins"  # more of what is being told already
    SPEAKS_AGAIN = "speaks_again"  # somebody has it, but this is another emergency: everyone on duty again
    TELLS_HOLDER = "tells_holder"  # somebody has it and hears what is new

    @property
    def makes_it_wait(self) -> bool:
        """The incident waits for a person from now on, from the first step."""
        return self in (Effect.OPENS, Effect.WORSENS, Effect.SPEAKS_AGAIN)


@dataclass(frozen=True, slots=True)
class Standing:
    """An incident as it stands when an alert comes. `rules`: of the alerts in it."""

    state: State
    severity: Severity
    rules: frozenset[str]


def effect_of(rule: str, severity: Severity, standing: Standing | None) -> Effect:
    """What a firing alert does.

    One that is worse than all before makes the incident wait again, whoever has it. The same emergency again goes to
    whoever has it; a different emergency goes to everyone on duty.
    """
    if standing is None:
        return Effect.OPENS
    is_worse = severity.rank < standing.severity.rank
    is_new = rule not in standing.rules
    if standing.state is State.OPEN:
        if is_worse:
            return Effect.WORSENS
        return Effect.ADDS if is_new and severity is standing.severity else Effect.JOINS
    if is_worse or (severity is Severity.EMERGENCY and is_new):
        return Effect.SPEAKS_AGAIN
    if severity is Severity.EMERGENCY or (severity is Severity.WARNING and is_new):
        return Effect.TELLS_HOLDER
    return Effect.JOINS


def effect_of_repeat(severity: Severity, standing: Standing) -> Effect:
    """What an occurrence that joined an alert does: the holder hears of it; while it waits, it is being told."""
    tells = standing.state is State.ACKNOWLEDGED and severity is Severity.EMERGENCY
    return Effect.TELLS_HOLDER if tells else Effect.JOINS
