"""Rows of the outbox. What a receipt or a failure means to the incident is decided in alerts.incidents.outbox."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from alerts.store.tables import message
from alerts.store.upsert import insert_new

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, Row


class MessageState(StrEnum):
    """How far a message is."""

    OWED = "owed"
    SENDING = "sending"  # a channel has it in hand
    HANDED = "handed"  # the gateway took it
    DELIVERED = "delivered"  # the receipt says so
    FAILED = "failed"  # for good
    DROPPED = "dropped"  # nobody needs it any more


ON_THEIR_WAY = (MessageState.OWED, MessageState.SENDING, MessageState.HANDED, MessageState.DELIVERED)


def owe(connection: Connection, row: Mapping[str, Any]) -> int | None:
    """Add a message; returns its id, or None if one with its key stands already."""
    if not insert_new(connection, message, {"state": MessageState.OWED, "tries": 0, **row}):
        return None
    return int(connection.execute(select(message.c.id).where(message.c.key == row["key"])).scalar_one())


def find_message(connection: Connection, message_id: int) -> Row[Any] | None:
    """The message of this id."""
    return connection.execute(select(message).where(message.c.id == message_id)).one_or_none()


def change_message(connection: Connection, message_id: int, **columns: Any) -> None:
    """Change it."""
    connection.execute(update(message).where(message.c.id == message_id).values(**columns))


def take_owed_rows(connection: Connection, now_ns: int, limit: int, channels: Iterable[str]) -> list[Row[Any]]:
    """Up to `limit` messages that are due, emergencies first, now in state sending."""
    due = (message.c.state == MessageState.OWED) & (message.c.due_ns <= now_ns)
    chosen = due & message.c.channel.in_(tuple(channels))
    order = (message.c.priority, message.c.due_ns, message.c.id)
    rows = list(connection.execute(select(message).where(chosen).order_by(*order).limit(limit)))
    taken = message.c.id.in_([row.id for row in rows])
    connection.execute(update(message).where(taken).values(state=MessageState.SENDING, tries=message.c.tries + 1))
    return rows


def owe_again_what_was_sending(connection: Connection) -> int:
    """After a crash nobody knows whether the gateway took these: better told twice than never. Returns how many."""
    statement = update(message).where(message.c.state == MessageState.SENDING).values(state=MessageState.OWED)
    return connection.execute(statement).rowcount


def next_owed_ns(connection: Connection) -> int | None:
    """When the next message is due."""
    return connection.execute(select(func.min(message.c.due_ns)).where(message.c.state == MessageState.OWED)).scalar()


def drop_owed(connection: Connection, incident_id: int, why: str) -> list[int]:
    """Nobody needs the incident's messages that are still owed. Returns their ids."""
    owed = (message.c.incident_id == incident_id) & (message.c.state == MessageState.OWED)
    statement = update(message).where(owed).values(state=MessageState.DROPPED, problem=why)
    return list(connection.execute(statement.returning(message.c.id)).scalars())


def messages_of(connection: Connection, incident_id: int) -> list[Row[Any]]:
    """The incident's messages in the order in which they were owed."""
    query = select(message).where(message.c.incident_id == incident_id).order_by(message.c.owed_ns, message.c.id)
    return list(connection.execute(query))


def newest_due_ns(connection: Connection, priority: int, after_ns: int) -> dict[tuple[int, str], int]:
    """(officer, channel) -> when their newest message of this priority is or was due, if after `after_ns`."""
    chosen = message.c.state.in_(ON_THEIR_WAY) & (message.c.priority == priority) & message.c.officer_id.is_not(None)
    columns = (message.c.officer_id, message.c.channel)
    newest = select(*columns, func.max(message.c.due_ns)).where(chosen, message.c.due_ns > after_ns)
    rows = connection.execute(newest.group_by(*columns))
    return {(row[0], row[1]): row[2] for row in rows}


def newest_owed_ns(connection: Connection, incident_id: int, reason: str) -> int | None:
    """When the incident's newest message of this reason was owed."""
    chosen = (message.c.incident_id == incident_id) & (message.c.reason == reason)
    return connection.execute(select(func.max(message.c.owed_ns)).where(chosen)).scalar()


def count_messages(connection: Connection) -> dict[str, int]:
    """Messages that a gateway took, by channel."""
    sent = message.c.state.in_((MessageState.HANDED, MessageState.DELIVERED))
    query = select(message.c.channel, func.count()).where(sent).group_by(message.c.channel)
    return {row[0]: row[1] for row in connection.execute(query)}
