"""The engine's transitions of one record become rows, inside the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from alerts.engine.contract import Change
from alerts.incidents.contract import What
from alerts.incidents.firing import alert_fired, alert_repeated
from alerts.incidents.owing import Cause
from alerts.store.alerts import (
    alert_key,
    count_repeat,
    find_alert,
    insert_alert,
    insert_transition,
    mark_resolved,
    reopen,
)
from alerts.store.incidents import change_incident, note_audit, note_event
from alerts.store.people import wearer_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from alerts.engine.contract import Transition
    from alerts.incidents.contract import Desk
    from ingest.watches import Watches

log = structlog.get_logger(__name__)


def keep_transitions(
    connection: Connection,
    desk: Desk,
    watches: Watches,
    offset: int,
    transitions: Sequence[Transition],
    now_ns: int,
) -> int:
    """Write the transitions of the record `offset` and all that follows from them. Returns how many could not be.

    One that stands already (the same offset and number) is passed over with all its effects, so applying a record
    twice changes nothing. A failure of the database passes through: the caller's transaction is rolled back, and
    nothing is half. Any other failure is this program's fault: it undoes that one transition, is kept in the audit
    table and logged, and does not keep the others from being told.
    """
    failed = 0
    for number, change in enumerate(transitions):
        watch_id = watches.at(change.watch).watch_id
        key = alert_key(watch_id, change.rule, change.started_ms)
        try:
            with connection.begin_nested():
                if insert_transition(connection, offset, number, key, change):
                    _apply(connection, desk, watch_id, key, change, Cause(f"t{offset}.{number}", now_ns))
        except SQLAlchemyError:
            raise
        except Exception as error:
            failed += 1
            log.exception("transition_failed", key=key, offset=offset, number=number)
            detail: dict[str, Any] = {"alert_key": key, "offset": offset, "number": number, "problem": repr(error)}
            note_audit(connection, now_ns, "transition_failed", **detail)
    return failed


def _apply(connection: Connection, desk: Desk, watch_id: str, key: str, change: Transition, cause: Cause) -> None:
    match change.change:
        case Change.FIRING:
            _raise_alert(connection, watch_id, key, change)
            alert_fired(connection, desk, key, cause)
        case Change.REPEATED:
            count_repeat(connection, key)
            if find_alert(connection, key) is not None:
                alert_repeated(connection, desk, key, cause)
        case Change.RESOLVED:
            mark_resolved(connection, key, change.at_ms, change.why.value)
            _note(connection, key, What.CLEARED, change, cause)
        case Change.CONTRADICTED:
            _note(connection, key, What.CONTRADICTED, change, cause)
        case Change.PENDING | Change.CALLED_OFF | Change.BROKEN:
            pass  # kept for explain and score; nobody is told


def _raise_alert(connection: Connection, watch_id: str, key: str, change: Transition) -> None:
    wearer = wearer_of(connection, watch_id)
    if not insert_alert(connection, key, watch_id, None if wearer is None else wearer.id, change):
        reopen(connection, key)
    if not change.shadow:
        log.info("alert_fired", key=key, rule=change.rule, severity=change.severity.value, late=change.late)


def _note(connection: Connection, key: str, what: What, change: Transition, cause: Cause) -> None:
    alert = find_alert(connection, key)
    if alert is None or alert.incident_id is None:
        return  # of a shadow rule, or withheld by a policy
    change_incident(connection, alert.incident_id)
    detail: dict[str, Any] = {"why": change.why.value, "at_ms": int(change.at_ms)}
    note_event(connection, alert.incident_id, cause.now_ns, what, alert_key=key, **detail)
