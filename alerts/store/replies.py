"""What an officer may answer with: a short code by SMS, a link in an email. Both name one incident and one officer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from alerts.store.tables import ack_link, incident, reply_code
from alerts.store.upsert import insert_new

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


def code_of(connection: Connection, incident_id: int, officer_id: int) -> str | None:
    """The code by which the officer takes the incident."""
    mine = (reply_code.c.incident_id == incident_id) & (reply_code.c.officer_id == officer_id)
    return connection.execute(select(reply_code.c.code).where(mine)).scalar()


def keep_code(connection: Connection, code: str, officer_id: int, incident_id: int, now_ns: int) -> bool:
    """Give the officer this code for this incident; False if it means another incident that is not closed."""
    closed = select(incident.c.id).where(incident.c.state == "resolved").scalar_subquery()
    mine = (reply_code.c.code == code) & (reply_code.c.officer_id == officer_id)
    connection.execute(delete(reply_code).where(mine, reply_code.c.incident_id.in_(closed)))
    row = {"code": code, "officer_id": officer_id, "incident_id": incident_id, "issued_ns": now_ns}
    return insert_new(connection, reply_code, row)


def holders_of(connection: Connection, code: str) -> dict[int, int]:
    """Officer id -> incident id, of everyone who was given `code`."""
    return {
        row.officer_id: row.incident_id
        for row in connection.execute(select(reply_code).where(reply_code.c.code == code))
    }


def keep_link(connection: Connection, token_id: str, officer_id: int, incident_id: int, now_ns: int) -> None:
    """Remember a link; harmless if it is known."""
    row = {"token_id": token_id, "officer_id": officer_id, "incident_id": incident_id, "issued_ns": now_ns}
    insert_new(connection, ack_link, row)


def find_link(connection: Connection, token_id: str) -> Row[Any] | None:
    """The link of this id."""
    return connection.execute(select(ack_link).where(ack_link.c.token_id == token_id)).one_or_none()


def use_link(connection: Connection, token_id: str, now_ns: int) -> None:
    """It works once."""
    connection.execute(update(ack_link).where(ack_link.c.token_id == token_id).values(used_ns=now_ns))
