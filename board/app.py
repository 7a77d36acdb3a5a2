"""The duty board and the API as a Starlette application. Start here: every address and who answers it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Route

from board import addresses  # noqa: F401 - registers {id:row}
from board.ack_link import AckLink
from board.actions import Actions
from board.api import Api
from board.assets import asset_answer
from board.context import Ages, BoardContext, BoardOptions
from board.front import Front
from board.headers import SecurityHeaders
from board.hub import Hub
from board.pages import Pages
from board.refusals import Refusals
from board.sign_in import SignIn
from board.watching import Watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from starlette.routing import BaseRoute

__all__ = ["Ages", "BoardContext", "BoardOptions", "create_app", "routes"]

log = structlog.get_logger(__name__)

AGAIN_AFTER_S = 5.0


def create_app(context: BoardContext, extra_routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The whole application; `extra_routes` (callbacks of gateways, /healthz, /metrics) are tried first.

    The board's one task runs within the application's lifespan. If it should ever fail, the failure is logged and the
    task begins anew; meanwhile no beat goes out, and every browser says so after `beat_limit_s`.
    """
    front, hub = _parts(context)
    middleware = [Middleware(SecurityHeaders)]
    if context.options.allowed_hosts:
        middleware.append(Middleware(TrustedHostMiddleware, allowed_hosts=list(context.options.allowed_hosts)))
    refusals = Refusals(front)
    return Starlette(
        routes=[*extra_routes, *_routes(front, hub)],
        middleware=middleware,
        exception_handlers={
            HTTPException: refusals.refused,
            SQLAlchemyError: refusals.store_failed,
            500: refusals.failed,
        },
        lifespan=_lifespan(hub),
    )


def routes(context: BoardContext) -> list[BaseRoute]:
    """The addresses alone, for who brings headers, errors and lifespan along: streams then tell of no changes."""
    return _routes(*_parts(context))


def _parts(context: BoardContext) -> tuple[Front, Hub]:
    front = Front(context)
    watching = Watching(front)
    return front, Hub(context, watching.version, watching.board)


def _lifespan(hub: Hub) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def live(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(_keep_running(hub), name="board")
        yield
        task.cancel()
        hub.close_all()
        await asyncio.wait([task])

    return live


async def _keep_running(hub: Hub) -> None:
    while True:
        try:
            await hub.run()
        except Exception:
            log.exception("board_task_failed")
            await asyncio.sleep(AGAIN_AFTER_S)


def _routes(front: Front, hub: Hub) -> list[BaseRoute]:
    pages, sign_in, actions = Pages(front, hub), SignIn(front), Actions(front, hub)
    link, api = AckLink(front, hub), Api(front, hub)
    return [
        Route("/", pages.duty, methods=["GET"]),
        Route("/events", pages.events, methods=["GET"]),
        Route("/i/{id:row}", pages.incident, methods=["GET"]),
        Route("/i/{id:row}/pane", pages.pane, methods=["GET"]),
        Route("/i/{id:row}/acknowledge", actions.acknowledge, methods=["POST"]),
        Route("/i/{id:row}/resolve", actions.resolve, methods=["POST"]),
        Route("/i/{id:row}/comment", actions.comment, methods=["POST"]),
        Route("/sign-in", sign_in.form, methods=["GET"]),
        Route("/sign-in", sign_in.password, methods=["POST"]),
        Route("/sign-in/{token}", sign_in.link, methods=["GET"]),
        Route("/sign-in/{token}", sign_in.use_link, methods=["POST"]),
        Route("/sign-out", sign_in.out, methods=["POST"]),
        Route("/a/{token}", link.show, methods=["GET"]),
        Route("/a/{token}", link.take, methods=["POST"]),
        Route("/static/{build}/{name}", asset_answer, methods=["GET"]),
        *api.routes(),
    ]
