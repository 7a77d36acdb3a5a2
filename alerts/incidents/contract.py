"""The words of incidents: how one may stand, end, be taken, and what a person's action may come to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alerts.people.roster import Roster
    from alerts.policy.options import EscalationOptions


class State(StrEnum):
    """How an incident stands."""

    OPEN = "open"  # waiting for a person
    ACKNOWLEDGED = "acknowledged"  # somebody has it
    RESOLVED = "resolved"


class Outcome(StrEnum):
    """What a person found."""

    REAL = "real"
    VISITED = "visited"  # visited, and well
    FALSE_ALARM = "false_alarm"
    TEST = "test"
    NO_CONTACT = "no_contact"  # keeps the incident open, with a time to try again


class Via(StrEnum):
    """How an incident was taken."""

    SMS = "sms"
    LINK = "link"
    BOARD = "board"
    API = "api"


class What(StrEnum):
    """A line of the timeline."""

    FIRED = "fired"
    REPEATED = "repeated"
    CLEARED = "cleared"
    CONTRADICTED = "contradicted"
    SPOKE_AGAIN = "spoke_again"  # a new emergency while somebody had it: back to waiting
    WITHHELD = "withheld"  # somebody was not told, by a policy
    NO_COVER = "no_cover"
    ESCALATED = "escalated"
    TOLD = "told"  # the gateway has the message
    DELIVERED = "delivered"
    FAILED = "failed"  # this try, or for good: see detail
    NO_RECEIPT = "no_receipt"
    DROPPED = "dropped"  # messages nobody needed any more
    ACKNOWLEDGED = "acknowledged"
    LOST_RACE = "lost_race"
    WRONG_SENDER = "wrong_sender"
    ACK_EXPIRED = "ack_expired"
    REMINDED = "reminded"
    COMMENTED = "commented"
    ASSIGNED = "assigned"
    NO_CONTACT = "no_contact"
    RESOLVED = "resolved"


class ActionResult(StrEnum):
    """What became of an action. `ActionAnswer.holder_name` says who has the incident."""

    DONE = "done"
    ALREADY_TAKEN = "already_taken"
    NOT_OPEN = "not_open"  # resolved already
    UNKNOWN_INCIDENT = "unknown_incident"
    UNKNOWN_OFFICER = "unknown_officer"
    UNKNOWN_CODE = "unknown_code"
    WRONG_SENDER = "wrong_sender"  # the code was given to another number
    UNKNOWN_LINK = "unknown_link"
    LINK_USED = "link_used"
    LINK_EXPIRED = "link_expired"
    NEEDS_OUTCOME = "needs_outcome"
    NEEDS_NOTE = "needs_note"
    STALE_VERSION = "stale_version"  # it changed since the page was shown


@dataclass(frozen=True, slots=True)
class ActionAnswer:
    """`version` is the incident's now; `incident_id` is None where none is known."""

    result: ActionResult
    incident_id: int | None = None
    holder_name: str = ""
    version: int = 0
    officer_id: int | None = None  # who acted, as far as a code or a link says


@dataclass(frozen=True, slots=True)
class Desk:
    """What decides whom an incident goes to: who works when, and after how long the next is asked."""

    roster: Roster
    options: EscalationOptions
