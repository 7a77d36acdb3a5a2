"""One alert says what another would only say again: who pressed SOS has a fast heart, too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from alerts.engine.contract import Severity
from alerts.policy.contract import Withheld

if TYPE_CHECKING:
    from alerts.policy.contract import Situation, Telling


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While `by` is open, rules whose names begin with `silences` are not told of; emergencies always are."""

    by: str
    silences: str


INHIBITIONS = (
    Inhibition(by="sos", silences="heart_rate_"),
    Inhibition(by="not_worn", silences="silent"),
)


def inhibit(tellings: list[Telling], situation: Situation) -> list[Telling]:
    """Withhold what an open alert of the same watch says already."""
    return [_inhibited(telling, situation) for telling in tellings]


def _inhibited(telling: Telling, situation: Situation) -> Telling:
    if telling.withheld is not None or telling.subject.severity is Severity.EMERGENCY:
        return telling
    for inhibition in INHIBITIONS:
        if inhibition.by in situation.open_rules and telling.subject.rule.startswith(inhibition.silences):
            return replace(telling, withheld=Withheld.INHIBITED, detail={"by": inhibition.by})
    return telling
