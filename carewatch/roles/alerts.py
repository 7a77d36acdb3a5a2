"""The role `alerts`: engine, store, outbox, gateways' callbacks, API and board, wired together."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog
import uvicorn

from alerts.adopt import adopt_settings
from alerts.delivery.gateway_routes import GatewayCallbacks
from alerts.delivery.letters import Writer
from alerts.delivery.outbox import Outbox
from alerts.incidents.contract import Desk
from alerts.people.officers import keep_officers
from alerts.people.roster import load_roster
from alerts.pipeline import AlertPipeline
from alerts.policy.options import EscalationOptions
from alerts.store.database import open_store
from board.app import Ages, BoardContext, BoardOptions, create_app
from carewatch.control import ControlSocket
from carewatch.health import Health
from carewatch.keys import board_secret
from carewatch.places import control_socket, status_file
from carewatch.roles.alerts_status import alerts_status
from carewatch.roles.gateways import channels_of
from carewatch.roles.life import clock_of, keep_status, live
from carewatch.roles.people_actions import people_actions
from carewatch.settings_sources import SettingsError
from carewatch.status import RoleStatus
from ingest.log.follow import follow, wait_for_log
from ingest.log.sqlite_reader import SqliteLogReader
from ingest.watches import Watches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from alerts.store.database import Store
    from carewatch.clock import ScaledClock, WallClock
    from carewatch.settings import Settings
    from ingest.log.contract import Record

log = structlog.get_logger(__name__)

NS_PER_MS = 1_000_000


@dataclass(slots=True)
class Parts:
    """What the role is made of."""

    settings: Settings
    clock: WallClock | ScaledClock
    store: Store
    reader: SqliteLogReader
    watches: Watches
    desk: Desk
    pipeline: AlertPipeline
    outbox: Outbox
    board_reader: SqliteLogReader
    status: RoleStatus = field(default_factory=lambda: RoleStatus("alerts", os.getpid()))
    data_s: float | None = None
    engine_s: float | None = None


async def run_alerts(settings: Settings) -> None:
    """Until told to end. Raises with the remedy if something cannot be as it is set up."""
    listener = _listen(settings)
    parts = await _built(settings)
    try:
        server = uvicorn.Server(_web(parts))
        await live(
            parts.pipeline.run(lambda after: _followed(parts, after)),
            parts.outbox.run(),
            _served(server, listener),
            ControlSocket(control_socket(settings, "alerts"), people_actions(parts)).run(),
            keep_status(status_file(settings, "alerts"), lambda: _status(parts)),
        )
        await asyncio.to_thread(parts.pipeline.keep_snapshot)
    finally:
        parts.store.close()
        parts.reader.close()
        parts.board_reader.close()
        listener.close()


async def _built(settings: Settings) -> Parts:
    clock = clock_of(settings)
    has_receipts, zone = bool(settings.sms.callback_url), settings.site.time_zone
    escalation = EscalationOptions(**settings.escalation.model_dump(), has_receipts=has_receipts, time_zone=zone)
    desk = Desk(load_roster(settings.roster_file), escalation)
    store = open_store(settings.store.url)
    keep_officers(store, desk.roster)
    reader = await wait_for_log(settings.log.path)
    watches = Watches(reader.watches())
    adopt(settings, store, watches, clock.now_ns())
    pipeline = AlertPipeline(store, reader, watches, clock, desk)
    writer = Writer(ZoneInfo(settings.site.time_zone), settings.board.public_url, board_secret(settings))
    outbox = Outbox(store, channels_of(settings), writer, desk, clock)
    board_reader = SqliteLogReader(settings.log.path)
    return Parts(settings, clock, store, reader, watches, desk, pipeline, outbox, board_reader)


def adopt(settings: Settings, store: Store, watches: Watches, now_ns: int) -> int:
    """Make the rules of the file hold from the next record on, if they are good; returns the settings version."""
    try:
        text = settings.rules_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"rules_file = {str(settings.rules_file)!r}: cannot be read: {error}") from None
    # A jump of log time is deaf time by the machine's seconds; the demo's clock runs faster than those.
    deaf_gap_ms = int(10_000 * settings.clock.speed)
    zone = settings.site.time_zone
    return adopt_settings(store, text, zone, watches, now_ns, note="file", deaf_gap_ms=deaf_gap_ms).version


async def _status(parts: Parts) -> RoleStatus:
    parts.status = await asyncio.to_thread(alerts_status, parts)
    return parts.status


async def _followed(parts: Parts, after: int) -> AsyncIterator[Sequence[Record]]:
    async for records in follow(parts.reader, after):
        yield records
        parts.engine_s = time.monotonic()
        if any(len(record.readings) for record in records):
            parts.data_s = parts.engine_s


def _web(parts: Parts) -> uvicorn.Config:
    settings, clock = parts.settings, parts.clock
    ingest = {"ingest": status_file(settings, "ingest")}
    health = Health(lambda: parts.status, ingest, lambda: clock.now_ns() // NS_PER_MS)
    secret = settings.sms.callback_secret.get_secret_value()
    callbacks = GatewayCallbacks(parts.store, parts.desk, clock, secret, settings.site.language)
    context = BoardContext(
        store=parts.store,
        log_reader=parts.board_reader,
        watches=parts.watches,
        clock=clock,
        options=_board_options(settings),
        ages=lambda: _ages(parts),
        roster=lambda: parts.desk.roster,
        escalation=parts.desk.options,
    )
    app = create_app(context, [*callbacks.routes(), *health.routes()])
    return uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=3, lifespan="on")


def _board_options(settings: Settings) -> BoardOptions:
    return BoardOptions(
        secret=board_secret(settings),
        title=settings.site.name,
        language=settings.site.language,
        time_zone=settings.site.time_zone,
        build=version("carewatch"),
        secure_cookies=settings.board.secure_cookies,
        clock_speed=settings.clock.speed,
    )


def _ages(parts: Parts) -> Ages:
    """In real seconds: how long since data came, the engine stepped, the outbox went round."""
    now_s = time.monotonic()
    return Ages(_age(parts.data_s, now_s), _age(parts.engine_s, now_s), _age(parts.outbox.last_round_s, now_s))


def _age(since_s: float | None, now_s: float) -> float | None:
    return None if since_s is None else now_s - since_s


def _listen(settings: Settings) -> socket.socket:
    """Taken before anything else is begun: a port in use is said at once, and nothing is half started."""
    host, port = settings.board.host, settings.board.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise SettingsError(
            f"board.host = {host!r}, board.port = {port}: cannot listen there: {error.strerror}; "
            "stop the other program, or set another board.port"
        ) from None


async def _served(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until cancelled. uvicorn's own signal handling is left out: the role decides when to end."""
    try:
        await server._serve([listener])  # noqa: SLF001 - serve() would take over the role's signals
    except asyncio.CancelledError:
        server.should_exit = True
        await server.shutdown(sockets=[listener])
        raise
