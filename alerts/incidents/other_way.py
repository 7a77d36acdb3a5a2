"""A message did not reach its person: another channel at once, and if there is none, another person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.engine.contract import Severity
from alerts.incidents.owing import ANSWERABLE, Cause, owe_messages
from alerts.incidents.recipients import family_recipient, officer_recipient
from alerts.incidents.taking import subject_of
from alerts.policy.contract import Channel, Reason, Telling
from alerts.policy.escalate import LEAD
from alerts.policy.first_told import by_every_channel
from alerts.store.alerts import find_alert
from alerts.store.messages import MessageState, messages_of
from alerts.store.people import find_resident
from alerts.store.timers import Wait, bring_forward

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from alerts.policy.options import EscalationOptions


def find_other_way(
    connection: Connection, incident: Row[Any], message: Row[Any], now_ns: int, options: EscalationOptions
) -> None:
    """The person by a channel not used yet for this alert; where all were, the next step of an emergency is due now.

    An email in a mailbox wakes nobody, so one that was sent beside a lost SMS does not keep the next person from
    being asked. The next step waits as long as another officer who was asked has been reached. Once all have been
    asked, the rounds keep their pace: a number that fails each time must not ring everybody else without end.
    """
    if message.template not in ANSWERABLE:
        return
    unused = _unused(connection, incident, message, now_ns)
    if unused:
        said = {key: value for key, value in message.variables.items() if key not in ("code", "link_token_id")}
        cause = Cause(f"m{message.id}", now_ns)
        owe_messages(connection, incident.id, unused, said, cause=cause, options=options)
    elif (
        incident.severity == Severity.EMERGENCY
        and _is_somebody_unasked(connection, incident)
        and not _somebody_reached(connection, incident, options)
    ):
        bring_forward(connection, incident.id, Wait.ESCALATE, now_ns)


def _unused(connection: Connection, incident: Row[Any], message: Row[Any], now_ns: int) -> list[Telling]:
    recipient = officer_recipient(connection, message.officer_id)
    alert = find_alert(connection, incident.headline_key)
    if recipient is None or alert is None:
        return []
    used = {each.channel for each in messages_of(connection, incident.id) if each.officer_id == message.officer_id}
    ways = by_every_channel(subject_of(alert), recipient, Reason.OTHER_CHANNEL, now_ns)
    return [each for each in ways if each.channel.value not in used]


def _is_somebody_unasked(connection: Connection, incident: Row[Any]) -> bool:
    """The next step is one of the first four: backup, lead, or a family that there is."""
    family = family_recipient(find_resident(connection, incident.resident_id))
    return bool(incident.step < LEAD or (incident.step == LEAD and family is not None))


def _somebody_reached(connection: Connection, incident: Row[Any], options: EscalationOptions) -> bool:
    """By SMS, as far as the gateway can tell: where no receipts come, what it took has arrived."""
    arrived = {MessageState.DELIVERED} if options.has_receipts else {MessageState.DELIVERED, MessageState.HANDED}
    return any(
        each.state in arrived and each.channel == Channel.SMS and each.template in ANSWERABLE
        for each in messages_of(connection, incident.id)
        if each.officer_id is not None
    )
