"""Who is told what, and when, and why not: the policies in the order in which they decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.policy.escalate import escalate
from alerts.policy.inhibit import inhibit
from alerts.policy.mute import mute
from alerts.policy.shadow import shadow
from alerts.policy.throttle import throttle

if TYPE_CHECKING:
    from alerts.policy.contract import Policy, Situation, Telling

POLICIES: tuple[Policy, ...] = (mute, inhibit, shadow, throttle, escalate)


def decide(tellings: list[Telling], situation: Situation) -> list[Telling]:
    """What every policy, one after the other, makes of the tellings."""
    for policy in POLICIES:
        tellings = policy(tellings, situation)
    return tellings
