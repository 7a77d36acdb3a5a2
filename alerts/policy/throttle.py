"""A person can take in so much. A routine message waits for its turn; an emergency never does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from alerts.engine.contract import Severity
from alerts.policy.contract import Channel, Reason, Withheld
from alerts.policy.options import later

if TYPE_CHECKING:
    from alerts.policy.contract import Situation, Telling


def throttle(tellings: list[Telling], situation: Situation) -> list[Telling]:
    """Move routine messages to when the person's channel is free, and withhold repeats that come too soon."""
    return [_in_turn(telling, situation) for telling in tellings]


def _in_turn(telling: Telling, situation: Situation) -> Telling:
    if telling.withheld is not None or telling.recipient is None:
        return telling
    if telling.reason is Reason.REPEAT and _too_soon(situation):
        return replace(telling, withheld=Withheld.TOO_SOON, detail={"told_ns": situation.newest_repeat_ns})
    if telling.subject.severity is Severity.EMERGENCY or telling.recipient.officer_id is None:
        return telling
    return replace(telling, due_ns=max(telling.due_ns, _free_ns(telling.recipient.officer_id, telling, situation)))


def _too_soon(situation: Situation) -> bool:
    told_ns = situation.newest_repeat_ns
    return told_ns is not None and situation.now_ns < later(told_ns, situation.options.repeat_s)


def _free_ns(officer_id: int, telling: Telling, situation: Situation) -> int:
    newest_ns = situation.newest_due_ns.get((officer_id, Channel(telling.channel).value))
    return telling.due_ns if newest_ns is None else later(newest_ns, situation.options.throttle_s)
