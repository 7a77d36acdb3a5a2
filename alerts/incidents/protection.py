"""Who is protected at this moment, and who is not and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from alerts.store.people import muted_residents, wearers
from alerts.store.watch_status import statuses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

    from alerts.store.database import Store

NO_SIGNAL_MS = 30 * 60_000
FLAT_PCT = 5.0
NS_PER_MS = 1_000_000


class Cause(StrEnum):
    """Why a resident is or is not protected; the first that holds."""

    NEVER_HEARD = "never_heard"  # the watch has not spoken yet
    FLAT = "flat"
    NO_SIGNAL = "no_signal"
    CHARGING = "charging"
    NOT_WORN = "not_worn"
    MUTED = "muted"
    PROTECTED = "protected"


@dataclass(frozen=True, slots=True)
class ProtectionRow:
    """One resident. `since_ms`: since when, as far as is known."""

    resident_id: int
    name: str
    address: str
    community: str
    phone: str
    watch_id: str
    cause: Cause
    since_ms: int | None
    last_event_ms: int | None
    battery: float | None


@dataclass(frozen=True, slots=True)
class Protection:
    """`counts` has every cause; `rows` those who are not protected, longest first, by cause."""

    total: int
    counts: Mapping[Cause, int]
    rows: tuple[ProtectionRow, ...]


def protection(store: Store, now_ms: int) -> Protection:
    """Of every resident with a watch."""
    with store.reading() as connection:
        known = statuses(connection)
        muted = muted_residents(connection, now_ms * NS_PER_MS)
        rows = [_row(row, known.get(row.watch_id), row.id in muted, now_ms) for row in wearers(connection)]
    order = list(Cause)
    counts = {cause: sum(row.cause is cause for row in rows) for cause in order}
    missing = [row for row in rows if row.cause is not Cause.PROTECTED]
    missing.sort(key=lambda row: (order.index(row.cause), row.since_ms or 0, row.watch_id))
    return Protection(len(rows), counts, tuple(missing))


def _row(resident: Row[Any], status: Row[Any] | None, is_muted: bool, now_ms: int) -> ProtectionRow:
    cause, since_ms = _cause(status, is_muted, now_ms)
    return ProtectionRow(
        resident_id=resident.id,
        name=resident.name,
        address=resident.address,
        community=resident.community,
        phone=resident.phone,
        watch_id=resident.watch_id,
        cause=cause,
        since_ms=since_ms,
        last_event_ms=None if status is None else status.last_event_ms,
        battery=None if status is None else status.battery,
    )


def _cause(status: Row[Any] | None, is_muted: bool, now_ms: int) -> tuple[Cause, int | None]:
    if status is None:
        return Cause.NEVER_HEARD, None
    # By arrival: a watch that speaks has a signal, whatever its clock says and however old its backlog is.
    if now_ms - status.last_arrival_ms > NO_SIGNAL_MS:
        is_flat = status.battery is not None and status.battery <= FLAT_PCT
        return Cause.FLAT if is_flat else Cause.NO_SIGNAL, status.last_arrival_ms
    if status.charging == 1:
        return Cause.CHARGING, status.worn_since_ms if status.worn == 0 else None
    if status.worn == 0:
        return Cause.NOT_WORN, status.worn_since_ms
    return (Cause.MUTED, None) if is_muted else (Cause.PROTECTED, None)
