"""What a visitor is told when a request is refused or fails: in their language, as JSON to programs."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from board.visitor import LANGUAGE_COOKIE
from board.words import LANGUAGES, say

if TYPE_CHECKING:
    from starlette.requests import Request

    from board.front import Front

log = structlog.get_logger(__name__)

FOR_SCRIPTS = ("/events", "/api/")


class Refusals:
    """Starlette's exception handlers."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def refused(self, request: Request, error: Exception) -> Response:
        """An HTTPException. Before sign-in a page leads to the sign-in page, and from there back."""
        if not isinstance(error, HTTPException):
            raise error
        if is_for_program(request) or request.url.path.endswith("/pane"):
            return JSONResponse({"text": error.detail}, error.status_code, error.headers)
        if error.status_code == HTTPStatus.UNAUTHORIZED:
            wanted = request.url.path if request.method == "GET" else "/"
            return RedirectResponse(f"/sign-in?{urlencode({'next': wanted})}", 303)
        text = error.detail
        if text == HTTPStatus(error.status_code).phrase:  # starlette's own, in English only
            text = say(self._language(request), "error.not_found") if error.status_code == 404 else text
        return self._page(request, error.status_code, text)

    async def store_failed(self, request: Request, error: Exception) -> Response:
        """The store can't be read or written: nothing was kept, and the person must know."""
        log.error("store_failed", path=request.url.path, error=str(error))
        text = say(self._language(request), "error.store")
        return JSONResponse({"text": text}, 503) if is_for_program(request) else self._page(request, 503, text)

    async def failed(self, request: Request, _error: Exception) -> Response:
        """Anything else. Starlette raises it again afterwards, so that the server logs where it came from."""
        text = say(self._language(request), "error.server")
        return JSONResponse({"text": text}, 500) if is_for_program(request) else self._page(request, 500, text)

    def _page(self, request: Request, status: int, text: str) -> Response:
        language = self._language(request)
        words = {"title": say(language, "error.title"), "text": text, "back": "/"}
        return HTMLResponse(self._front.text("message.html", language, **words), status)

    def _language(self, request: Request) -> str:
        wished = request.cookies.get(LANGUAGE_COOKIE, "")
        return wished if wished in LANGUAGES else self._front.context.options.language


def is_for_program(request: Request) -> bool:
    """Whether a program asks, not a person."""
    return request.url.path.startswith(FOR_SCRIPTS) or "application/json" in request.headers.get("accept", "")
