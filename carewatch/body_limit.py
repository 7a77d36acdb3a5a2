"""How much a request may send: whoever reaches the port must not fill the memory of the process that alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_BYTES = 256 * 1024
"""A form of the board and a call of the API are a few hundred bytes."""


class BodyLimit:
    """ASGI middleware: takes the whole body first, and answers 413 as soon as it is more than `MOST_BODY_BYTES`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        taken: list[Message] = []
        held = 0
        while not taken or taken[-1].get("more_body"):
            taken.append(await receive())
            held += len(taken[-1].get("body", b""))
            if held > MOST_BODY_BYTES:
                refusal = PlainTextResponse(f"more than {MOST_BODY_BYTES} bytes", 413, {"Connection": "close"})
                await refusal(scope, receive, send)
                return
        waiting = iter(taken)

        async def again() -> Message:
            return next(waiting, None) or await receive()

        await self.app(scope, again, send)
