"""The numbers of the escalation."""

from __future__ import annotations

from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class EscalationOptions:
    """Who is told next, and when. The defaults are those of the plan.

    `has_receipts`: whether the SMS gateway sends delivery receipts; where none ever comes, none is waited for.
    """

    receipt_s: float = 60  # no delivery receipt in this time: the other channel at once, or the next person
    next_step_s: float = 180  # nobody took it: backup, then lead, then family
    round_s: float = 300  # after the last step: round again
    ack_expires_s: float = 900  # an emergency that is taken without any action goes back to waiting
    remind_s: float = 2700  # one that is taken and not closed is reminded of
    repeat_s: float = 120  # a repeat of what somebody has is told them at most this often
    retry_contact_s: float = 600  # nobody answered: try again after this time
    throttle_s: float = 600  # between two messages to one person by one channel, emergencies apart
    has_receipts: bool = True
    time_zone: str = "Asia/Shanghai"


def later(now_ns: int, seconds: float) -> int:
    """The time `seconds` after `now_ns`."""
    return now_ns + int(seconds * NS_PER_S)
