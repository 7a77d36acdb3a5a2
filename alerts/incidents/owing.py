"""Tellings become messages of the outbox, with everything that their words need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from alerts.incidents.codes import link_token, reply_code
from alerts.policy.contract import Channel, Reason
from alerts.policy.options import NS_PER_S, later
from alerts.store.messages import owe
from alerts.store.timers import Wait, set_timer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

    from alerts.policy.contract import Recipient, Telling
    from alerts.policy.options import EscalationOptions

TEMPLATES = {
    Reason.FIRST: "alert",
    Reason.NO_COVER: "alert",
    Reason.HOLDER: "alert",
    Reason.OTHER_CHANNEL: "alert",
    Reason.BACKUP: "backup",
    Reason.LEAD: "backup",
    Reason.ROUND_AGAIN: "backup",
    Reason.FAMILY: "family",
    Reason.REPEAT: "repeat",
    Reason.ACK_EXPIRED: "expired",
    Reason.REMINDER: "reminder",
    Reason.TAKEN: "taken",
}
"""The words of each reason: keys of the message catalogues."""

ANSWERABLE = frozenset({"alert", "backup", "expired"})
"""Templates that ask somebody to take the incident: with a reply code, and a link in an email."""
FOLLOW_UPS = frozenset({"reminder", "taken"})
URGENT, ROUTINE, FOLLOW_UP = range(3)


@dataclass(frozen=True, slots=True)
class Cause:
    """What brought messages about, a transition, a timer or an action, and when."""

    name: str
    now_ns: int


def owe_messages(
    connection: Connection,
    incident_id: int,
    tellings: Iterable[Telling],
    variables: dict[str, Any],
    *,
    cause: Cause,
    options: EscalationOptions,
) -> list[Telling]:
    """Write a message for each telling that is not withheld; returns the tellings that are owed by now.

    The name of `cause` makes the key of each message unique: the same cause applied again owes nothing twice.
    """
    owed = []
    for telling in tellings:
        if telling.recipient is None or telling.withheld is not None:
            continue
        message_id = _owe_one(connection, incident_id, telling, telling.recipient, variables, cause)
        if message_id is not None:
            owed.append(telling)
            if telling.awaits_receipt:
                due_ns = later(telling.due_ns, options.receipt_s)
                set_timer(connection, incident_id, Wait.NO_RECEIPT, due_ns, str(message_id))
    return owed


def message_variables(alert: Row[Any], resident: Row[Any] | None, now_ns: int, *, holder: str = "") -> dict[str, Any]:
    """What the words of a message may need, as it is known when the message is owed. No key is ever missing."""
    at_ms = alert.event_ms if alert.event_ms >= 0 else alert.fired_ms
    return {
        "message": alert.message,
        "severity": alert.severity,
        "rule": alert.rule,
        "watch_id": alert.watch_id,
        "name": resident.name if resident else "",
        "age": age(resident.born, now_ns) if resident else None,
        "address": resident.address if resident else "",
        "phone": resident.phone if resident else "",
        "at_ms": at_ms,
        "since_ms": alert.started_ms if alert.started_ms != at_ms else None,
        "inputs": alert.inputs,
        "late": alert.late,
        "arrived_ms": alert.arrival_ms if alert.arrival_ms >= 0 else None,
        "holder": holder,
    }


def age(born: int | None, now_ns: int) -> int | None:
    """Years, by the year of birth alone."""
    return None if born is None else datetime.fromtimestamp(now_ns // NS_PER_S, UTC).year - born


def _owe_one(
    connection: Connection,
    incident_id: int,
    telling: Telling,
    recipient: Recipient,
    variables: dict[str, Any],
    cause: Cause,
) -> int | None:
    template = TEMPLATES[telling.reason]
    who = recipient.officer_id
    key = f"{telling.subject.alert_key}|{telling.reason}|{who or 'family'}|{telling.channel}|{cause.name}"
    said = {**variables, "incident_id": incident_id}
    code = None
    if template in ANSWERABLE and who is not None:
        code = reply_code(connection, incident_id, who, cause.now_ns)
        said["code"] = code
        if telling.channel is Channel.EMAIL:
            said["link_token_id"] = link_token(connection, key, incident_id, who, cause.now_ns)
    row = {
        "key": key,
        "incident_id": incident_id,
        "officer_id": who,
        "channel": telling.channel.value,
        "address": recipient.email if telling.channel is Channel.EMAIL else recipient.phone,
        "language": recipient.language,
        "template": template,
        "variables": said,
        "reply_code": code,
        "priority": _priority(telling, template),
        "reason": telling.reason.value,
        "due_ns": telling.due_ns,
        "owed_ns": cause.now_ns,
    }
    return owe(connection, row)


def _priority(telling: Telling, template: str) -> int:
    if template in FOLLOW_UPS:
        return FOLLOW_UP
    return URGENT if telling.subject.severity.rank == 0 else ROUTINE
