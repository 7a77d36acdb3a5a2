"""Who asks, in which language, and whether a change may come from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

from alerts.store.people import find_officer
from board.session import COOKIE, NOBODY, Seal, Session
from board.words import LANGUAGES, say

if TYPE_CHECKING:
    from sqlalchemy import Row
    from starlette.datastructures import FormData
    from starlette.requests import Request

    from board.context import BoardContext

LANGUAGE_COOKIE = "cw_language"
ACTING_ROLES = frozenset({"officer", "chief", "admin"})
BOARD_ROLES = ACTING_ROLES | {"viewer"}


@dataclass(frozen=True, slots=True)
class Visitor:
    """`officer` is None before sign-in; `is_new`: the session has yet to be given to the browser."""

    session: Session
    officer: Row[Any] | None
    language: str
    is_new: bool

    @property
    def may_look(self) -> bool:
        """Whether the board may be shown."""
        return self.officer is not None and self.officer.role in BOARD_ROLES

    @property
    def may_act(self) -> bool:
        """Whether incidents may be taken and closed."""
        return self.officer is not None and self.officer.role in ACTING_ROLES

    @property
    def officer_id(self) -> int:
        """Of the one signed in, else `NOBODY`."""
        return NOBODY if self.officer is None else int(self.officer.id)


def visitor_of(context: BoardContext, seal: Seal, request: Request) -> Visitor:
    """From the cookies; reads one row of the store. An officer who was struck from it is nobody."""
    now_ns = context.clock.now_ns()
    session = seal.open_session(request.cookies.get(COOKIE, ""), now_ns, context.options.session_clock_ns)
    is_new = session is None
    if session is None:
        session = seal.new_session(NOBODY, now_ns)
    officer = None
    if session.officer_id != NOBODY:
        with context.store.reading() as connection:
            officer = find_officer(connection, session.officer_id)
    return Visitor(session, officer, _language(context, request, officer), is_new)


def _language(context: BoardContext, request: Request, officer: Row[Any] | None) -> str:
    wishes = (
        request.query_params.get("lang"),
        request.cookies.get(LANGUAGE_COOKIE),
        officer.language if officer is not None else None,
    )
    return next((wish for wish in wishes if wish in LANGUAGES), context.options.language)


async def checked_form(seal: Seal, request: Request, visitor: Visitor) -> FormData:
    """The fields of a form of this very session, sent from this very site.

    Raises
    ------
    HTTPException
        403 when it came from elsewhere: the browser says so, or the session's token is missing or another's.
    """
    form = await request.form(max_files=0, max_fields=20)
    token = form.get("csrf")
    is_ours = isinstance(token, str) and seal.is_form_token(visitor.session, token)
    if not is_ours or is_cross_site(request):
        raise HTTPException(403, say(visitor.language, "error.cross_site"))
    return form


def is_cross_site(request: Request) -> bool:
    """By Sec-Fetch-Site, which browsers send on https and on this machine, else by Origin.

    An Origin of `null` is what our own pages send (they give no referrer): it says nothing, the form's token does.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site != "same-origin"
    origin = request.headers.get("origin")
    return origin not in (None, "null") and urlsplit(origin).netloc != request.headers.get("host")


def text_field(form: FormData, name: str, longest: int = 500) -> str:
    """A field's text, cut at `longest` characters; empty where it is missing or a file."""
    value = form.get(name)
    return value[:longest] if isinstance(value, str) else ""


def version_field(form: FormData) -> int | None:
    """The incident version that the page showed."""
    value = text_field(form, "version")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None
