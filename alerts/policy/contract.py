"""What policies decide on. A policy is a pure function: list of tellings and the situation -> list of tellings.

A telling is "this person is to be told of this alert by this channel, because"; the board is a channel too, so an
alert of which nothing is left opens no incident. A policy never takes a telling out of the list: it marks it
withheld, with its reason, which somebody will want to read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.engine.contract import Severity
    from alerts.policy.options import EscalationOptions


class Channel(StrEnum):
    """The way to a person."""

    BOARD = "board"
    SMS = "sms"
    EMAIL = "email"


class Reason(StrEnum):
    """Why somebody is told. Part of a message's key."""

    FIRST = "first"  # on duty, at once
    BACKUP = "backup"
    LEAD = "lead"
    FAMILY = "family"
    ROUND_AGAIN = "round_again"
    NO_COVER = "no_cover"  # nobody is on duty: everybody is told
    OTHER_CHANNEL = "other_channel"  # the message before failed, or its receipt did not come
    HOLDER = "holder"  # who has the incident hears what is new in it
    REPEAT = "repeat"
    ACK_EXPIRED = "ack_expired"
    REMINDER = "reminder"
    TAKEN = "taken"  # somebody else has it
    BOARD = "board"


class Withheld(StrEnum):
    """Why somebody is not told."""

    MUTED = "muted"
    INHIBITED = "inhibited"
    SHADOW = "shadow"
    TOO_SOON = "too_soon"


@dataclass(frozen=True, slots=True)
class Subject:
    """The alert that a telling is of."""

    alert_key: str
    rule: str
    severity: Severity
    watch_id: str
    resident_id: int | None
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told. `officer_id` is None for the family."""

    officer_id: int | None
    name: str
    phone: str
    email: str
    language: str


@dataclass(frozen=True, slots=True)
class Telling:
    """One person to be told by one channel. `recipient` is None for the board.

    `due_ns`: when. `escalates`: it starts the clock after which the next person is told, `awaits_receipt`: and the
    clock of its own receipt.
    """

    subject: Subject
    recipient: Recipient | None
    channel: Channel
    reason: Reason
    due_ns: int
    withheld: Withheld | None = None
    detail: Mapping[str, object] = field(default_factory=dict)
    escalates: bool = False
    awaits_receipt: bool = False


@dataclass(frozen=True, slots=True)
class Mute:
    """What an officer does not want to hear of a resident. `rule` None: no warning and no notice."""

    rule: str | None
    until_ns: int
    why: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What policies may know.

    `open_rules`: rules that fire for the watch. `newest_due_ns`: (officer, channel) -> when their newest routine
    message is or was due. `newest_repeat_ns`: when the incident's holder was last told of a repeat.
    """

    now_ns: int
    options: EscalationOptions
    mutes: tuple[Mute, ...] = ()
    open_rules: frozenset[str] = frozenset()
    newest_due_ns: Mapping[tuple[int, str], int] = field(default_factory=dict)
    newest_repeat_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """The chain on duty as recipients, in the order in which they are asked."""

    first: tuple[Recipient, ...] = ()
    backup: tuple[Recipient, ...] = ()
    lead: tuple[Recipient, ...] = ()
    anybody: tuple[Recipient, ...] = ()  # of the whole roster, for when nobody is on duty

    @property
    def everyone(self) -> tuple[Recipient, ...]:
        """Each on duty once; the whole roster if nobody is."""
        return tuple(dict.fromkeys(self.first + self.backup + self.lead)) or self.anybody


Policy = Callable[[list[Telling], Situation], list[Telling]]
