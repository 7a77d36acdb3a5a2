"""What happens when time has passed: the next person is asked, an ack expires, somebody is reminded.

Timers are rows; each fires in one transaction with all it brings about. One that is overdue, after a restart or a
long sleep, fires once, and the next is counted from now.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Connection, Row
from sqlalchemy.exc import SQLAlchemyError

from alerts.incidents.contract import Desk, State, What
from alerts.incidents.other_way import find_other_way
from alerts.incidents.owing import Cause, message_variables, owe_messages
from alerts.incidents.recipients import duty_now, family_recipient, officer_recipient
from alerts.incidents.taking import subject_of
from alerts.policy.contract import Reason
from alerts.policy.escalate import FIRST, clocked, next_step
from alerts.policy.first_told import by_best_channel, by_every_channel
from alerts.policy.options import later
from alerts.store.alerts import find_alert
from alerts.store.incidents import change_incident, find_incident, note_audit, note_event, set_step
from alerts.store.messages import MessageState, find_message
from alerts.store.people import find_resident
from alerts.store.timers import Wait, disarm, first_due, next_due_ns, set_timer

if TYPE_CHECKING:
    from alerts.people.roster import Roster
    from alerts.policy.contract import Recipient
    from alerts.policy.options import EscalationOptions
    from alerts.store.database import Store

log = structlog.get_logger(__name__)

AFTER_A_FAULT_S = 60


def fire_due(store: Store, now_ns: int, roster: Roster, options: EscalationOptions) -> int | None:
    """Fire every timer that is due. Returns when the next one is, None if none is armed.

    A failure of the database passes through, with that timer still armed. One that fails by a fault of this program
    does not keep the others from firing, nor the caller from sending: it is logged, kept in the audit table, and tried
    again a minute later, for ever.
    """
    desk = Desk(roster, options)
    while True:
        with store.reading() as connection:
            timer = first_due(connection, now_ns)
            if timer is None:
                return next_due_ns(connection)
        try:
            with store.transaction() as connection:
                if disarm(connection, timer.id):
                    _fire(connection, desk, timer, now_ns)
        except SQLAlchemyError:
            raise
        except Exception as error:
            log.exception("timer_failed", incident=timer.incident_id, what=timer.what)
            _put_off(store, timer, repr(error), now_ns)


def _put_off(store: Store, timer: Row[Any], problem: str, now_ns: int) -> None:
    with store.transaction() as connection:
        set_timer(connection, timer.incident_id, Wait(timer.what), later(now_ns, AFTER_A_FAULT_S), timer.subject)
        detail: dict[str, Any] = {"incident": timer.incident_id, "timer": timer.what, "problem": problem}
        note_audit(connection, now_ns, "timer_failed", **detail)


def _fire(connection: Connection, desk: Desk, timer: Row[Any], now_ns: int) -> None:
    incident = find_incident(connection, timer.incident_id)
    if incident is not None and incident.state != State.RESOLVED:
        EFFECTS[Wait(timer.what)](connection, desk, incident, timer, now_ns)


def _escalate(connection: Connection, desk: Desk, incident: Row[Any], timer: Row[Any], now_ns: int) -> None:
    """Nobody took it: the next person."""
    if incident.state != State.OPEN:
        return
    resident = find_resident(connection, incident.resident_id)
    duty = duty_now(connection, desk, now_ns)
    step = next_step(incident.step, duty, family_recipient(resident), desk.options)
    _tell(connection, desk, incident, step.recipients, step.reason, timer, now_ns)
    set_step(connection, incident.id, step.number)
    set_timer(connection, incident.id, Wait.ESCALATE, later(now_ns, step.wait_s))
    detail: dict[str, Any] = {"to": [each.name for each in step.recipients if each.officer_id], "step": step.number}
    note_event(connection, incident.id, now_ns, What.ESCALATED, reason=step.reason.value, **detail)


def _expire(connection: Connection, desk: Desk, incident: Row[Any], timer: Row[Any], now_ns: int) -> None:
    """Somebody took it and did nothing: back to waiting, and everyone on duty hears, the holder too."""
    if incident.state != State.ACKNOWLEDGED:
        return
    holder = officer_recipient(connection, incident.owner_id)
    nobody = {"owner_id": None, "acknowledged_ns": None, "acknowledged_via": None}
    change_incident(connection, incident.id, state=State.OPEN.value, step=FIRST, **nobody)
    note_event(connection, incident.id, now_ns, What.ACK_EXPIRED, officer_id=incident.owner_id)
    duty = duty_now(connection, desk, now_ns)
    told = dict.fromkeys((duty.first or duty.everyone) + (() if holder is None else (holder,)))
    _tell(connection, desk, incident, tuple(told), Reason.ACK_EXPIRED, timer, now_ns)
    set_timer(connection, incident.id, Wait.ESCALATE, later(now_ns, desk.options.next_step_s))


def _remind(connection: Connection, desk: Desk, incident: Row[Any], timer: Row[Any], now_ns: int) -> None:
    """Somebody has it and has not closed it, or meant to try again."""
    if incident.state != State.ACKNOWLEDGED:
        return
    holder = officer_recipient(connection, incident.owner_id)
    if holder is not None:
        _tell(connection, desk, incident, (holder,), Reason.REMINDER, timer, now_ns)
    note_event(connection, incident.id, now_ns, What.REMINDED, officer_id=incident.owner_id, of=timer.what)
    set_timer(connection, incident.id, Wait.REMIND, later(now_ns, desk.options.remind_s))


def _miss_receipt(connection: Connection, desk: Desk, incident: Row[Any], timer: Row[Any], now_ns: int) -> None:
    """The message has not arrived, as far as anybody knows."""
    message = find_message(connection, int(timer.subject))
    if message is None or incident.state != State.OPEN or _has_arrived(message, desk.options):
        return
    detail: dict[str, Any] = {"channel": message.channel}
    note_event(
        connection,
        incident.id,
        now_ns,
        What.NO_RECEIPT,
        officer_id=message.officer_id,
        message_id=message.id,
        **detail,
    )
    find_other_way(connection, incident, message, now_ns, desk.options)


def _has_arrived(message: Row[Any], options: EscalationOptions) -> bool:
    handed_will_do = message.channel != "sms" or not options.has_receipts
    good = (MessageState.DELIVERED, MessageState.HANDED) if handed_will_do else (MessageState.DELIVERED,)
    return message.state in good


def _tell(
    connection: Connection,
    desk: Desk,
    incident: Row[Any],
    recipients: tuple[Recipient, ...],
    reason: Reason,
    timer: Row[Any],
    now_ns: int,
) -> None:
    alert = find_alert(connection, incident.headline_key)
    if alert is None:
        raise LookupError(f"incident {incident.id}: its alert {incident.headline_key!r} is not in the store")
    way = by_best_channel if reason is Reason.REMINDER else by_every_channel
    tellings = [clocked(each) for person in recipients for each in way(subject_of(alert), person, reason, now_ns)]
    said = message_variables(alert, find_resident(connection, incident.resident_id), now_ns)
    cause = Cause(f"d{timer.due_ns}", now_ns)
    owe_messages(connection, incident.id, tellings, said, cause=cause, options=desk.options)


Effect = Callable[[Connection, Desk, Row[Any], Row[Any], int], None]
EFFECTS: dict[Wait, Effect] = {
    Wait.ESCALATE: _escalate,
    Wait.ACK_EXPIRES: _expire,
    Wait.REMIND: _remind,
    Wait.RETRY_CONTACT: _remind,
    Wait.NO_RECEIPT: _miss_receipt,
}
