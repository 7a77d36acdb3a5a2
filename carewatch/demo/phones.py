"""The demo's stand-in for an SMS gateway and the phones behind it: it speaks Kannel's sendsms and its callbacks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import structlog
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

log = structlog.get_logger(__name__)

SMSC_ACCEPTED, DELIVERED = "8", "1"


@dataclass(frozen=True, slots=True)
class Sms:
    """One message as its receiver reads it."""

    receiver: str
    text: str


class Phones:
    """`app` is served at `/cgi-bin/sendsms`; each message is kept, receipted, and shown to `on_sms`."""

    def __init__(self, username: str, password: str, reply_url: str, on_sms: Callable[[Sms], None]) -> None:
        self._account = (username, password)
        self._reply_url = reply_url
        self._on_sms = on_sms
        self._errands: set[asyncio.Task[None]] = set()
        self.received: list[Sms] = []
        self.app = Starlette(routes=[Route("/cgi-bin/sendsms", self._sendsms)])

    async def reply(self, sender: str, text: str) -> None:
        """A person with the phone `sender` answers."""
        await self._call(f"{self._reply_url}&from={quote(sender)}&text={quote(text)}&charset=UTF-8")

    async def _sendsms(self, request: Request) -> Response:
        said = request.query_params
        if (said.get("username"), said.get("password")) != self._account:
            return PlainTextResponse("Authorization failed for sendsms", status_code=403)
        sms = Sms(said["to"], said["text"])
        self.received.append(sms)
        self._on_sms(sms)
        if receipt_url := said.get("dlr-url"):
            errand = asyncio.create_task(self._receipt(receipt_url))
            self._errands.add(errand)
            errand.add_done_callback(self._errands.discard)
        return PlainTextResponse("0: Accepted for delivery", status_code=202)

    async def _receipt(self, url: str) -> None:
        for kind in (SMSC_ACCEPTED, DELIVERED):
            await self._call(url.replace("%d", kind).replace("%A", "ACK"))

    async def _call(self, url: str) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            try:
                answer = await http.get(url)
                answer.raise_for_status()
            except httpx.HTTPError as error:
                # The role may be starting again; Kannel would drop the receipt too.
                log.warning("demo_callback_failed", problem=type(error).__name__)
