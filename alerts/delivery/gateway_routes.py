"""What gateways tell us over HTTP: delivery receipts, and what officers reply. Each call must know the secret."""

from __future__ import annotations

import asyncio
import hmac
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from alerts.delivery.channels.kannel import DELIVERED, FAILED, SMSC_REFUSED
from alerts.delivery.replies import reply_words
from alerts.incidents.actions import acknowledge_by_code
from alerts.incidents.codes import ALPHABET, CODE_LENGTH
from alerts.incidents.contract import ActionResult
from alerts.incidents.outbox import mark_delivered, mark_failed

if TYPE_CHECKING:
    from starlette.requests import Request

    from alerts.incidents.contract import Desk
    from alerts.seams import Clock
    from alerts.store.database import Store

log = structlog.get_logger(__name__)

UCS2 = "2"
MOST_CODES = 8
"""Looked up of one reply, however long it is."""
MOST_ID = 2**63
"""Beyond, no database holds a row's id."""
CODE = re.compile(rf"(?<![0-9A-Z])[{ALPHABET}]{{{CODE_LENGTH}}}(?![0-9A-Z])")


@dataclass(frozen=True, slots=True)
class GatewayCallbacks:
    """`secret`: of the gateway's calls; empty: every call is refused, and the log says which setting is missing.

    A call that the store fails answers 503, so that a gateway that can will call again.
    """

    store: Store
    desk: Desk
    clock: Clock
    secret: str
    language: str

    def routes(self) -> list[Route]:
        """Kannel calls by GET; others may post."""
        return [
            Route("/gateways/kannel/receipt", self._receipt, methods=["GET", "POST"]),
            Route("/gateways/kannel/reply", self._reply, methods=["GET", "POST"]),
        ]

    async def _receipt(self, request: Request) -> Response:
        said = _said(request)
        if refusal := self._refusal(said):
            return refusal
        try:
            message_id, kind = int(said["message"]), int(said["type"])
        except (KeyError, ValueError):
            return PlainTextResponse("message and type must be numbers", status_code=400)
        if not 0 <= message_id < MOST_ID:
            return PlainTextResponse("message is no number that we gave", status_code=400)
        try:
            await asyncio.to_thread(self._settle, message_id, kind, said.get("answer", ""))
        except SQLAlchemyError as error:
            return _store_failed(error)
        return PlainTextResponse("noted")

    def _settle(self, message_id: int, kind: int, answer: str) -> None:
        now_ns = self.clock.now_ns()
        if kind == DELIVERED:
            mark_delivered(self.store, message_id, now_ns)
        elif kind in (FAILED, SMSC_REFUSED):
            problem = f"the network did not deliver it (receipt {kind} {answer[:80]})"
            mark_failed(self.store, message_id, problem, now_ns, options=self.desk.options)

    async def _reply(self, request: Request) -> Response:
        said = _said(request)
        if refusal := self._refusal(said):
            return refusal
        sender, codes = said.get("from", ""), codes_in(said.get("text", ""))
        try:
            words = await asyncio.to_thread(self._taken, sender, codes)
        except SQLAlchemyError as error:
            return _store_failed(error)
        # Kannel sends the answer back as an SMS; without the coding it would turn Chinese into question marks.
        return PlainTextResponse(words, headers={} if words.isascii() else {"X-Kannel-Coding": UCS2})

    def _taken(self, sender: str, codes: list[str]) -> str:
        """By the first code that is one: of `I TAKE K7Q2` two look like codes."""
        answer = None
        for code in codes:
            answer = acknowledge_by_code(self.store, code, sender, self.clock.now_ns(), options=self.desk.options)
            if answer.result not in (ActionResult.UNKNOWN_CODE, ActionResult.WRONG_SENDER):
                break
        log.info("reply_received", result=answer.result.value if answer else "no_code")
        return reply_words(self.store, answer, self.language)

    def _refusal(self, said: dict[str, str]) -> Response | None:
        if self.secret and hmac.compare_digest(said.get("secret", "").encode(), self.secret.encode()):
            return None
        remedy = "give the gateway the secret of sms.callback_secret" if self.secret else "set sms.callback_secret"
        log.warning("gateway_call_refused", remedy=remedy)
        return PlainTextResponse("wrong secret", status_code=403)


def codes_in(text: str) -> list[str]:
    """What may be the reply code in what a hurried person typed: any case, full-width, with words or spaces around."""
    plain = unicodedata.normalize("NFKC", text).upper()
    return (CODE.findall(plain) or CODE.findall("".join(plain.split())))[:MOST_CODES]


def _said(request: Request) -> dict[str, str]:
    """The query's values. The bytes are in the charset that the call names: Kannel sends Chinese as UTF-16BE."""
    raw = dict(parse_qsl(request.url.query, keep_blank_values=True, encoding="latin-1"))
    try:
        return {
            key: value.encode("latin-1").decode(raw.get("charset") or "utf-8")
            for key, value in raw.items()
            if key == "text"
        } | {key: value for key, value in raw.items() if key != "text"}
    except (LookupError, ValueError):  # no such charset, or its bytes are none of it
        return raw


def _store_failed(error: SQLAlchemyError) -> Response:
    log.error("gateway_call_failed", exc_info=error, remedy="see the disk and store.url")
    return PlainTextResponse("try again", status_code=503)
