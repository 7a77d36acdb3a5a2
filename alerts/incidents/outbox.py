"""What becomes of the messages owed, and what that means to their incident. The channels call this.

Each function is one transaction. A message is `sending` from `take_owed` until one of the `mark_` functions; after a
crash `owe_again` puts it back: better told twice than never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from alerts.engine.contract import Severity
from alerts.incidents.contract import State, What
from alerts.incidents.other_way import find_other_way
from alerts.policy.options import EscalationOptions
from alerts.store.incidents import find_incident, note_event
from alerts.store.messages import (
    MessageState,
    change_message,
    find_message,
    next_owed_ns,
    owe_again_what_was_sending,
    take_owed_rows,
)
from alerts.store.timers import Wait, clear_timer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

    from alerts.store.database import Store

log = structlog.get_logger(__name__)

CHANNELS = ("sms", "email")
DEFAULTS = EscalationOptions()
ALREADY_SETTLED = (MessageState.DELIVERED, MessageState.DROPPED)


def take_owed(store: Store, now_ns: int, limit: int = 20, channels: Iterable[str] = CHANNELS) -> list[Row[Any]]:
    """Rows of the table `message` that are due, emergencies first; they are `sending` from now on."""
    with store.transaction() as connection:
        return take_owed_rows(connection, now_ns, limit, channels)


def next_owed(store: Store) -> int | None:
    """When the next message is due."""
    with store.reading() as connection:
        return next_owed_ns(connection)


def owe_again(store: Store) -> int:
    """At start: what was in hand when the process died is owed again. Returns how many."""
    with store.transaction() as connection:
        return owe_again_what_was_sending(connection)


def mark_handed(
    store: Store, message_id: int, gateway: str, reference: str, words: tuple[str, str], now_ns: int
) -> None:
    """The gateway has it, and calls it `reference`. `words`: subject and body as sent."""
    with store.transaction() as connection:
        row = _known(connection, message_id)
        if row is None:
            return
        sent = {"gateway": gateway, "gateway_ref": reference, "subject": words[0], "body": words[1], "problem": ""}
        state = row.state if row.state == MessageState.DELIVERED else MessageState.HANDED
        change_message(connection, message_id, state=state, handed_ns=now_ns, **sent)
        _note(connection, row, now_ns, What.TOLD, gateway=gateway)
        if not _needs_receipt(row):
            clear_timer(connection, row.incident_id, Wait.NO_RECEIPT, str(message_id))


def mark_delivered(store: Store, message_id: int, now_ns: int) -> None:
    """The receipt says that the person's phone has it. A receipt again, or after a failure, is taken as it is."""
    with store.transaction() as connection:
        row = _known(connection, message_id)
        if row is not None and row.state != MessageState.DELIVERED:
            change_message(connection, message_id, state=MessageState.DELIVERED, delivered_ns=now_ns, problem="")
            clear_timer(connection, row.incident_id, Wait.NO_RECEIPT, str(message_id))
            _note(connection, row, now_ns, What.DELIVERED)


def mark_failed(
    store: Store,
    message_id: int,
    problem: str,
    now_ns: int,
    retry_at_ns: int | None = None,
    *,
    options: EscalationOptions = DEFAULTS,
) -> None:
    """It could not be handed over, or the receipt says that it never arrived.

    With `retry_at_ns` it is owed again from then on; without, it has failed for good, and of an emergency the other
    channel is used at once, or the next person is asked.
    """
    with store.transaction() as connection:
        row = _known(connection, message_id)
        if row is None or row.state in ALREADY_SETTLED:
            return
        incident = find_incident(connection, row.incident_id)
        _note(connection, row, now_ns, What.FAILED, problem=problem, retry_ns=retry_at_ns)
        log.warning("message_failed", message=message_id, channel=row.channel, problem=problem, again=retry_at_ns)
        if retry_at_ns is not None:
            change_message(connection, message_id, state=MessageState.OWED, due_ns=retry_at_ns, problem=problem)
            return
        change_message(connection, message_id, state=MessageState.FAILED, problem=problem)
        clear_timer(connection, row.incident_id, Wait.NO_RECEIPT, str(message_id))
        if incident is not None and incident.state == State.OPEN:
            find_other_way(connection, incident, row, now_ns, options)


def _known(connection: Connection, message_id: int) -> Row[Any] | None:
    row = find_message(connection, message_id)
    if row is None:
        log.error("unknown_message", message=message_id, remedy="the gateway serves another store: give each its own")
    return row


def _needs_receipt(row: Row[Any]) -> bool:
    return bool(row.channel == "sms" and row.variables["severity"] == Severity.EMERGENCY)


def _note(connection: Connection, row: Row[Any], now_ns: int, what: What, **detail: Any) -> None:
    if row.incident_id is not None:
        said = {"channel": row.channel, "reason": row.reason, **detail}
        note_event(connection, row.incident_id, now_ns, what, officer_id=row.officer_id, message_id=row.id, **said)
