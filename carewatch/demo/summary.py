"""What a demo comes to, in the form that `--json` ends with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from alerts.engine.contract import Change, Why
from alerts.store.tables import alert, message, transition
from carewatch.exported import alert_rows
from simulator.alerts_file import Alert
from simulator.score import score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.store.database import Store
    from carewatch.status import RoleStatus
    from simulator.tally import Published
    from simulator.truth import Truth

DAY_MS = 86_400_000
AT_ONCE = (Why.EVENT, Why.SOONER)
"""Alerts that fire with the reading itself; one that waits first is late by its own rule, not by ours."""


@dataclass
class Witness:
    """What the town did, seen as it happens: the simulator's side of the comparison.

    `published_ns`: (watch id, event time) of a reading -> the clock's ns at which it was first published.
    """

    began_ms: int = 0
    ended_ms: int = 0
    published: int = 0
    published_ns: dict[tuple[str, int], int] = field(default_factory=dict)
    truths: list[Truth] = field(default_factory=list)

    def on_publish(self, one: Published) -> None:
        """Distinct readings are counted; of emergencies the time of publishing is kept."""
        if one.copy == 0:
            self.published += 1
            if one.kind in ("fall", "sos"):
                self.published_ns[one.watch_id, one.time_ms] = one.published_ns


def summary(
    store: Store, ingest: RoleStatus | None, witness: Witness, *, speed: float, residents: int
) -> dict[str, Any]:
    """Of the run that `witness` saw and the store tells of."""
    counters = ingest.counters if ingest is not None else {}
    alerts = alert_rows(store)
    lasted_ms = max(witness.ended_ms - witness.began_ms, 1)
    days = residents * lasted_ms / DAY_MS
    scored = score(witness.truths, [Alert(**row) for row in alerts], ended_ms=witness.ended_ms, resident_days=days)
    latencies_s = [ns / speed / 1e9 for ns in _latencies_ns(store, witness.published_ns)]
    return {
        "readings": {
            "published": witness.published,
            "committed": _count(counters, "readings_committed"),
            "duplicates": _count(counters, "duplicates"),
            "quarantined": _count(counters, "quarantined"),
            "lost": _count(counters, "lost"),
            "influx_written": _count(counters, "influx_written"),
        },
        "alerts": {"fired": len(alerts), "by_rule": dict(sorted(Counter(row["rule"] for row in alerts).items()))},
        "truth": {
            "emergencies": scored.emergencies,
            "alerted": scored.emergencies_alerted,
            "missed": scored.emergencies_missed,
            "false_emergencies": scored.false_emergencies,
        },
        "messages": _messages(store),
        "latency_s": {
            "published_to_handed_p50": _percentile(latencies_s, 50),
            "published_to_handed_p99": _percentile(latencies_s, 99),
            "count": len(latencies_s),
        },
        "minutes": round(lasted_ms / speed / 60_000, 2),
    }


def _count(counters: Mapping[str, float], name: str) -> int:
    return int(counters.get(name, 0))


def _percentile(values: list[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 4) if values else None


def _messages(store: Store) -> dict[str, int]:
    with store.reading() as connection:
        rows = connection.execute(select(message.c.channel).where(message.c.handed_ns.is_not(None))).scalars()
        counts = Counter(rows)
    return {"sms": counts["sms"], "email": counts["email"]}


def _latencies_ns(store: Store, published_ns: Mapping[tuple[str, int], int]) -> list[int]:
    """Of each fall and SOS that fired at once: from its publishing to the first message that a gateway has."""
    fired = transition.c.change == Change.FIRING.value
    at_once = transition.c.why.in_([why.value for why in AT_ONCE])
    query = select(alert.c.key, alert.c.watch_id, transition.c.event_ms, alert.c.incident_id).join(
        transition, transition.c.alert_key == alert.c.key
    )
    latencies = []
    with store.reading() as connection:
        for key, watch_id, event_ms, incident_id in connection.execute(query.where(fired, at_once)):
            mine = message.c.key.startswith(f"{key}|", autoescape=True) & (message.c.incident_id == incident_id)
            handed = select(message.c.handed_ns).where(mine, message.c.handed_ns.is_not(None))
            first_ns = min(connection.execute(handed).scalars(), default=None)
            sent_ns = published_ns.get((watch_id, event_ms))
            if first_ns is not None and sent_ns is not None:
                latencies.append(first_ns - sent_ns)
    return latencies
