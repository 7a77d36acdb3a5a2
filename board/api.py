"""`/api/v1/`: what other programs read and do. Bearer tokens with a role; the description is at openapi.json."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from alerts.incidents import actions, read
from alerts.incidents.contract import State, Via
from alerts.incidents.protection import protection
from board.actions import outcome_of
from board.answers import outcome_text, status_of
from board.moments import NS_PER_MS
from board.openapi import document
from board.tokens import ACTS, LOOKS, Bearer, bearer_of
from board.wire import incident_json, protection_json, readings_json, resident_json, row_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from alerts.incidents.contract import ActionAnswer
    from board.front import Front
    from board.hub import Hub

MOST_INCIDENTS = 1000
"""A page of them; older ones by the database."""


class Api:
    """Version 1 (WIRE.md section 5). Refusals are JSON `{"text": "..."}`."""

    def __init__(self, front: Front, hub: Hub) -> None:
        self._front = front
        self._hub = hub

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        posts = {"acknowledge": self.acknowledge, "assign": self.assign, "comment": self.comment}
        return [
            Route("/api/v1/openapi.json", self.openapi, methods=["GET"]),
            Route("/api/v1/incidents", self.incidents, methods=["GET"]),
            Route("/api/v1/incidents/{id:row}", self.incident, methods=["GET"]),
            *(
                Route(f"/api/v1/incidents/{{id:row}}/{name}", act, methods=["POST"])
                for name, act in {**posts, "resolve": self.resolve}.items()
            ),
            Route("/api/v1/residents", self.residents, methods=["GET"]),
            Route("/api/v1/residents/{id:row}/readings", self.readings, methods=["GET"]),
            Route("/api/v1/protection", self.protection, methods=["GET"]),
        ]

    async def openapi(self, _request: Request) -> Response:
        """The description, open to everybody."""
        return JSONResponse(document(self._front.context.options.build))

    async def incidents(self, request: Request) -> Response:
        """GET incidents?state=&limit="""
        await self._bearer(request, LOOKS)
        state, limit = _state(request), _whole(request, "limit", 100, MOST_INCIDENTS)
        rows = await asyncio.to_thread(read.list_incidents, self._front.context.store, state, self._front.now_ns, limit)
        return JSONResponse({"incidents": [row_json(row) for row in rows]})

    async def incident(self, request: Request) -> Response:
        """GET incidents/{id}"""
        await self._bearer(request, LOOKS)
        store, now_ns = self._front.context.store, self._front.now_ns
        found = await asyncio.to_thread(read.incident, store, request.path_params["id"], now_ns)
        if found is None:
            raise HTTPException(404, "there is no such incident")
        return JSONResponse(incident_json(found))

    async def residents(self, request: Request) -> Response:
        """GET residents"""
        await self._bearer(request, LOOKS)
        found = await asyncio.to_thread(read.residents, self._front.context.store, self._front.now_ns)
        return JSONResponse({"residents": [resident_json(watch_id, resident) for watch_id, resident in found]})

    async def readings(self, request: Request) -> Response:
        """GET residents/{id}/readings?from=&to= (ms): what their watch said, out of the log."""
        await self._bearer(request, LOOKS)
        context, resident_id = self._front.context, request.path_params["id"]
        found = await asyncio.to_thread(read.residents, context.store, self._front.now_ns)
        watch_ids = [watch_id for watch_id, resident in found if resident.id == resident_id]
        if not watch_ids:
            raise HTTPException(404, "there is no such resident, or they wear no watch")
        now_ms = self._front.now_ns // NS_PER_MS
        from_ms = _whole(request, "from", now_ms - 3_600_000, None)
        to_ms = _whole(request, "to", now_ms, None)
        return JSONResponse(await asyncio.to_thread(readings_json, context, watch_ids, from_ms, to_ms))

    async def protection(self, request: Request) -> Response:
        """GET protection"""
        await self._bearer(request, LOOKS)
        now_ms = self._front.now_ns // NS_PER_MS
        return JSONResponse(protection_json(await asyncio.to_thread(protection, self._front.context.store, now_ms)))

    async def acknowledge(self, request: Request) -> Response:
        """POST incidents/{id}/acknowledge"""
        bearer, said = await self._bearer(request, ACTS), await _body(request)
        options = self._front.context.escalation
        seen = _optional_whole(said, "version")
        act = partial(actions.acknowledge, via=Via.API, seen_version=seen, options=options)
        return await self._acted(request, bearer, act)

    async def assign(self, request: Request) -> Response:
        """POST incidents/{id}/assign {"officer_id"}"""
        bearer, said = await self._bearer(request, ACTS), await _body(request)
        chosen = _optional_whole(said, "officer_id")
        if chosen is None:
            raise HTTPException(422, "officer_id is missing: whom to ask to take the incident")
        seen, options = _optional_whole(said, "version"), self._front.context.escalation
        act = partial(actions.assign, to_officer_id=chosen, seen_version=seen, options=options)
        return await self._acted(request, bearer, act)

    async def comment(self, request: Request) -> Response:
        """POST incidents/{id}/comment {"text"}"""
        bearer, said = await self._bearer(request, ACTS), await _body(request)
        return await self._acted(request, bearer, partial(actions.comment, text=_text(said, "text")))

    async def resolve(self, request: Request) -> Response:
        """POST incidents/{id}/resolve {"outcome", "note"}"""
        bearer, said = await self._bearer(request, ACTS), await _body(request)
        outcome, note = outcome_of(_text(said, "outcome")), _text(said, "note")
        seen, options = _optional_whole(said, "version"), self._front.context.escalation
        act = partial(actions.resolve, outcome=outcome, note=note, seen_version=seen, options=options)
        return await self._acted(request, bearer, act)

    async def _bearer(self, request: Request, roles: frozenset[str]) -> Bearer:
        return await asyncio.to_thread(bearer_of, self._front.context.store, request, roles)

    async def _acted(self, request: Request, bearer: Bearer, act: Callable[..., ActionAnswer]) -> Response:
        store, incident_id = self._front.context.store, request.path_params["id"]
        answer = await asyncio.to_thread(act, store, incident_id, bearer.officer_id, now_ns=self._front.now_ns)
        self._hub.poke()
        said = {**asdict(answer), "text": outcome_text(answer, self._front.context.options.language)}
        return JSONResponse(said, status_of(answer.result))


def _state(request: Request) -> State | None:
    asked = request.query_params.get("state")
    if asked is None:
        return None
    if asked not in set(State):
        raise HTTPException(422, f"state={asked}: is none of {', '.join(State)}")
    return State(asked)


def _whole(request: Request, name: str, default: int, most: int | None) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise HTTPException(422, f"{name}={text}: is no whole number")
    return int(text) if most is None else min(int(text), most)


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; an empty body is an empty one."""
    raw = await request.body()
    if not raw:
        return {}
    try:
        said = await request.json()
    except ValueError:
        raise HTTPException(400, "the body is no JSON") from None
    if not isinstance(said, dict):
        raise HTTPException(422, "the body is no JSON object")
    return said


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise HTTPException(422, f"{name}: is no text")
    return value


def _optional_whole(said: dict[str, Any], name: str) -> int | None:
    value = said.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 10**18):
        raise HTTPException(422, f"{name}: is no whole number of up to 18 digits")
    return value
