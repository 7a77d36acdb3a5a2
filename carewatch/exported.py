"""Alerts of the store as JSON lines (WIRE.md section 6)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from alerts.store.tables import alert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.store.database import Store


def alert_rows(store: Store, *, shadow: bool = False) -> list[dict[str, Any]]:
    """Every alert that people were told of, or those of shadow rules, in the order of firing."""
    query = select(alert).where(alert.c.shadow.is_(shadow)).order_by(alert.c.fired_ms, alert.c.key)
    with store.reading() as connection:
        return [
            {
                "watch": row.watch_id,
                "rule": row.rule,
                "severity": row.severity,
                "started": row.started_ms,
                "fired": row.fired_ms,
                "resolved": row.resolved_ms,
                "late": row.late,
                "inputs": row.inputs,
            }
            for row in connection.execute(query)
        ]


def alert_lines(store: Store, *, shadow: bool = False) -> Iterator[str]:
    """One JSON object a line."""
    return (json.dumps(row, ensure_ascii=False) for row in alert_rows(store, shadow=shadow))
