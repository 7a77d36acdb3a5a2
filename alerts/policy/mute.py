"""A resident's warnings and notices are not to be heard for a while. An emergency always is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from alerts.engine.contract import Severity
from alerts.policy.contract import Withheld

if TYPE_CHECKING:
    from alerts.policy.contract import Mute, Situation, Telling


def mute(tellings: list[Telling], situation: Situation) -> list[Telling]:
    """Withhold what an officer has muted, saying until when and why."""
    return [_muted(telling, situation) for telling in tellings]


def _muted(telling: Telling, situation: Situation) -> Telling:
    by = next((each for each in situation.mutes if _covers(each, telling, situation.now_ns)), None)
    if by is None:
        return telling
    return replace(telling, withheld=Withheld.MUTED, detail={"until_ns": by.until_ns, "why": by.why})


def _covers(by: Mute, telling: Telling, now_ns: int) -> bool:
    subject = telling.subject
    named = by.rule is None or by.rule == subject.rule
    return subject.severity is not Severity.EMERGENCY and named and now_ns < by.until_ns
