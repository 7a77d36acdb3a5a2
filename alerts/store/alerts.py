"""Rows of alerts and of the engine's transitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from alerts.store.tables import alert, incident
from alerts.store.tables import transition as transition_table
from alerts.store.upsert import insert_new

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Row

    from alerts.engine.contract import Transition


def alert_key(watch_id: str, rule: str, started_ms: int) -> str:
    """The one key of an alert, in this program's life and after it."""
    return f"{watch_id}:{rule}:{started_ms}"


def plain_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON can hold them: NaN, an unknown number, becomes None; numpy's scalars become Python's."""
    values = {name: value.item() if hasattr(value, "item") else value for name, value in inputs.items()}
    return {name: None if value != value else value for name, value in values.items()}  # noqa: PLR0124 - NaN


def insert_transition(connection: Connection, offset: int, number: int, key: str, change: Transition) -> bool:
    """Keep the transition; False if this (offset, number) stands already: its effects are in the store."""
    row = {
        "offset": offset,
        "number": number,
        "alert_key": key,
        "watch": int(change.watch),
        "rule": change.rule,
        "change": change.change.value,
        "why": change.why.value,
        "at_ms": int(change.at_ms),
        "event_ms": int(change.event_ms),
        "due_ms": int(change.due_ms),
        "inputs": plain_inputs(change.inputs),
    }
    return insert_new(connection, transition_table, row)


def insert_alert(connection: Connection, key: str, watch_id: str, resident_id: int | None, change: Transition) -> bool:
    """The alert that `change` (firing) raises; False if it stands already."""
    row = {
        "key": key,
        "watch": int(change.watch),
        "watch_id": watch_id,
        "resident_id": resident_id,
        "rule": change.rule,
        "severity": change.severity.value,
        "rule_version": change.rule_version,
        "message": change.message,
        "started_ms": int(change.started_ms),
        "fired_ms": int(change.at_ms),
        "event_ms": int(change.event_ms),
        "arrival_ms": int(change.arrival_ms),
        "late": bool(change.late),
        "shadow": bool(change.shadow),
        "repeats": 0,
        "reopenings": int(change.reopened),
        "inputs": plain_inputs(change.inputs),
    }
    return insert_new(connection, alert, row)


def find_alert(connection: Connection, key: str) -> Row[Any] | None:
    """The alert of this key."""
    return connection.execute(select(alert).where(alert.c.key == key)).one_or_none()


def join_incident(connection: Connection, key: str, incident_id: int) -> None:
    """Put the alert into the incident."""
    connection.execute(update(alert).where(alert.c.key == key).values(incident_id=incident_id))


def count_repeat(connection: Connection, key: str) -> None:
    """One more occurrence joined the alert."""
    connection.execute(update(alert).where(alert.c.key == key).values(repeats=alert.c.repeats + 1))


def reopen(connection: Connection, key: str) -> None:
    """The alert rose again under its own key."""
    again = {"reopenings": alert.c.reopenings + 1, "resolved_ms": None, "resolved_why": None}
    connection.execute(update(alert).where(alert.c.key == key).values(**again))


def mark_resolved(connection: Connection, key: str, at_ms: int, why: str) -> None:
    """The falling edge."""
    connection.execute(update(alert).where(alert.c.key == key).values(resolved_ms=at_ms, resolved_why=why))


def open_rules(connection: Connection, watch_id: str) -> frozenset[str]:
    """Rules that are firing for the watch, or whose incident nobody has closed yet; shadow rules apart."""
    unclosed = incident.c.state != "resolved"
    query = (
        select(alert.c.rule)
        .outerjoin(incident, alert.c.incident_id == incident.c.id)
        .where(alert.c.watch_id == watch_id, ~alert.c.shadow, alert.c.resolved_ms.is_(None) | unclosed)
    )
    return frozenset(connection.execute(query.distinct()).scalars())


def alerts_of(connection: Connection, incident_ids: Sequence[int]) -> list[Row[Any]]:
    """The alerts of these incidents, in the order in which they fired."""
    query = select(alert).where(alert.c.incident_id.in_(incident_ids)).order_by(alert.c.fired_ms, alert.c.key)
    return list(connection.execute(query))
