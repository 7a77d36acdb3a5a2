"""Timers are rows, not tasks: a restart loses none."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update

from alerts.store.tables import timer
from alerts.store.upsert import insert_new

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row


class Wait(StrEnum):
    """What an incident waits for."""

    ESCALATE = "escalate"  # nobody took it: the next step
    ACK_EXPIRES = "ack_expires"  # taken, and nothing done since
    REMIND = "remind"  # taken, and not closed
    NO_RECEIPT = "no_receipt"  # subject: the message whose receipt has not come
    RETRY_CONTACT = "retry_contact"  # nobody answered: try again


def set_timer(connection: Connection, incident_id: int, what: Wait, due_ns: int, subject: str = "") -> None:
    """Arm, or move the one that is armed."""
    row = {"incident_id": incident_id, "what": what.value, "subject": subject, "due_ns": due_ns}
    if not insert_new(connection, timer, row):
        connection.execute(update(timer).where(_same(incident_id, what, subject)).values(due_ns=due_ns))


def bring_forward(connection: Connection, incident_id: int, what: Wait, due_ns: int) -> None:
    """Let an armed timer fire at `due_ns` if that is sooner."""
    armed = (timer.c.incident_id == incident_id) & (timer.c.what == what.value) & (timer.c.due_ns > due_ns)
    connection.execute(update(timer).where(armed).values(due_ns=due_ns))


def clear_timer(connection: Connection, incident_id: int, what: Wait, subject: str = "") -> None:
    """Disarm one; harmless if it is not armed."""
    connection.execute(delete(timer).where(_same(incident_id, what, subject)))


def clear_timers(connection: Connection, incident_id: int, whats: Iterable[Wait] = tuple(Wait)) -> None:
    """Disarm all of these kinds."""
    chosen = timer.c.what.in_([what.value for what in whats])
    connection.execute(delete(timer).where(timer.c.incident_id == incident_id, chosen))


def first_due(connection: Connection, now_ns: int) -> Row[Any] | None:
    """The timer that is due longest; None if none is due."""
    due = select(timer).where(timer.c.due_ns <= now_ns).order_by(timer.c.due_ns, timer.c.id)
    return connection.execute(due.limit(1)).one_or_none()


def disarm(connection: Connection, timer_id: int) -> bool:
    """Take it away; False if it is gone already."""
    return bool(connection.execute(delete(timer).where(timer.c.id == timer_id)).rowcount)


def next_due_ns(connection: Connection) -> int | None:
    """When the next timer fires."""
    return connection.execute(select(func.min(timer.c.due_ns))).scalar()


def armed(connection: Connection, what: Wait) -> dict[int, int]:
    """Incident id -> when its timer `what` fires."""
    query = select(timer.c.incident_id, timer.c.due_ns).where(timer.c.what == what.value)
    return {row[0]: row[1] for row in connection.execute(query)}


def _same(incident_id: int, what: Wait, subject: str) -> Any:
    return (timer.c.incident_id == incident_id) & (timer.c.what == what.value) & (timer.c.subject == subject)
