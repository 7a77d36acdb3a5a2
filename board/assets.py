"""Styles, scripts and the icon: read once, kept by browsers for as long as their address holds."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from board.render import STATIC, asset_build

if TYPE_CHECKING:
    from starlette.requests import Request

MEDIA = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
FOR_EVER = "public, max-age=31536000, immutable"
NOT_KEPT = "no-cache"


@cache
def _contents() -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in STATIC.iterdir() if entry.name.rpartition(".")[2] in MEDIA}


async def asset_answer(request: Request) -> Response:
    """GET /static/{build}/{name}. An old build's address gets the present content, not to be kept."""
    name = request.path_params["name"]
    content = _contents().get(name)
    if content is None:
        raise HTTPException(404)
    is_present = request.path_params["build"] == asset_build()
    kept = {"Cache-Control": FOR_EVER if is_present else NOT_KEPT}
    return Response(content, media_type=MEDIA[name.rpartition(".")[2]], headers=kept)
