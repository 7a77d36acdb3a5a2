"""What every page shares: the context, the seal, the hub; and how an answer is made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from board.duty_view import on_duty
from board.passwords import Tries
from board.recent import RecentReadings
from board.render import render
from board.session import COOKIE, Seal
from board.visitor import LANGUAGE_COOKIE, Visitor, checked_form, visitor_of
from board.words import LANGUAGES, say

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from board.context import BoardContext

YEAR_S = 365 * 86_400


class Front:
    """One a board."""

    def __init__(self, context: BoardContext) -> None:
        self.context = context
        self.seal = Seal(context.options.secret)
        self.tries = Tries()
        self.recent = None if context.log_reader is None else RecentReadings(context.log_reader)

    @property
    def now_ns(self) -> int:
        """By the context's clock."""
        return self.context.clock.now_ns()

    async def visitor(self, request: Request) -> Visitor:
        """Who asks, signed in or not."""
        return await asyncio.to_thread(visitor_of, self.context, self.seal, request)

    async def viewer(self, request: Request) -> Visitor:
        """Who asks, and may look at the board.

        Raises
        ------
        HTTPException
            401 before sign-in (pages turn it into the sign-in page), 403 for a role that may not look.
        """
        visitor = await self.visitor(request)
        if visitor.officer is None:
            raise HTTPException(401, say(visitor.language, "js.sign_in"))
        if not visitor.may_look:
            raise HTTPException(403, say(visitor.language, "error.not_allowed"))
        return visitor

    async def actor(self, request: Request) -> tuple[Visitor, FormData]:
        """Who sent a form that changes something, and its fields. HTTPException 401 or 403 if it may not."""
        visitor = await self.viewer(request)
        form = await checked_form(self.seal, request, visitor)
        if not visitor.may_act:
            raise HTTPException(403, say(visitor.language, "error.not_allowed"))
        return visitor, form

    def page(
        self, template: str, request: Request, visitor: Visitor, *, status: int = 200, speak: str = "", **variables: Any
    ) -> HTMLResponse:
        """A whole page, with the session's cookie where it is new and the language's where it was chosen.

        `speak`: another language than the visitor's, for a page that is addressed to somebody.
        """
        shared = {
            "form_token": self.seal.form_token(visitor.session),
            "officer_name": visitor.officer.name if visitor.officer is not None else "",
            "may_act": visitor.may_act,
            "on_duty": on_duty(self.context),
        }
        answer = HTMLResponse(self.text(template, speak or visitor.language, **{**shared, **variables}), status)
        if visitor.is_new:
            self.remember(answer, self.seal.close_session(visitor.session))
        if request.query_params.get("lang") in LANGUAGES:
            answer.set_cookie(LANGUAGE_COOKIE, visitor.language, YEAR_S, samesite="lax", httponly=True)
        return answer

    def text(self, template: str, language: str, **variables: Any) -> str:
        """A template in a language, now."""
        return render(template, self.context.options, language, self.now_ns // 1_000_000, **variables)

    def remember(self, answer: Response, cookie: str) -> None:
        """Give the browser its session."""
        secure = self.context.options.secure_cookies
        answer.set_cookie(COOKIE, cookie, samesite="lax", httponly=True, secure=secure, path="/")

    def signed_in(self, officer_id: int, to: str) -> RedirectResponse:
        """A fresh session, and on to the page that was asked for."""
        answer = RedirectResponse(to, 303)
        self.remember(answer, self.seal.close_session(self.seal.new_session(officer_id, self.now_ns)))
        return answer
