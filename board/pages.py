"""The duty page, one incident, and the stream of changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, StreamingResponse

from alerts.incidents.contract import Outcome
from alerts.store.incidents import note_audit
from board.duty_view import BoardView, board_view
from board.hub import View
from board.incident_view import Details, details
from board.words import say

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from board.front import Front
    from board.hub import Hub, Stream
    from board.visitor import Visitor

OUTCOMES = tuple(outcome.value for outcome in Outcome)
REMEMBERED_CARDS = 10_000


class Pages:
    """GET only: nothing here changes an incident."""

    def __init__(self, front: Front, hub: Hub) -> None:
        self._front = front
        self._hub = hub
        self._cards_seen: set[tuple[int, int]] = set()

    async def duty(self, request: Request) -> Response:
        """`/`, with `?i=` the incident in the pane; else the one that comes first."""
        visitor = await self._front.viewer(request)
        board = await asyncio.to_thread(board_view, self._front.context, visitor.language, may_act=visitor.may_act)
        chosen = _chosen(request, board)
        shown = None if chosen is None else await self._details(chosen, visitor)
        return self._front.page(
            "duty.html", request, visitor, board=board, incident=shown, outcomes=OUTCOMES, live=True
        )

    async def incident(self, request: Request) -> Response:
        """`/i/{id}`, a page of its own: on a phone, and without scripts."""
        visitor = await self._front.viewer(request)
        shown = await self._known(request, visitor)
        return self._front.page("incident.html", request, visitor, incident=shown, outcomes=OUTCOMES, live=True)

    async def pane(self, request: Request) -> Response:
        """`/i/{id}/pane`: the pane alone, for the scripts of the duty page."""
        visitor = await self._front.viewer(request)
        shown = await self._known(request, visitor)
        token = self._front.seal.form_token(visitor.session)
        words = {"incident": shown, "may_act": visitor.may_act, "outcomes": OUTCOMES, "form_token": token}
        return HTMLResponse(self._front.text("pane.html", visitor.language, **words))

    async def events(self, request: Request) -> Response:
        """`/events`: server-sent events, `board` (HTML) at first and on change, `beat` (JSON) every few seconds."""
        visitor = await self._front.viewer(request)
        stream = await self._hub.open(View(visitor.language, visitor.may_act))
        headers = {"X-Accel-Buffering": "no"}  # nginx would hold the events back
        return StreamingResponse(self._frames(stream, request), media_type="text/event-stream", headers=headers)

    async def _frames(self, stream: Stream, request: Request) -> AsyncIterator[bytes]:
        try:
            async for frame in stream.frames():
                yield frame
                if (await self._front.visitor(request)).officer is None:
                    yield b'event: signed_out\ndata: ""\n\n'
                    return
        finally:
            self._hub.close(stream)

    async def _known(self, request: Request, visitor: Visitor) -> Details:
        shown = await self._details(request.path_params["id"], visitor)
        if shown is None:
            raise HTTPException(404, say(visitor.language, "answer.unknown_incident"))
        return shown

    async def _details(self, incident_id: int, visitor: Visitor) -> Details | None:
        shown = await asyncio.to_thread(details, self._front, incident_id, visitor)
        if shown is not None and shown.care is not None:
            await asyncio.to_thread(self._note_card, incident_id, visitor.officer_id)
        return shown

    def _note_card(self, incident_id: int, officer_id: int) -> None:
        """Who saw whose care card: once an incident and officer, as long as the board runs."""
        if (incident_id, officer_id) in self._cards_seen:
            return
        with self._front.context.store.transaction() as connection:
            note_audit(connection, self._front.now_ns, "care_card_seen", officer_id, incident_id=incident_id)
        if len(self._cards_seen) >= REMEMBERED_CARDS:
            self._cards_seen.clear()
        self._cards_seen.add((incident_id, officer_id))


def _chosen(request: Request, board: BoardView) -> int | None:
    asked = request.query_params.get("i", "")
    if asked.isascii() and asked.isdecimal() and len(asked) < 19:
        return int(asked)
    return next((row.id for part in board.lists for row in part.rows), None)
