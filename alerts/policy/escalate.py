"""An emergency does not rest until a person has it: who is asked after whom, and what each telling waits for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from alerts.engine.contract import Severity
from alerts.policy.contract import Reason

if TYPE_CHECKING:
    from alerts.policy.contract import Duty, Recipient, Situation, Telling
    from alerts.policy.options import EscalationOptions

FIRST, BACKUP, LEAD, FAMILY = range(4)
STEP_REASONS = (Reason.FIRST, Reason.BACKUP, Reason.LEAD, Reason.FAMILY)


@dataclass(frozen=True, slots=True)
class Step:
    """Who is asked at step `number` (from FAMILY + 1 on: everyone again), and how long they are waited for."""

    number: int
    reason: Reason
    recipients: tuple[Recipient, ...]
    wait_s: float


def escalate(tellings: list[Telling], situation: Situation) -> list[Telling]:  # noqa: ARG001 - every policy has one form
    """Let the tellings of an emergency to officers start the clocks of the escalation."""
    return [clocked(telling) for telling in tellings]


def next_step(done: int, duty: Duty, family: Recipient | None, options: EscalationOptions) -> Step:
    """The step after `done`; one at which there is nobody to ask is passed over at once."""
    for number in range(done + 1, FAMILY + 1):
        recipients = step_recipients(number, duty, family)
        if recipients:
            wait_s = options.round_s if number == FAMILY else options.next_step_s
            return Step(number, STEP_REASONS[number], recipients, wait_s)
    return Step(max(done, FAMILY) + 1, Reason.ROUND_AGAIN, duty.everyone, options.round_s)


def step_recipients(number: int, duty: Duty, family: Recipient | None) -> tuple[Recipient, ...]:
    """Who is asked at one of the first four steps."""
    return (duty.first, duty.backup, duty.lead, (family,) if family else ())[number]


def clocked(telling: Telling) -> Telling:
    """The telling with the clocks that it starts, if it asks an officer to take an emergency."""
    is_urgent = telling.subject.severity is Severity.EMERGENCY and telling.withheld is None
    to_officer = telling.recipient is not None and telling.recipient.officer_id is not None
    if not is_urgent or not to_officer or telling.reason in (Reason.REPEAT, Reason.REMINDER, Reason.TAKEN):
        return telling
    return replace(telling, escalates=True, awaits_receipt=True)
