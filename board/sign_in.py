"""Signing in: name and password, or a link that works once. Signing out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select
from starlette.responses import HTMLResponse, RedirectResponse, Response

from alerts.store.incidents import note_audit
from alerts.store.people import find_officer, officer_by_login
from alerts.store.tables import audit
from board.passwords import is_password
from board.session import COOKIE, NOBODY
from board.visitor import checked_form, text_field
from board.words import say

if TYPE_CHECKING:
    from starlette.requests import Request

    from board.front import Front
    from board.session import Session

log = structlog.get_logger(__name__)

NS_PER_S = 1_000_000_000


class SignIn:
    """The pages of `/sign-in`."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def form(self, request: Request) -> Response:
        """GET /sign-in."""
        visitor = await self._front.visitor(request)
        wanted = local_path(request.query_params.get("next", "/"))
        return self._front.page("sign_in.html", request, visitor, problem="", login="", next=wanted)

    async def password(self, request: Request) -> Response:
        """POST /sign-in: 303 on success, else the form again with what is wrong (401; 429 after too many tries)."""
        front = self._front
        visitor = await front.visitor(request)
        form = await checked_form(front.seal, request, visitor)
        login, wanted = text_field(form, "login", 64).strip(), local_path(text_field(form, "next"))
        wait_ns = front.tries.wait_ns(login, front.now_ns)
        if wait_ns:
            problem, status = say(visitor.language, "sign_in.wait", count=-(-wait_ns // NS_PER_S)), 429
        else:
            front.tries.failed(login, front.now_ns)  # until it is right: guesses sent all at once count, too
            officer_id = await asyncio.to_thread(self._checked, login, text_field(form, "password"))
            if officer_id is not None:
                return front.signed_in(officer_id, wanted)
            problem, status = say(visitor.language, "sign_in.wrong"), 401
        shown = {"problem": problem, "login": login, "next": wanted}
        return front.page("sign_in.html", request, visitor, status=status, **shown)

    def _checked(self, login: str, password: str) -> int | None:
        front = self._front
        with front.context.store.reading() as connection:
            officer = officer_by_login(connection, login)
        if not is_password("" if officer is None else officer.password_hash, password) or officer is None:
            log.warning("sign_in_refused", officer_id=None if officer is None else officer.id)
            return None
        front.tries.succeeded(login)
        with front.context.store.transaction() as connection:
            note_audit(connection, front.now_ns, "signed_in", officer.id)
        return int(officer.id)

    async def link(self, request: Request) -> Response:
        """GET /sign-in/{token}: shows whom it signs in; changes nothing, so that a preview can't use it up."""
        front = self._front
        visitor = await front.visitor(request)
        opened = self._opened(request)
        name = None if opened is None else await asyncio.to_thread(self._unused_by, opened)
        if name is None:
            return self._over(visitor.language)
        return front.page("sign_in_link.html", request, visitor, officer_name=name)

    async def use_link(self, request: Request) -> Response:
        """POST /sign-in/{token}: signs in, once."""
        front = self._front
        visitor = await front.visitor(request)
        await checked_form(front.seal, request, visitor)
        opened = self._opened(request)
        if opened is None or not await asyncio.to_thread(self._use, opened):
            return self._over(visitor.language)
        return front.signed_in(opened.officer_id, "/")

    def _opened(self, request: Request) -> Session | None:
        options = self._front.context.options
        token = request.path_params["token"]
        return self._front.seal.open_sign_in_token(token, self._front.now_ns, options.sign_in_link_clock_ns)

    def _unused_by(self, opened: Session) -> str | None:
        """The name of the officer whose link it is; None if it was used or they are gone."""
        with self._front.context.store.reading() as connection:
            if connection.execute(select(audit.c.id).where(audit.c.what == _mark(opened)).limit(1)).first():
                return None
            officer = find_officer(connection, opened.officer_id)
        return None if officer is None else str(officer.name)

    def _use(self, opened: Session) -> bool:
        with self._front.context.store.transaction() as connection:
            used = connection.execute(select(audit.c.id).where(audit.c.what == _mark(opened)).limit(1)).first()
            if used or find_officer(connection, opened.officer_id) is None:
                return False
            note_audit(connection, self._front.now_ns, _mark(opened), opened.officer_id)
        return True

    def _over(self, language: str) -> Response:
        words = {"title": say(language, "ack.over"), "text": say(language, "sign_in.link.over"), "back": "/sign-in"}
        return HTMLResponse(self._front.text("message.html", language, **words), 410)

    async def out(self, request: Request) -> Response:
        """POST /sign-out."""
        visitor = await self._front.visitor(request)
        await checked_form(self._front.seal, request, visitor)
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(COOKIE, path="/")
        if visitor.officer_id != NOBODY:
            await asyncio.to_thread(self._note_out, visitor.officer_id)
        return answer

    def _note_out(self, officer_id: int) -> None:
        with self._front.context.store.transaction() as connection:
            note_audit(connection, self._front.now_ns, "signed_out", officer_id)


def local_path(wanted: str) -> str:
    """A path of this site, or `/`: a link can't send anyone elsewhere after sign-in."""
    return wanted if wanted.startswith("/") and not wanted.startswith(("//", "/\\")) else "/"


def _mark(opened: Session) -> str:
    return f"sign_in_link:{opened.mark}"
