"""Views as the API's JSON. Times end in `_ms`: milliseconds since 1970 UTC. Names here are the contract."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from board.moments import NS_PER_MS
from ingest.log.contract import RecordKind
from ingest.reading import COLUMN, COLUMNS, Kind, Readings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.incidents.protection import Protection
    from alerts.incidents.views import AlertView, Event, IncidentView, MessageView, ResidentView, Row
    from board.context import BoardContext

MOST_READINGS = 10_000
RECORDS_A_READ = 512
LATE_MS = 3_600_000
"""A reading is looked for in the log from its own time to this much later; what came later still is not found."""
NOT_SHOWN = frozenset({"watch", "raw_time_ms", "oldest", "datum"})


def row_json(row: Row) -> dict[str, Any]:
    """An incident as lists give it."""
    return {
        "id": row.incident_id,
        "version": row.version,
        "state": row.state.value,
        "severity": row.severity.value,
        "alert": alert_json(row.headline),
        "count": row.count,
        "watch_id": row.watch_id,
        "resident": None if row.resident is None else resident_json(row.watch_id, row.resident),
        "opened_ms": row.opened_ms,
        "happened_ms": row.happened_ms,
        "owner": None if row.owner_id is None else {"officer_id": row.owner_id, "name": row.owner_name},
        "acknowledged_ms": ms(row.acknowledged_ns),
        "retry_ms": ms(row.retry_ns),
        "resolved_ms": ms(row.resolved_ns),
        "outcome": row.outcome,
        "note": row.note,
    }


def incident_json(view: IncidentView) -> dict[str, Any]:
    """An incident whole."""
    return {
        **row_json(view.row),
        "alerts": [alert_json(alert) for alert in view.alerts],
        "timeline": [_event_json(event) for event in view.timeline],
        "messages": [_message_json(message) for message in view.messages],
    }


def alert_json(alert: AlertView) -> dict[str, Any]:
    """An alert with the inputs as they stood."""
    return {**asdict(alert), "severity": alert.severity.value, "inputs": dict(alert.inputs)}


def resident_json(watch_id: str, resident: ResidentView) -> dict[str, Any]:
    """A resident and their watch."""
    return {"watch_id": watch_id, **asdict(resident), "limits": dict(resident.limits)}


def protection_json(found: Protection) -> dict[str, Any]:
    """Counts by cause and who is not protected."""
    return {
        "total": found.total,
        "counts": {cause.value: count for cause, count in found.counts.items()},
        "unprotected": [{**asdict(row), "cause": row.cause.value} for row in found.rows],
    }


def readings_json(context: BoardContext, watch_ids: Sequence[str], from_ms: int, to_ms: int) -> dict[str, Any]:
    """Readings with from_ms <= time < to_ms, oldest first, `MOST_READINGS` at most (`more` says if there are more).

    Raises
    ------
    ingest.log.contract.LogError
        The log can't be read.
    """
    found: list[dict[str, Any]] = []
    for watch_id in watch_ids:
        watch = context.watches.get(watch_id)
        if watch is not None and context.log_reader is not None:
            found += _of_watch(context, watch.index, from_ms, to_ms)
    found.sort(key=lambda reading: reading["time_ms"])
    return {"readings": found[:MOST_READINGS], "more": len(found) > MOST_READINGS}


def _of_watch(context: BoardContext, index: int, from_ms: int, to_ms: int) -> list[dict[str, Any]]:
    reader = context.log_reader
    if reader is None:
        return []
    offset = reader.offset_before(from_ms)
    found: list[dict[str, Any]] = []
    while len(found) <= MOST_READINGS and (records := reader.read(offset, RECORDS_A_READ)):
        offset = records[-1].offset
        for record in records:
            if record.kind is RecordKind.READINGS:
                time_ms = record.readings["time_ms"]
                mine = (record.readings["watch"] == index) & (time_ms >= from_ms) & (time_ms < to_ms)
                found += _plain(record.readings.take(mine))
        if records[-1].log_time_ms > to_ms + LATE_MS:
            break
    return found


def _plain(readings: Readings) -> list[dict[str, Any]]:
    """One mapping a reading, without what is absent."""
    names = [column.name for column in COLUMNS if column.name in readings.present and column.name not in NOT_SHOWN]
    columns = {name: readings[name] for name in names}
    return [
        {
            name: _value(name, values[row].item())
            for name, values in columns.items()
            if not _is_absent(name, values[row])
        }
        for row in range(len(readings))
    ]


def _value(name: str, value: Any) -> Any:
    column = COLUMN[name]
    if name == "kind":
        return Kind(value).topic
    if column.words is not None:
        return column.words(value).name.lower()
    return bool(value) if column.is_flag else value


def _is_absent(name: str, value: Any) -> bool:
    absent = COLUMN[name].absent
    return bool(np.isnan(value)) if np.isnan(absent) else value == absent


def ms(time_ns: int | None) -> int | None:
    """Milliseconds of a clock time."""
    return None if time_ns is None else time_ns // NS_PER_MS


def _event_json(event: Event) -> dict[str, Any]:
    return {
        "at_ms": ms(event.at_ns),
        "what": event.what.value,
        "officer": event.officer_name or None,
        "alert": event.alert_key,
        "message_id": event.message_id,
        "detail": dict(event.detail),
    }


def _message_json(message: MessageView) -> dict[str, Any]:
    times = {"due_ms": ms(message.due_ns), "handed_ms": ms(message.handed_ns), "delivered_ms": ms(message.delivered_ns)}
    plain = ("id", "to_name", "is_family", "channel", "reason", "state", "problem", "subject", "body")
    return {**{name: getattr(message, name) for name in plain}, **times}
