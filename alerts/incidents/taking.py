"""A person takes an incident: the first one wins, the others are told who has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.engine.contract import Severity
from alerts.incidents.contract import ActionAnswer, ActionResult, State, Via, What
from alerts.incidents.owing import Cause, message_variables, owe_messages
from alerts.incidents.recipients import officer_recipient
from alerts.policy.contract import Channel, Reason, Subject, Telling
from alerts.policy.first_told import by_every_channel
from alerts.policy.options import EscalationOptions, later
from alerts.store.alerts import find_alert
from alerts.store.incidents import change_incident, find_incident, note_event, timeline_of
from alerts.store.messages import MessageState, drop_owed, messages_of
from alerts.store.people import find_officer, find_resident
from alerts.store.timers import Wait, clear_timers, set_timer

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

REACHED = (MessageState.SENDING, MessageState.HANDED, MessageState.DELIVERED)


def take(
    connection: Connection, incident_id: int, officer_id: int, via: Via, now_ns: int, options: EscalationOptions
) -> ActionAnswer:
    """Give the incident to the officer if nobody has it, or whoever has it has offered it to the officer.

    Taking what one has already is done, and changes nothing.
    """
    incident = unresolved(connection, incident_id, officer_id)
    if isinstance(incident, ActionAnswer):
        return incident
    if incident.owner_id == officer_id:
        return answer(connection, ActionResult.DONE, incident_id, officer_id)
    if incident.state == State.ACKNOWLEDGED and not _is_offered_to(connection, incident_id, officer_id):
        note_event(connection, incident_id, now_ns, What.LOST_RACE, officer_id=officer_id, via=via.value)
        return answer(connection, ActionResult.ALREADY_TAKEN, incident_id, officer_id)
    hold(connection, incident, officer_id, via, now_ns, options)
    return answer(connection, ActionResult.DONE, incident_id, officer_id)


def unresolved(connection: Connection, incident_id: int, officer_id: int) -> Row[Any] | ActionAnswer:
    """The incident, if there is something for the officer to do about it; else the answer that says why not."""
    incident = find_incident(connection, incident_id)
    if incident is None:
        return ActionAnswer(ActionResult.UNKNOWN_INCIDENT, incident_id)
    if find_officer(connection, officer_id) is None:
        return ActionAnswer(ActionResult.UNKNOWN_OFFICER, incident_id, version=incident.version)
    if incident.state == State.RESOLVED:
        return answer(connection, ActionResult.NOT_OPEN, incident_id, officer_id)
    return incident


def hold(
    connection: Connection, incident: Row[Any], officer_id: int, via: Via, now_ns: int, options: EscalationOptions
) -> None:
    """The officer has it from now on: no further step, an expiry for an emergency, a reminder, word to the others."""
    change_incident(
        connection,
        incident.id,
        state=State.ACKNOWLEDGED.value,
        owner_id=officer_id,
        acknowledged_ns=now_ns,
        acknowledged_via=via.value,
        retry_ns=None,
    )
    clear_timers(connection, incident.id)
    if incident.severity == Severity.EMERGENCY:
        set_timer(connection, incident.id, Wait.ACK_EXPIRES, later(now_ns, options.ack_expires_s))
    set_timer(connection, incident.id, Wait.REMIND, later(now_ns, options.remind_s))
    note_event(connection, incident.id, now_ns, What.ACKNOWLEDGED, officer_id=officer_id, via=via.value)
    drop_messages(connection, incident.id, now_ns, "taken")
    tell_others(connection, incident, officer_id, now_ns, options)


def drop_messages(connection: Connection, incident_id: int, now_ns: int, why: str) -> None:
    """What is still owed of the incident would only disturb; the timeline says how many."""
    dropped = drop_owed(connection, incident_id, why)
    if dropped:
        note_event(connection, incident_id, now_ns, What.DROPPED, why=why, count=len(dropped))


def tell_others(
    connection: Connection, incident: Row[Any], holder_id: int, now_ns: int, options: EscalationOptions
) -> None:
    """Every other officer who was asked hears who has it: by SMS if they were asked so, else by email."""
    alert = find_alert(connection, incident.headline_key)
    holder = find_officer(connection, holder_id)
    if alert is None or holder is None:
        return
    asked: dict[int, set[str]] = {}
    for message in messages_of(connection, incident.id):
        if message.officer_id not in (None, holder_id) and message.state in REACHED:
            asked.setdefault(message.officer_id, set()).add(message.channel)
    subject = subject_of(alert)
    tellings = [
        telling
        for officer_id, channels in asked.items()
        for telling in _word(connection, subject, officer_id, channels, now_ns)
    ]
    said = message_variables(alert, find_resident(connection, incident.resident_id), now_ns, holder=holder.name)
    cause = Cause(f"v{incident.version + 1}", now_ns)
    owe_messages(connection, incident.id, tellings, said, cause=cause, options=options)


def subject_of(alert: Row[Any]) -> Subject:
    """The alert as policies know it."""
    severity = Severity(alert.severity)
    return Subject(alert.key, alert.rule, severity, alert.watch_id, alert.resident_id, shadow=alert.shadow)


def answer(
    connection: Connection, result: ActionResult, incident_id: int, officer_id: int | None = None
) -> ActionAnswer:
    """The answer with who has the incident, and its version, as they are now."""
    incident = find_incident(connection, incident_id)
    if incident is None:
        return ActionAnswer(ActionResult.UNKNOWN_INCIDENT, incident_id)
    holder = find_officer(connection, incident.owner_id)
    name = "" if holder is None else holder.name
    return ActionAnswer(result, incident_id, name, incident.version, officer_id)


def _word(connection: Connection, subject: Subject, officer_id: int, channels: set[str], now_ns: int) -> list[Telling]:
    recipient = officer_recipient(connection, officer_id)
    if recipient is None:
        return []
    chosen = Channel.SMS if Channel.SMS in channels else Channel.EMAIL
    ways = by_every_channel(subject, recipient, Reason.TAKEN, now_ns)
    return [each for each in ways if each.channel is chosen]


def _is_offered_to(connection: Connection, incident_id: int, officer_id: int) -> bool:
    """A hand-over waits for the person it names: the newest offer since the incident was last taken."""
    for event in reversed(timeline_of(connection, incident_id)):
        if event.what == What.ACKNOWLEDGED:
            return False
        if event.what == What.ASSIGNED:
            return bool(event.detail["to_id"] == officer_id)
    return False
