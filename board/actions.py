"""What a person does on the board: POSTs of forms, by the page's scripts or without them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, RedirectResponse

from alerts.incidents import actions
from alerts.incidents.contract import ActionResult, Outcome, Via
from board.answers import outcome_text, status_of
from board.visitor import text_field, version_field
from board.words import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from alerts.incidents.contract import ActionAnswer
    from board.front import Front
    from board.hub import Hub
    from board.visitor import Visitor


class Actions:
    """POST /i/{id}/acknowledge, resolve and comment.

    Answers JSON `{"result", "text"}` to a script, else a page: 303 back to the board when done. A store that fails is
    the server's error (500), said to the person; nothing was kept.
    """

    def __init__(self, front: Front, hub: Hub) -> None:
        self._front = front
        self._hub = hub

    async def acknowledge(self, request: Request) -> Response:
        """Take it. A lost race answers 409 with who has it."""
        visitor, form = await self._front.actor(request)
        act = partial(
            actions.acknowledge,
            self._front.context.store,
            request.path_params["id"],
            visitor.officer_id,
            Via.BOARD,
            self._front.now_ns,
            version_field(form),
            options=self._front.context.escalation,
        )
        return await self._done(request, visitor, act, "answer.taken_by_you")

    async def resolve(self, request: Request) -> Response:
        """Close it with an outcome; Real needs a note."""
        visitor, form = await self._front.actor(request)
        act = partial(
            actions.resolve,
            self._front.context.store,
            request.path_params["id"],
            visitor.officer_id,
            outcome_of(text_field(form, "outcome")),
            text_field(form, "note"),
            self._front.now_ns,
            version_field(form),
            options=self._front.context.escalation,
        )
        return await self._done(request, visitor, act, "answer.done")

    async def comment(self, request: Request) -> Response:
        """Add a line to its timeline."""
        visitor, form = await self._front.actor(request)
        text, incident_id = text_field(form, "text"), request.path_params["id"]
        act = partial(
            actions.comment, self._front.context.store, incident_id, visitor.officer_id, text, self._front.now_ns
        )
        return await self._done(request, visitor, act, "answer.done")

    async def _done(
        self, request: Request, visitor: Visitor, act: Callable[[], ActionAnswer], done_key: str
    ) -> Response:
        answer = await asyncio.to_thread(act)
        self._hub.poke()
        is_done = answer.result is ActionResult.DONE
        text = say(visitor.language, done_key) if is_done else outcome_text(answer, visitor.language)
        status = status_of(answer.result)
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"result": answer.result.value, "text": text}, status)
        back = f"/i/{request.path_params['id']}"
        if is_done:
            return RedirectResponse(back, 303)
        title = say(visitor.language, "error.title")
        return self._front.page("message.html", request, visitor, status=status, title=title, text=text, back=back)


def outcome_of(text: str) -> Outcome | None:
    """The outcome of this name; None for any other text."""
    return Outcome(text) if text in set(Outcome) else None
