"""Rows of incidents and of their timelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from alerts.store.tables import audit, incident, timeline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

UNCLOSED = ("open", "acknowledged")


def insert_incident(connection: Connection, **columns: Any) -> int:
    """A new incident; returns its id."""
    return int(connection.execute(insert(incident).values(**columns).returning(incident.c.id)).scalar_one())


def find_incident(connection: Connection, incident_id: int) -> Row[Any] | None:
    """The incident of this id."""
    return connection.execute(select(incident).where(incident.c.id == incident_id)).one_or_none()


def unclosed_incident(connection: Connection, resident_id: int | None, watch_id: str) -> Row[Any] | None:
    """The resident's incident that is not resolved, or the watch's while nobody is known to wear it."""
    nobody = incident.c.resident_id.is_(None) & (incident.c.watch_id == watch_id)
    whose = nobody if resident_id is None else incident.c.resident_id == resident_id
    query = select(incident).where(whose, incident.c.state.in_(UNCLOSED)).order_by(incident.c.id.desc()).limit(1)
    return connection.execute(query).one_or_none()


def change_incident(connection: Connection, incident_id: int, **columns: Any) -> None:
    """Change it and count its version: a page that shows the old one will notice."""
    statement = update(incident).where(incident.c.id == incident_id)
    connection.execute(statement.values(**columns, version=incident.c.version + 1))


def set_step(connection: Connection, incident_id: int, step: int) -> None:
    """How far the escalation has gone. No new version: nothing that a person would decide by has changed."""
    connection.execute(update(incident).where(incident.c.id == incident_id).values(step=step))


def incidents_in(connection: Connection, states: Iterable[str], limit: int) -> list[Row[Any]]:
    """Incidents in one of `states`, newest first."""
    query = select(incident).where(incident.c.state.in_(tuple(states))).order_by(incident.c.id.desc()).limit(limit)
    return list(connection.execute(query))


def note_event(
    connection: Connection,
    incident_id: int,
    now_ns: int,
    what: str,
    *,
    officer_id: int | None = None,
    alert_key: str | None = None,
    message_id: int | None = None,
    **detail: Any,
) -> None:
    """One line of the incident's timeline."""
    row = {"officer_id": officer_id, "alert_key": alert_key, "message_id": message_id, "detail": detail}
    connection.execute(insert(timeline).values(incident_id=incident_id, at_ns=now_ns, what=what, **row))


def timeline_of(connection: Connection, incident_id: int) -> list[Row[Any]]:
    """Everything that happened to the incident, oldest first."""
    query = select(timeline).where(timeline.c.incident_id == incident_id).order_by(timeline.c.at_ns, timeline.c.id)
    return list(connection.execute(query))


def note_audit(connection: Connection, now_ns: int, what: str, officer_id: int | None = None, **detail: Any) -> None:
    """Who saw or did what, beside the incidents."""
    connection.execute(insert(audit).values(at_ns=now_ns, what=what, officer_id=officer_id, detail=detail))
