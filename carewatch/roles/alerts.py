"""The role `alerts`: engine, store, outbox, gateways' callbacks, API and board, wired together."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from alerts.delivery.letters import Writer
from alerts.delivery.outbox import Outbox
from alerts.incidents.clock_set import move_what_is_due
from alerts.incidents.contract import Desk
from alerts.people.officers import keep_officers
from alerts.pipeline import AlertPipeline
from alerts.policy.options import EscalationOptions
from alerts.store.database import open_store
from carewatch.control import ControlSocket
from carewatch.influx import influx_options
from carewatch.keys import board_secret
from carewatch.places import control_socket, status_file
from carewatch.roles.alert_points import AlertPoints
from carewatch.roles.alerts_parts import Parts
from carewatch.roles.alerts_status import alerts_status
from carewatch.roles.gateways import channels_of
from carewatch.roles.life import clock_of, follow_the_wall, keep_status, live, made, told_to_end
from carewatch.roles.people_actions import people_actions
from carewatch.roles.rules_in_force import adopt_or_go_on
from carewatch.roles.web import serve
from carewatch.roster import roster_in_force
from ingest.influx.server import InfluxServer
from ingest.log.follow import follow, wait_for_log
from ingest.log.sqlite_reader import SqliteLogReader
from ingest.watches import Watches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from alerts.store.database import Store
    from carewatch.clock import ScaledClock, WallClock
    from carewatch.settings import Settings
    from carewatch.status import RoleStatus
    from ingest.log.contract import Record

log = structlog.get_logger(__name__)

NS_PER_MS = 1_000_000


async def run_alerts(settings: Settings) -> None:
    """Until told to end. Raises with the remedy if something cannot be as it is set up."""
    told = told_to_end()
    parts = await made(_built(settings), told)  # it waits for ingest to make the log
    if parts is None:
        return
    try:
        await live(
            parts.pipeline.run(lambda after: _followed(parts, after)),
            parts.outbox.run(),
            serve(parts),
            ControlSocket(control_socket(settings, "alerts"), people_actions(parts)).run(),
            keep_status(status_file(settings, "alerts"), lambda: _status(parts)),
            *([] if parts.points is None else [parts.points.run()]),
            follow_the_wall(parts.clock, lambda step_ns: _clock_set(parts, step_ns)),
            told=told,
        )
        await asyncio.to_thread(parts.pipeline.keep_snapshot)
    finally:
        parts.store.close()
        parts.reader.close()
        parts.board_reader.close()


async def _built(settings: Settings) -> Parts:
    clock = clock_of(settings)
    has_receipts, zone = bool(settings.sms.callback_url), settings.site.time_zone
    escalation = EscalationOptions(**settings.escalation.model_dump(), has_receipts=has_receipts, time_zone=zone)
    in_force = roster_in_force(settings)
    desk = Desk(in_force.roster, escalation)
    store = open_store(settings.store.url)
    if not in_force.problem:  # nobody leaves by a file that is wrong
        keep_officers(store, desk.roster, clock.now_ns())
    reader = await wait_for_log(settings.log.path)
    watches = Watches(reader.watches())
    rules_problem = adopt_or_go_on(settings, store, watches, clock.now_ns())
    pipeline = AlertPipeline(store, reader, watches, clock, desk)
    writer = Writer(ZoneInfo(settings.site.time_zone), settings.board.public_url, board_secret(settings))
    outbox = Outbox(store, channels_of(settings), writer, desk, clock)
    board_reader = SqliteLogReader(settings.log.path)
    parts = Parts(settings, clock, store, reader, watches, desk, pipeline, outbox, board_reader)
    parts.rules_problem, parts.roster_problem = rules_problem, in_force.problem
    if settings.influx.url:
        parts.points = _points(settings, store, watches, clock)
    return parts


def _points(settings: Settings, store: Store, watches: Watches, clock: WallClock | ScaledClock) -> AlertPoints:
    options = influx_options(settings)
    return AlertPoints(store, watches, InfluxServer(options), options, clock, site=settings.site.name)


async def _clock_set(parts: Parts, step_ns: int) -> None:
    await asyncio.to_thread(move_what_is_due, parts.store, step_ns, parts.clock.now_ns())


async def _status(parts: Parts) -> RoleStatus:
    parts.status = await asyncio.to_thread(alerts_status, parts)
    return parts.status


async def _followed(parts: Parts, after: int) -> AsyncIterator[Sequence[Record]]:
    async for records in follow(parts.reader, after):
        yield records
        parts.engine_s = time.monotonic()
        if any(len(record.readings) for record in records):
            parts.data_s = parts.engine_s
