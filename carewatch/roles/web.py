"""The web side of the role alerts: board, API, gateways' callbacks, /healthz and /metrics, on one port.

Alerts never wait for it: while the port is somebody else's, messages go out all the same, and it is tried again.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog
import uvicorn

from alerts.delivery.gateway_routes import GatewayCallbacks
from board.app import Ages, BoardContext, BoardOptions, create_app
from carewatch.body_limit import BodyLimit
from carewatch.health import Health
from carewatch.keys import board_secret
from carewatch.places import status_file

if TYPE_CHECKING:
    from carewatch.roles.alerts_parts import Parts
    from carewatch.settings import Settings

log = structlog.get_logger(__name__)

NS_PER_MS = 1_000_000
LISTEN_AGAIN_S = 2.0
END_WITHIN_S = 8.0


async def serve(parts: Parts) -> None:
    """Until cancelled."""
    listener = await _listening(parts)
    try:
        await serve_apart(uvicorn.Server(_web(parts)), listener)
    finally:
        listener.close()


async def serve_apart(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve in a loop and threads of its own, until cancelled.

    A flood of requests (each wrong password costs a core for a tenth of a second) then waits for itself, and no alert
    waits for it. uvicorn's own signal handling is left out: the role decides when to end.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def serving() -> None:
        failure: BaseException | None = None
        try:
            asyncio.run(server._serve([listener]))  # noqa: SLF001 - serve() would take over the role's signals
        except BaseException as error:  # noqa: BLE001 - handed to the loop that waits
            failure = error
        loop.call_soon_threadsafe(_settle, ended, failure)

    thread = threading.Thread(target=serving, name="web", daemon=True)
    thread.start()
    try:
        await asyncio.shield(ended)
    except asyncio.CancelledError:
        server.should_exit = True
        await asyncio.wait([ended], timeout=END_WITHIN_S)
        raise


def _settle(ended: asyncio.Future[None], failure: BaseException | None) -> None:
    if failure is None or isinstance(failure, asyncio.CancelledError):
        ended.set_result(None)
    elif isinstance(failure, Exception):
        ended.set_exception(failure)
    else:  # SystemExit: uvicorn's word that it cannot start
        ended.set_exception(RuntimeError(f"the web server ended: {failure!r}"))


async def _listening(parts: Parts) -> socket.socket:
    """The port, as soon as it is to be had; what keeps us from it is told once, and in the role's status."""
    while True:
        try:
            listener = _listen(parts.settings)
        except OSError as error:
            board = parts.settings.board
            what = f"board.host = {board.host!r}, board.port = {board.port}: cannot listen there: {error.strerror}"
            if parts.web_problem != what:
                log.warning("board_not_served", problem=what, remedy=REMEDY)
            parts.web_problem = what
            await asyncio.sleep(LISTEN_AGAIN_S)
        else:
            parts.web_problem = ""
            return listener


REMEDY = "stop the other program, or set another board.port; SMS and emails go out meanwhile"


def _listen(settings: Settings) -> socket.socket:
    host = settings.board.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, settings.board.port), family=family, backlog=512)


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
    return uvicorn.Config(BodyLimit(app), log_config=None, access_log=False, timeout_graceful_shutdown=3, lifespan="on")


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
