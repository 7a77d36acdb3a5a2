"""The read side for the board and the API. Each function is one consistent view of the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from alerts.engine.contract import Severity
from alerts.incidents.contract import Desk, State, What
from alerts.incidents.owing import age
from alerts.incidents.upcoming import next_steps
from alerts.incidents.views import AlertView, DutyBoard, Event, IncidentView, MessageView, NextStep, ResidentView, Row
from alerts.policy.options import EscalationOptions
from alerts.store.alerts import alerts_of, find_alert
from alerts.store.incidents import UNCLOSED, find_incident, incidents_in, timeline_of
from alerts.store.messages import messages_of
from alerts.store.people import officers, residents_by_id, wearers
from alerts.store.tables import incident as incident_table
from alerts.store.tables import timeline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection
    from sqlalchemy import Row as StoreRow

    from alerts.people.roster import Roster
    from alerts.store.database import Store

MOST_UNCLOSED = 5_000
"""More than a board can show; the oldest beyond are reached by closing some."""


def duty_board(
    store: Store, now_ns: int, roster: Roster | None = None, options: EscalationOptions | None = None
) -> DutyBoard:
    """Who needs help now, and who has it. With a roster each waiting row names who is asked next."""
    desk = None if roster is None else Desk(roster, options or EscalationOptions())
    with store.reading() as connection:
        found = incidents_in(connection, UNCLOSED, MOST_UNCLOSED)
        rows = _rows(connection, found, now_ns, desk)
        last_closed_ns = connection.execute(select(func.max(incident_table.c.resolved_ns))).scalar()
    told = [row for row in rows if row.severity is not Severity.NOTICE]
    waiting = [row for row in told if row.state is State.OPEN]
    in_hand = [row for row in told if row.state is State.ACKNOWLEDGED]
    return DutyBoard(
        waiting=tuple(sorted(waiting, key=lambda row: (row.severity.rank, row.opened_ns, row.incident_id))),
        in_hand=tuple(sorted(in_hand, key=lambda row: (-(row.acknowledged_ns or 0), -row.incident_id))),
        notices=tuple(row for row in rows if row.severity is Severity.NOTICE),
        last_closed_ns=last_closed_ns,
    )


def incident(
    store: Store, incident_id: int, now_ns: int, roster: Roster | None = None, options: EscalationOptions | None = None
) -> IncidentView | None:
    """An incident whole; None if there is none of this id."""
    desk = None if roster is None else Desk(roster, options or EscalationOptions())
    with store.reading() as connection:
        found = find_incident(connection, incident_id)
        if found is None:
            return None
        names = {row.id: row.name for row in officers(connection)}
        return IncidentView(
            row=_rows(connection, [found], now_ns, desk)[0],
            alerts=tuple(_alert_view(row) for row in _alerts_by_incident(connection, [found])[incident_id]),
            timeline=tuple(_event(row, names) for row in timeline_of(connection, incident_id)),
            messages=tuple(_message_view(row, names) for row in messages_of(connection, incident_id)),
        )


def list_incidents(store: Store, state: State | None, now_ns: int, limit: int = 100) -> tuple[Row, ...]:
    """Incidents in this state (None: any), newest first."""
    with store.reading() as connection:
        found = incidents_in(connection, tuple(State) if state is None else (state,), limit)
        return tuple(_rows(connection, found, now_ns, None))


def residents(store: Store, now_ns: int) -> tuple[tuple[str, ResidentView], ...]:
    """Every resident with the id of the watch that they wear, by watch id."""
    with store.reading() as connection:
        return tuple((row.watch_id, _resident_view(row, now_ns)) for row in wearers(connection))


@dataclass(frozen=True, slots=True)
class Mark:
    """Changes whenever anything that a board shows of incidents has changed."""

    newest_event: int
    versions: int


def board_mark(store: Store) -> Mark:
    """A cheap question to ask before rendering again."""
    with store.reading() as connection:
        newest = connection.execute(select(func.max(timeline.c.id))).scalar() or 0
        versions = connection.execute(select(func.sum(incident_table.c.version))).scalar() or 0
    return Mark(int(newest), int(versions))


def _rows(connection: Connection, found: Sequence[StoreRow[Any]], now_ns: int, desk: Desk | None) -> list[Row]:
    alerts = _alerts_by_incident(connection, found)
    names = {row.id: row.name for row in officers(connection)}
    people = residents_by_id(connection, {row.resident_id for row in found if row.resident_id is not None})
    steps = next_steps(connection, found, people, desk, now_ns)
    return [_row(row, alerts[row.id], names, people, steps.get(row.id), now_ns) for row in found]


def _alerts_by_incident(connection: Connection, found: Sequence[StoreRow[Any]]) -> dict[int, list[StoreRow[Any]]]:
    """Of each incident, in the order in which they fired: one whose alert spoke again in a later one still shows it."""
    alerts: dict[int, list[StoreRow[Any]]] = {row.id: [] for row in found}
    for alert in alerts_of(connection, list(alerts)):
        alerts[alert.incident_id].append(alert)
    for row in found:
        if not alerts[row.id]:
            alerts[row.id] = [alert for alert in [find_alert(connection, row.headline_key)] if alert is not None]
    return alerts


def _row(
    row: StoreRow[Any],
    alerts: Sequence[StoreRow[Any]],
    names: Mapping[int, str],
    people: Mapping[int, StoreRow[Any]],
    next_step: NextStep | None,
    now_ns: int,
) -> Row:
    headline = next((alert for alert in alerts if alert.key == row.headline_key), alerts[0])
    resident = people.get(row.resident_id)
    return Row(
        incident_id=row.id,
        version=row.version,
        state=State(row.state),
        severity=Severity(row.severity),
        headline=_alert_view(headline),
        count=sum(1 + alert.repeats + alert.reopenings for alert in alerts),
        watch_id=row.watch_id,
        resident=None if resident is None else _resident_view(resident, now_ns),
        opened_ms=row.opened_ms,
        opened_ns=row.opened_ns,
        happened_ms=row.happened_ms,
        owner_id=row.owner_id,
        owner_name=names.get(row.owner_id, ""),
        acknowledged_ns=row.acknowledged_ns,
        next_step=next_step,
        retry_ns=row.retry_ns,
        resolved_ns=row.resolved_ns,
        outcome=row.outcome,
        note=row.note,
    )


def _alert_view(row: StoreRow[Any]) -> AlertView:
    return AlertView(
        key=row.key,
        rule=row.rule,
        rule_version=row.rule_version,
        severity=Severity(row.severity),
        message=row.message,
        started_ms=row.started_ms,
        fired_ms=row.fired_ms,
        happened_ms=row.event_ms if row.event_ms >= 0 else row.fired_ms,
        arrived_ms=row.arrival_ms if row.arrival_ms >= 0 else None,
        resolved_ms=row.resolved_ms,
        late=row.late,
        repeats=row.repeats,
        reopenings=row.reopenings,
        inputs=row.inputs,
    )


def _resident_view(row: StoreRow[Any], now_ns: int) -> ResidentView:
    plain = {name: getattr(row, name) for name in ResidentView.__slots__ if name not in ("age", "sex")}
    return ResidentView(**plain, age=age(row.born, now_ns), sex=row.sex or "")


def _event(row: StoreRow[Any], names: Mapping[int, str]) -> Event:
    who = names.get(row.officer_id, "")
    return Event(row.id, row.at_ns, What(row.what), who, row.alert_key, row.message_id, row.detail)


def _message_view(row: StoreRow[Any], names: Mapping[int, str]) -> MessageView:
    same = ("id", "channel", "reason", "state", "due_ns", "handed_ns", "delivered_ns", "problem", "subject", "body")
    plain = {name: getattr(row, name) for name in same}
    return MessageView(**plain, to_name=names.get(row.officer_id, ""), is_family=row.officer_id is None)
