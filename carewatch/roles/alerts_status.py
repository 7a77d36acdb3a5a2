"""What the role alerts says of itself: how far the engine is, what waits, which gateway fails."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from alerts.delivery.outbox import SET_BY
from alerts.people.roster import gaps_in_cover
from alerts.store.messages import count_messages
from carewatch.status import Problem, RoleStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from carewatch.roles.alerts_parts import Parts
    from carewatch.settings import Settings

NS_PER_MS = 1_000_000
LAG_RECORDS = 2_000
"""More than the engine judges in a second or two: it does not keep up."""


def alerts_status(parts: Parts) -> RoleStatus:
    """Looks at the store and the log; call it in a thread."""
    place, end = parts.pipeline.health.place, parts.board_reader.end()
    with parts.store.reading() as connection:
        sent = count_messages(connection)
    return RoleStatus(
        "alerts",
        os.getpid(),
        counters={"records": float(place.offset), "messages_handed": float(parts.outbox.handed)}
        | _points_counted(parts),
        gauges={"lag_records": float(end - place.offset), "log_time_ms": float(place.log_time_ms)},
        by_label={"messages": {channel: float(count) for channel, count in sent.items()}},
        problems=tuple(_problems(parts, end - place.offset)),
    )


def _points_counted(parts: Parts) -> dict[str, float]:
    points = parts.points
    return {} if points is None else {"points_written": float(points.written), "points_refused": float(points.refused)}


def _problems(parts: Parts, lag_records: int) -> Iterator[Problem]:
    now_ms = parts.clock.now_ns() // NS_PER_MS
    yield from _of_the_engine(parts, lag_records, now_ms)
    if parts.web_problem:
        yield Problem("board", parts.web_problem, "stop the other program, or set another board.port", now_ms)
    if parts.roster_problem:
        yield Problem("roster", parts.roster_problem, "mend roster_file and restart", now_ms)
    if parts.rules_problem:
        yield Problem("rules", parts.rules_problem, "carewatch rules check; then carewatch rules reload", now_ms)
    yield from of_the_channels(parts.settings, parts.outbox.problems, now_ms)
    if parts.points is not None and parts.points.trouble is not None:
        told = parts.points.trouble
        what = f"changes of alerts are not written: {told.reason}: {told.words}"
        remedy = f"{told.remedy}; all is written from the store later"
        yield Problem("influx", what, remedy, told.since_ms, is_grave=False)
    for gap in gaps_in_cover(parts.desk.roster):
        yield Problem("roster", str(gap), "fill the gap in roster_file", now_ms, is_grave=False)


def of_the_channels(settings: Settings, failing: Mapping[str, tuple[str, int]], now_ms: int) -> Iterator[Problem]:
    """Each channel at most once. `failing`: channel -> (what is wrong, since when in ns), of messages.

    With neither set up nobody would be told of an alert: that is grave before the first one fails.
    """
    is_set = {"sms": bool(settings.sms.gateway), "email": bool(settings.email.host)}
    if not any(is_set.values()):
        what = "neither SMS nor email is set up: nobody would be told of an alert"
        yield Problem("sms", what, f"set {' or '.join(SET_BY.values())}", now_ms)
        return
    for channel, (what, since_ns) in failing.items():
        remedy = f"see docs/operations.md, {channel}" if is_set[channel] else f"set {SET_BY[channel]}"
        yield Problem(channel, what, remedy, since_ns // NS_PER_MS)
    for channel in is_set.keys() - failing.keys():
        if not is_set[channel]:
            yield Problem(channel, f"no {channel} is set up", f"set {SET_BY[channel]}", now_ms, is_grave=False)


def _of_the_engine(parts: Parts, lag_records: int, now_ms: int) -> Iterator[Problem]:
    health = parts.pipeline.health
    if health.problem:
        yield Problem("store", health.problem, "see the disk and store.url", health.since_ns // NS_PER_MS)
    if health.failed_transitions:
        what = f"{health.failed_transitions} changes of alerts could not be written"
        yield Problem("alerts", what, "the audit table holds each with its reason", now_ms)
    if health.unjudged:
        what = f"the engine failed on {health.unjudged} readings and left them out"
        remedy = "report what the log says at record_not_judged; the audit table names the records"
        yield Problem("engine", what, remedy, now_ms)
    if lag_records > LAG_RECORDS:
        yield Problem("engine", f"{lag_records} records behind the log", "see the machine's load", now_ms)
