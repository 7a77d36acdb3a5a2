"""What a person does with an incident, from the board, the API, an SMS or an email. Each is one transaction.

An action that cannot be done changes nothing and answers why; an exception means that the store failed, and the
caller must say so to the person: nothing was kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.incidents.codes import normal_code
from alerts.incidents.contract import ActionAnswer, ActionResult, Outcome, State, Via, What
from alerts.incidents.owing import Cause, message_variables, owe_messages
from alerts.incidents.recipients import officer_recipient
from alerts.incidents.taking import answer, drop_messages, subject_of, take, tell_others, unresolved
from alerts.people.phones import PhoneError, e164
from alerts.policy.contract import Reason
from alerts.policy.first_told import by_every_channel
from alerts.policy.options import NS_PER_S, EscalationOptions, later
from alerts.store.alerts import find_alert
from alerts.store.incidents import change_incident, find_incident, note_event
from alerts.store.people import find_officer, find_resident
from alerts.store.replies import find_link, holders_of, use_link
from alerts.store.timers import Wait, clear_timer, clear_timers, set_timer

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from alerts.store.database import Store

__all__ = [
    "ActionAnswer",
    "ActionResult",
    "Outcome",
    "Via",
    "acknowledge",
    "acknowledge_by_code",
    "acknowledge_by_link",
    "assign",
    "comment",
    "resolve",
]

LINK_LIFE_NS = 24 * 3600 * NS_PER_S
DEFAULTS = EscalationOptions()


def acknowledge(
    store: Store,
    incident_id: int,
    officer_id: int,
    via: Via,
    now_ns: int,
    seen_version: int | None = None,  # noqa: ARG001 - see below
    *,
    options: EscalationOptions = DEFAULTS,
) -> ActionAnswer:
    """Take the incident: the first one wins, the others are told who has it.

    `seen_version` never refuses a taking: whatever changed since the page was shown, somebody wants to go and look,
    and if somebody else was first, the answer is ALREADY_TAKEN with their name.
    """
    with store.transaction() as connection:
        return take(connection, incident_id, officer_id, via, now_ns, options)


def acknowledge_by_code(
    store: Store, code: str, sender_phone: str, now_ns: int, *, options: EscalationOptions = DEFAULTS
) -> ActionAnswer:
    """Take the incident that `code` names, for the officer whose number sent it. Spaces and case do not matter."""
    with store.transaction() as connection:
        holders = holders_of(connection, normal_code(code))
        if not holders:
            return ActionAnswer(ActionResult.UNKNOWN_CODE)
        for officer_id, incident_id in holders.items():
            if _is_number_of(connection, officer_id, sender_phone):
                return take(connection, incident_id, officer_id, Via.SMS, now_ns, options)
        for officer_id, incident_id in holders.items():
            note_event(connection, incident_id, now_ns, What.WRONG_SENDER, code_of_id=officer_id)
        return ActionAnswer(ActionResult.WRONG_SENDER)


def acknowledge_by_link(
    store: Store, token_id: str, now_ns: int, *, options: EscalationOptions = DEFAULTS
) -> ActionAnswer:
    """Take the incident that a link names, for the officer it was sent to: once, within 24 h, until it is closed."""
    with store.transaction() as connection:
        link = find_link(connection, token_id)
        if link is None:
            return ActionAnswer(ActionResult.UNKNOWN_LINK)
        if link.used_ns is not None:
            return answer(connection, ActionResult.LINK_USED, link.incident_id, link.officer_id)
        if now_ns > link.issued_ns + LINK_LIFE_NS:
            return answer(connection, ActionResult.LINK_EXPIRED, link.incident_id, link.officer_id)
        use_link(connection, token_id, now_ns)
        return take(connection, link.incident_id, link.officer_id, Via.LINK, now_ns, options)


def resolve(  # noqa: PLR0913 - what a closing form holds
    store: Store,
    incident_id: int,
    officer_id: int,
    outcome: Outcome | None,
    note: str,
    now_ns: int,
    seen_version: int | None = None,
    *,
    options: EscalationOptions = DEFAULTS,
) -> ActionAnswer:
    """Close with what was found. `NO_CONTACT` does not close: the officer has it and is reminded to try again."""
    with store.transaction() as connection:
        incident = _as_seen(connection, incident_id, officer_id, seen_version)
        if isinstance(incident, ActionAnswer):
            return incident
        if outcome is None:
            return answer(connection, ActionResult.NEEDS_OUTCOME, incident_id, officer_id)
        if outcome is Outcome.REAL and not note.strip():
            return answer(connection, ActionResult.NEEDS_NOTE, incident_id, officer_id)
        if outcome is Outcome.NO_CONTACT:
            return _no_contact(connection, incident_id, officer_id, note, now_ns, options)
        return _close(connection, incident, officer_id, outcome, note, now_ns, options)


def comment(store: Store, incident_id: int, officer_id: int, text: str, now_ns: int) -> ActionAnswer:
    """Add a line to the timeline. Of whoever has the incident it is an action: the ack does not expire."""
    with store.transaction() as connection:
        incident = find_incident(connection, incident_id)
        if incident is None or find_officer(connection, officer_id) is None:
            unknown = ActionResult.UNKNOWN_INCIDENT if incident is None else ActionResult.UNKNOWN_OFFICER
            return ActionAnswer(unknown, incident_id)
        if not text.strip():
            return answer(connection, ActionResult.NEEDS_NOTE, incident_id, officer_id)
        note_event(connection, incident_id, now_ns, What.COMMENTED, officer_id=officer_id, text=text.strip())
        _has_acted(connection, incident, officer_id)
        return answer(connection, ActionResult.DONE, incident_id, officer_id)


def assign(
    store: Store,
    incident_id: int,
    officer_id: int,
    to_officer_id: int,
    now_ns: int,
    seen_version: int | None = None,
    *,
    options: EscalationOptions = DEFAULTS,
) -> ActionAnswer:
    """Ask `to_officer_id` to take it. They are told at once; until they do, it stays where it is."""
    with store.transaction() as connection:
        incident = _as_seen(connection, incident_id, officer_id, seen_version)
        if isinstance(incident, ActionAnswer):
            return incident
        chosen = officer_recipient(connection, to_officer_id)
        if chosen is None:
            return answer(connection, ActionResult.UNKNOWN_OFFICER, incident_id, officer_id)
        change_incident(connection, incident_id)
        note_event(connection, incident_id, now_ns, What.ASSIGNED, officer_id=officer_id, to_id=to_officer_id)
        _has_acted(connection, incident, officer_id)
        alert = find_alert(connection, incident.headline_key)
        if alert is not None:
            said = message_variables(alert, find_resident(connection, incident.resident_id), now_ns)
            tellings = by_every_channel(subject_of(alert), chosen, Reason.HOLDER, now_ns)
            cause = Cause(f"v{incident.version + 1}", now_ns)
            owe_messages(connection, incident_id, tellings, said, cause=cause, options=options)
        return answer(connection, ActionResult.DONE, incident_id, officer_id)


def _as_seen(
    connection: Connection, incident_id: int, officer_id: int, seen_version: int | None
) -> Row[Any] | ActionAnswer:
    """The incident, unresolved and still as the officer saw it; else the answer that says why not."""
    incident = unresolved(connection, incident_id, officer_id)
    if isinstance(incident, ActionAnswer) or seen_version in (None, incident.version):
        return incident
    return answer(connection, ActionResult.STALE_VERSION, incident_id, officer_id)


def _no_contact(
    connection: Connection, incident_id: int, officer_id: int, note: str, now_ns: int, options: EscalationOptions
) -> ActionAnswer:
    taken = take(connection, incident_id, officer_id, Via.BOARD, now_ns, options)
    if taken.result is not ActionResult.DONE:
        return taken
    retry_ns = later(now_ns, options.retry_contact_s)
    change_incident(connection, incident_id, retry_ns=retry_ns, note=note.strip())
    clear_timer(connection, incident_id, Wait.ACK_EXPIRES)
    set_timer(connection, incident_id, Wait.RETRY_CONTACT, retry_ns)
    detail: dict[str, Any] = {"note": note.strip(), "retry_ns": retry_ns}
    note_event(connection, incident_id, now_ns, What.NO_CONTACT, officer_id=officer_id, **detail)
    return answer(connection, ActionResult.DONE, incident_id, officer_id)


def _close(
    connection: Connection,
    incident: Row[Any],
    officer_id: int,
    outcome: Outcome,
    note: str,
    now_ns: int,
    options: EscalationOptions,
) -> ActionAnswer:
    owner_id = officer_id if incident.owner_id is None else incident.owner_id
    closed = {"state": State.RESOLVED.value, "resolved_ns": now_ns, "outcome": outcome.value, "note": note.strip()}
    change_incident(connection, incident.id, **closed, owner_id=owner_id, retry_ns=None)
    clear_timers(connection, incident.id)
    drop_messages(connection, incident.id, now_ns, "resolved")
    detail: dict[str, Any] = {"outcome": outcome.value, "note": note.strip()}
    note_event(connection, incident.id, now_ns, What.RESOLVED, officer_id=officer_id, **detail)
    if incident.state == State.OPEN:
        tell_others(connection, incident, officer_id, now_ns, options)
    return answer(connection, ActionResult.DONE, incident.id, officer_id)


def _has_acted(connection: Connection, incident: Row[Any], officer_id: int) -> None:
    if incident.owner_id == officer_id:
        clear_timer(connection, incident.id, Wait.ACK_EXPIRES)


def _is_number_of(connection: Connection, officer_id: int, sender_phone: str) -> bool:
    officer = find_officer(connection, officer_id)
    try:
        return officer is not None and bool(officer.phone) and officer.phone == e164(sender_phone)
    except PhoneError:
        return False
