"""Who is to hear of an alert before any policy has looked at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.engine.contract import Severity
from alerts.policy.contract import Channel, Reason, Telling
from alerts.policy.escalate import FIRST, LEAD, STEP_REASONS, step_recipients

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alerts.policy.contract import Duty, Recipient, Subject


def on_board(subject: Subject, now_ns: int) -> Telling:
    """The duty board shows it."""
    return Telling(subject, None, Channel.BOARD, Reason.BOARD, now_ns)


def first_told(subject: Subject, duty: Duty, now_ns: int, up_to_step: int = FIRST) -> list[Telling]:
    """An emergency: every officer of the steps reached, by every channel. A warning: first, once. A notice: the board.

    With nobody on duty an emergency goes to everybody on the roster.
    """
    told = [on_board(subject, now_ns)]
    if subject.severity is Severity.WARNING:
        recipients = (duty.first or duty.everyone)[:1]
        told += [way for each in recipients for way in by_best_channel(subject, each, Reason.FIRST, now_ns)]
    if subject.severity is Severity.EMERGENCY:
        for recipient, reason in _reached(duty, up_to_step):
            told += by_every_channel(subject, recipient, reason, now_ns)
    return told


def by_every_channel(subject: Subject, recipient: Recipient, reason: Reason, now_ns: int) -> list[Telling]:
    """By SMS and by email at once, as far as the person has them. Family is not sent emails."""
    channels = [Channel.SMS] if recipient.phone else []
    if recipient.email and recipient.officer_id is not None:
        channels.append(Channel.EMAIL)
    return [Telling(subject, recipient, channel, reason, now_ns) for channel in channels]


def by_best_channel(subject: Subject, recipient: Recipient, reason: Reason, now_ns: int) -> list[Telling]:
    """By SMS, or by email where there is no phone."""
    return by_every_channel(subject, recipient, reason, now_ns)[:1]


def _reached(duty: Duty, up_to_step: int) -> Iterable[tuple[Recipient, Reason]]:
    """Each person once, with the reason of the first step that names them."""
    reached: dict[Recipient, Reason] = {}
    for step in range(min(up_to_step, LEAD) + 1):
        for recipient in step_recipients(step, duty, None):
            reached.setdefault(recipient, STEP_REASONS[step])
    if not reached:
        reached = dict.fromkeys(duty.everyone, Reason.NO_COVER)
    return reached.items()
