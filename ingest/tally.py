"""What ingest counts, for /metrics, /healthz and the demo. Totals since the start of the process."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from ingest.heard import LastHeard
from ingest.histogram import Histogram
from ingest.normalise.seen import Verdict
from ingest.reading import EMERGENCY_KINDS, Flag

if TYPE_CHECKING:
    from ingest.mqtt.delivered import Delivered
    from ingest.prepare import Prepared
    from ingest.reading import Readings

LATE_MS = 600_000
"""A reading that arrives more than this after it happened counts as late; emergencies are told apart, never so."""
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""40 ms is the bar for p99 of publish to committed."""
ROWS = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 65_536.0)


@dataclass(slots=True)
class Tally:
    """Changed only after what it counts is durable.

    `puback_lag_s`: from the arrival of a batch's oldest message until its PUBACK is written. `shed`: readings that
    were acknowledged to the broker but neither kept nor receipted, for want of room. `two_senders`: index of a watch
    whose id two seem to share -> arrival of the newest sign of it, ms.
    """

    messages: int = 0
    readings_committed: int = 0
    readings_late: int = 0
    duplicates: int = 0
    commits: int = 0
    ticks: int = 0
    commit_failures: int = 0
    receipts: int = 0
    receipts_unsent: int = 0
    lost: int = 0
    shed: int = 0
    unknown_fields: int = 0
    unknown_watches: int = 0
    quarantine_read: int = 0
    commit_s: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    commit_rows: Histogram = field(default_factory=lambda: Histogram(ROWS))
    puback_lag_s: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    two_senders: dict[int, int] = field(default_factory=dict)
    heard: LastHeard = field(default_factory=LastHeard)
    by_session: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    fields_emptied: Counter[str] = field(default_factory=Counter)

    def count(self, prepared: Prepared) -> None:
        """What one commit made durable."""
        self.messages += prepared.messages
        self.readings_committed += len(prepared.batch.readings)
        self.readings_late += late(prepared.batch.readings)
        self.duplicates += int((prepared.judgement.verdicts != Verdict.NEW).sum())
        self.heard.note(prepared.readings)
        self.two_senders |= _two_senders(prepared.batch.readings)
        self.unknown_fields += sum(prepared.decoded.unknown_fields.values())
        self.unknown_watches += len(prepared.batch.new_watches)
        self.quarantined.update(entry.reason for entry in prepared.batch.quarantined)
        self.fields_emptied.update(one.reason.value for one in prepared.decoded.refusals if one.field is not None)

    def acknowledged(self, session: str, delivered: Delivered, now_ns: int) -> None:
        """A batch's PUBACKs are written. `now_ns`: of the clock that `Delivered.first_ns` is of."""
        self.by_session[session] += len(delivered)
        if delivered.first_ns:
            self.puback_lag_s.observe((now_ns - delivered.first_ns) / 1e9)

    def totals(self) -> dict[str, float]:
        """Name -> total of what is counted without a reason."""
        return {one.name: value for one in fields(self) if isinstance(value := getattr(self, one.name), int)}

    def by_label(self) -> dict[str, dict[str, float]]:
        """Name -> reason, or session -> total."""
        return {
            "messages": dict(self.by_session),
            "quarantined": dict(self.quarantined),
            "fields_emptied": dict(self.fields_emptied),
        }

    def histograms(self) -> dict[str, Histogram]:
        """Name -> buckets, times in seconds."""
        return {
            "commit_seconds": self.commit_s,
            "commit_rows": self.commit_rows,
            "puback_lag_seconds": self.puback_lag_s,
        }


def _two_senders(readings: Readings) -> dict[int, int]:
    if not np.bitwise_or.reduce(readings["flags"]) & np.uint32(Flag.TWO_SENDERS):
        return {}
    chosen = readings["flags"] & np.uint32(Flag.TWO_SENDERS) > 0
    return dict(zip(readings["watch"][chosen].tolist(), readings["arrival_ms"][chosen].tolist(), strict=True))


def late(readings: Readings) -> int:
    """How many happened more than `LATE_MS` before they arrived, emergencies left out."""
    behind = readings["arrival_ms"] - readings["time_ms"] > LATE_MS
    if not behind.any():
        return 0
    for kind in EMERGENCY_KINDS:
        behind &= readings["kind"] != kind
    return int(behind.sum())
