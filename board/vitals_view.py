"""The plot of heart rate and the map of one incident, with their words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select

from alerts.store.tables import watch_status
from board import heart_plot, place_map
from board.headline import heart_limits
from board.moments import NS_PER_MS, distance, spoken
from board.recent import nothing
from board.words import say
from ingest.log.contract import LogError

if TYPE_CHECKING:
    from alerts.incidents.views import Row
    from board.front import Front
    from board.heart_plot import HeartPlot
    from board.place_map import PlaceMap
    from board.recent import Recent

log = structlog.get_logger(__name__)

BLUR_M = 100.0
"""Before an incident is taken its position is shown to this much: the building, not the door."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """`heart_text` stands where there is no plot; `geo_link` opens the visitor's own maps."""

    heart: HeartPlot | None
    heart_text: str
    place: PlaceMap | None
    place_text: str
    geo_link: str


def vitals(front: Front, row: Row, language: str, *, is_exact: bool) -> Vitals:
    """Of the last hours before now. A log that can't be read leaves the plot out and says so."""
    now_ms = front.now_ns // NS_PER_MS
    heart_text = say(language, "heart.none")
    try:
        recent = _recent(front, row.watch_id, now_ms)
    except LogError:
        log.exception("board_cannot_read_the_log")
        recent, heart_text = nothing(), say(language, "heart.unreadable")
    alert = row.headline
    limits = heart_limits(alert.inputs)
    run_ms = (alert.started_ms, alert.resolved_ms or now_ms) if limits else None
    heart = heart_plot.draw(recent.heart_ms, recent.bpm, now_ms, limits, run_ms) if len(recent.bpm) else None
    place, place_text, geo_link = _place(front, row, recent, language, is_exact=is_exact)
    return Vitals(heart, heart_text, place, place_text, geo_link)


def _recent(front: Front, watch_id: str, now_ms: int) -> Recent:
    watch = front.context.watches.get(watch_id)
    if front.recent is None or watch is None:
        return nothing()
    return front.recent.of(watch.index, now_ms)


def _place(
    front: Front, row: Row, recent: Recent, language: str, *, is_exact: bool
) -> tuple[PlaceMap | None, str, str]:
    resident = row.resident
    home, radius_m = None, None
    if resident is not None and resident.latitude is not None and resident.longitude is not None:
        home, radius_m = (resident.latitude, resident.longitude), resident.home_radius_m
    if not len(recent.lat):
        return None, _last_known(front, row.watch_id, language), ""
    accuracy_m = float(recent.accuracy_m[-1])
    blur_m = 0.0 if is_exact else BLUR_M
    drawn = place_map.draw(recent.lat, recent.lon, accuracy_m, home, radius_m, blur_m)
    age_ms = front.now_ns // NS_PER_MS - int(recent.track_ms[-1])
    parts = [say(language, "place.age", age=spoken(age_ms, language))]
    if accuracy_m == accuracy_m:  # noqa: PLR0124 - not NaN
        parts.insert(0, say(language, "place.accuracy", distance=distance(accuracy_m, language)))
    if drawn is not None and drawn.away_m is not None:
        parts.insert(0, say(language, "place.away", distance=distance(drawn.away_m, language)))
    if not is_exact:
        return drawn, " · ".join([*parts, say(language, "place.blurred")]), ""
    return drawn, " · ".join(parts), f"geo:{recent.lat[-1]:.6f},{recent.lon[-1]:.6f}"


def _last_known(front: Front, watch_id: str, language: str) -> str:
    with front.context.store.reading() as connection:
        query = select(watch_status.c.position_ms).where(watch_status.c.watch_id == watch_id)
        position_ms = connection.execute(query).scalar()
    if position_ms is None:
        return say(language, "place.none")
    age = spoken(front.now_ns // NS_PER_MS - position_ms, language)
    return say(language, "place.last_known", age=age)
