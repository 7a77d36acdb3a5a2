"""Every metric: its name, type, label and what it means. /metrics and docs/operations.md are made from here.

Names are what a role's status says; Prometheus sees `carewatch_<role>_<name>`, a counter with `_total` behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Type(StrEnum):
    """Prometheus' types that are used."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of one role. `label`: the dimension by which it is told apart, if any."""

    role: str
    name: str
    type: Type
    meaning: str
    label: str = ""

    @property
    def family(self) -> str:
        """As Prometheus' HELP line names it, a counter without `_total`."""
        return f"carewatch_{self.role}_{self.name}"

    @property
    def shown(self) -> str:
        """As a query names it."""
        return self.family + ("_total" if self.type is Type.COUNTER else "")


_INGEST_COUNTERS = (
    ("messages", "MQTT messages committed or known already, by session (emergencies, readings)", "session"),
    ("readings_committed", "readings in the log", ""),
    ("readings_late", "readings but emergencies that arrived more than 10 min after they happened", ""),
    ("duplicates", "readings that were in the log already: resends", ""),
    ("lost", "readings that watches gave up before they came: seqs below `oldest`", ""),
    ("shed", "readings acknowledged to the broker but not kept, for want of room on the disk; never emergencies", ""),
    ("commits", "records with readings or quarantine that the log took", ""),
    ("commit_failures", "commits that the log did not take; each was tried again", ""),
    ("ticks", "records that say that nothing came", ""),
    ("rows_merged", "small rows of the log taken into large ones", ""),
    ("receipts", "receipts handed to the broker", ""),
    ("receipts_unsent", "receipts that could not be handed over; each costs one resend", ""),
    ("unknown_fields", "fields that no format knows", ""),
    ("unknown_watches", "watches that spoke before anybody registered them", ""),
    ("quarantined", "messages in quarantine", "reason"),
    ("quarantine_not_kept", "messages that could not be read and were only counted: quarantine was full", ""),
    ("quarantine_read", "readings that retries brought out of quarantine", ""),
    ("fields_emptied", "known fields whose value could not stand, the rest of the reading kept", "reason"),
    ("link_connections", "connections to the broker, the first one counted", "session"),
    ("influx_written", "points that InfluxDB took", ""),
    ("influx_refused", "points that InfluxDB refused for ever, set aside", ""),
    ("influx_writes", "requests to write that InfluxDB answered", ""),
    ("influx_retries", "requests made again, answered or not", ""),
)
_INGEST_GAUGES = (
    ("broker_up", "1 while both sessions are subscribed", ""),
    ("link_up", "1 while the session is subscribed to every filter", "session"),
    ("batches_waiting", "batches delivered and not yet committed; at 4 a session reading pauses", ""),
    ("log_end", "offset of the newest record", ""),
    ("log_records", "records kept", ""),
    ("log_bytes", "size of the log's file with its write-ahead part", ""),
    ("log_merged", "offset up to which small records are merged into large ones", ""),
    ("disk_free_bytes", "room on the log's disk that carewatch may use", ""),
    ("room", "1 while there is plenty of room, 0.5 when it is low, 0 while readings are shed", ""),
    ("watches", "watches in the registry", ""),
    ("watches_provisional", "of these, watches that nobody registered", ""),
    ("consumer_lag_records", "records that a consumer has not read", "consumer"),
    ("influx_lag_records", "records that the InfluxDB writer has not written", ""),
    ("influx_lag_seconds", "how far log time at the InfluxDB writer is behind now", ""),
)
_INGEST_HISTOGRAMS = (
    ("commit_seconds", "time of one commit, fsync included"),
    ("commit_rows", "readings in one commit"),
    ("puback_lag_seconds", "from the arrival of a batch's oldest message until its PUBACK is written"),
)
_ALERTS_COUNTERS = (
    ("records", "offset of the record that the engine has judged", ""),
    ("messages_handed", "messages that gateways took since the start", ""),
    ("messages", "messages that gateways took, all that the store knows", "channel"),
    ("points_written", "changes of alerts that InfluxDB took", ""),
    ("points_refused", "changes of alerts that InfluxDB refused for ever", ""),
)
_ALERTS_GAUGES = (
    ("lag_records", "records that the engine has not judged"),
    ("log_time_ms", "log time that the engine has judged, ms since 1970"),
)

METRICS: tuple[Metric, ...] = (
    *(Metric("ingest", name, Type.COUNTER, meaning, label) for name, meaning, label in _INGEST_COUNTERS),
    *(Metric("ingest", name, Type.GAUGE, meaning, label) for name, meaning, label in _INGEST_GAUGES),
    *(Metric("ingest", name, Type.HISTOGRAM, meaning) for name, meaning in _INGEST_HISTOGRAMS),
    *(Metric("alerts", name, Type.COUNTER, meaning, label) for name, meaning, label in _ALERTS_COUNTERS),
    *(Metric("alerts", name, Type.GAUGE, meaning) for name, meaning in _ALERTS_GAUGES),
)
METRIC = {(metric.role, metric.name): metric for metric in METRICS}
