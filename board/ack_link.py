"""`/a/{token}`, the link in an email: GET shows, POST takes, once. Mail scanners open links; only a person presses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from alerts.delivery.links import token_id_of
from alerts.incidents.actions import LINK_LIFE_NS, ActionResult, acknowledge_by_link
from alerts.store.people import find_officer
from alerts.store.replies import find_link
from board.answers import outcome_text
from board.incident_view import ack_card
from board.visitor import checked_form
from board.words import LANGUAGES, say

if TYPE_CHECKING:
    from sqlalchemy import Row
    from starlette.requests import Request
    from starlette.responses import Response

    from board.front import Front
    from board.hub import Hub
    from board.visitor import Visitor


class AckLink:
    """The two methods of the address."""

    def __init__(self, front: Front, hub: Hub) -> None:
        self._front = front
        self._hub = hub

    async def show(self, request: Request) -> Response:
        """GET: what it is about and who has it. Surname and community only: a forwarded email tells no more."""
        visitor = await self._front.visitor(request)
        link, officer = await asyncio.to_thread(self._link, request)
        if link is None or officer is None:
            return self._over(request, visitor)
        language = officer.language if officer.language in LANGUAGES else visitor.language
        card = await asyncio.to_thread(ack_card, self._front, link.incident_id, language)
        is_good = link.used_ns is None and self._front.now_ns <= link.issued_ns + LINK_LIFE_NS
        may_take = is_good and card is not None and card.holder_name == "" and not card.is_closed
        title = say(language, "ack.title", name=officer.name) if may_take else say(language, "ack.over")
        why = say(language, "ack.why" if may_take else "ack.over.why")
        return self._page(request, visitor, language, title, why, card=card, may_take=may_take)

    async def take(self, request: Request) -> Response:
        """POST: acknowledges for the officer whom the email was sent to."""
        front = self._front
        visitor = await front.visitor(request)
        await checked_form(front.seal, request, visitor)
        link, officer = await asyncio.to_thread(self._link, request)
        if link is None or officer is None:
            return self._over(request, visitor)
        language = officer.language if officer.language in LANGUAGES else visitor.language
        options = front.context.escalation
        answer = await asyncio.to_thread(
            acknowledge_by_link, front.context.store, link.token_id, front.now_ns, options=options
        )
        self._hub.poke()
        if answer.result is ActionResult.DONE:
            title, why, status = say(language, "ack.done"), say(language, "ack.done.why"), 200
        else:
            title, why, status = outcome_text(answer, language), "", 409
        card = await asyncio.to_thread(ack_card, front, link.incident_id, language)
        return self._page(request, visitor, language, title, why, card=card, status=status)

    def _link(self, request: Request) -> tuple[Row[Any] | None, Row[Any] | None]:
        """The link's row and its officer."""
        token_id = token_id_of(self._front.context.options.secret, request.path_params["token"])
        if token_id is None:
            return None, None
        with self._front.context.store.reading() as connection:
            link = find_link(connection, token_id)
            return link, None if link is None else find_officer(connection, link.officer_id)

    def _over(self, request: Request, visitor: Visitor) -> Response:
        language = visitor.language
        title, why = say(language, "ack.over"), say(language, "ack.over.why")
        return self._page(request, visitor, language, title, why, status=410)

    def _page(self, request: Request, visitor: Visitor, language: str, title: str, why: str, **shown: Any) -> Response:
        card = shown.pop("card", None)
        where = f"/?i={card.id}" if card is not None else "/"
        words = {"title": title, "why": why, "incident": card, "board_path": where, "may_take": False, **shown}
        return self._front.page("ack.html", request, visitor, speak=language, **words)
