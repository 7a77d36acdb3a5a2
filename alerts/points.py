"""Changes of alerts out of the store, as points for InfluxDB (WIRE.md section 4), at a place of their own.

A point is a change of an alert that was raised: from its firing on. What only was pending is no alert, and a shadow
rule's alert nobody was told of; both stay in the store alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from alerts.engine.contract import Change
from alerts.store.places import Place, move_place, read_place
from alerts.store.tables import alert, transition
from ingest.influx.line_protocol import AlertPoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from ingest.watches import Watches

CONSUMER = "alert_points"
"""Its row of engine_place: how far in the log the changes are in InfluxDB."""
TAKE = 1_000
NUMBERS_A_RECORD = 1_000
"""Changes of one alert in one record are far fewer, so that no two of its points have the same time."""


@dataclass(frozen=True, slots=True)
class NextPoints:
    """What follows a place. `place`: where to stand once the points are written; None when nothing has changed.

    `more`: there may be more already.
    """

    points: list[AlertPoint]
    place: Place | None = None
    more: bool = False


def next_points(connection: Connection, watches: Watches, site: str, take: int = TAKE) -> NextPoints:
    """The points after the kept place: of `take` changes, and of the rest of the last one's record.

    `site` is the tag of a watch whose registry entry has none, as for readings.
    """
    after = read_place(connection, CONSUMER).offset
    changes = _changes(connection, after, take)
    if not changes:
        return NextPoints([])
    points = [_point(row, watches, site) for row in changes if _is_told(row)]
    return NextPoints(points, Place(changes[-1].offset, changes[-1].at_ms), more=len(changes) >= take)


def keep_place(connection: Connection, place: Place) -> None:
    """Everything up to `place` is in InfluxDB, or set aside. Points written again overwrite themselves."""
    move_place(connection, place, CONSUMER)


def _changes(connection: Connection, after: int, take: int) -> Sequence[Row[Any]]:
    """Changes of whole records: a place is a record's offset."""
    in_order = (transition.c.offset, transition.c.number)
    nth = select(transition.c.offset).where(transition.c.offset > after).order_by(*in_order).limit(1).offset(take - 1)
    last = connection.execute(nth).scalar()
    query = (
        select(transition, alert.c.watch_id, alert.c.severity, alert.c.rule_version, alert.c.shadow)
        .outerjoin(alert, transition.c.alert_key == alert.c.key)
        .where(transition.c.offset > after)
        .order_by(*in_order)
    )
    return connection.execute(query if last is None else query.where(transition.c.offset <= last)).all()


def _is_told(row: Row[Any]) -> bool:
    """Pending is told by nobody whether it fires later or not, or a point's being there would depend on the hour."""
    return row.watch_id is not None and not row.shadow and row.change != Change.PENDING.value


def _point(row: Row[Any], watches: Watches, site: str) -> AlertPoint:
    watch = watches.get(row.watch_id)
    return AlertPoint(
        watch_id=row.watch_id,
        site=(watch.site if watch is not None else "") or site,
        rule=row.rule,
        severity=row.severity,
        state=row.change,
        rule_version=row.rule_version,
        log_time_ms=row.at_ms,
        number=row.offset * NUMBERS_A_RECORD + row.number,
    )
