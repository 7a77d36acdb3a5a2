"""What the board and the API show of incidents. Plain values: no row, no connection outlives the reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.engine.contract import Severity
    from alerts.incidents.contract import State, What
    from alerts.policy.contract import Reason


@dataclass(frozen=True, slots=True)
class ResidentView:
    """The person. Position of the home in WGS-84 degrees, None if not known."""

    id: int
    name: str
    age: int | None
    sex: str
    address: str
    community: str
    phone: str
    language: str
    latitude: float | None
    longitude: float | None
    home_radius_m: float | None
    contact_name: str
    contact_phone: str
    contact_relation: str
    notes: str
    limits: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert. `message` keys its words; `happened_ms` is event time, `arrived_ms` None for a deadline."""

    key: str
    rule: str
    rule_version: str
    severity: Severity
    message: str
    started_ms: int
    fired_ms: int
    happened_ms: int
    arrived_ms: int | None
    resolved_ms: int | None
    late: bool
    repeats: int
    reopenings: int
    inputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NextStep:
    """When the next person is asked, why, and who, if the roster was given."""

    due_ns: int
    reason: Reason
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the board. `count`: alerts and their repeats. `resident` None: nobody is known to wear the watch."""

    incident_id: int
    version: int
    state: State
    severity: Severity
    headline: AlertView
    count: int
    watch_id: str
    resident: ResidentView | None
    opened_ms: int
    opened_ns: int
    happened_ms: int
    owner_id: int | None
    owner_name: str
    acknowledged_ns: int | None
    next_step: NextStep | None
    retry_ns: int | None
    resolved_ns: int | None
    outcome: str | None
    note: str


@dataclass(frozen=True, slots=True)
class DutyBoard:
    """`waiting`: severity, then oldest first. `in_hand`: newest taken first. `notices`: newest first."""

    waiting: tuple[Row, ...]
    in_hand: tuple[Row, ...]
    notices: tuple[Row, ...]
    last_closed_ns: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the timeline."""

    id: int
    at_ns: int
    what: What
    officer_name: str
    alert_key: str | None
    message_id: int | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message as it stands; `body` as sent, empty before."""

    id: int
    to_name: str
    is_family: bool
    channel: str
    reason: str
    state: str
    due_ns: int
    handed_ns: int | None
    delivered_ns: int | None
    problem: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An incident whole."""

    row: Row
    alerts: tuple[AlertView, ...]
    timeline: tuple[Event, ...]
    messages: tuple[MessageView, ...]
