"""The web side beside alerts: what reaches the port costs alerts nothing."""

from __future__ import annotations

import asyncio
import socket
import threading

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from carewatch.body_limit import MOST_BODY_BYTES, BodyLimit
from carewatch.roles.web import serve_apart
from tests.servers.waiting import eventually

FLOOD = 80


async def test_a_flood_of_slow_requests_holds_up_no_work_of_alerts():
    begun, release = [], threading.Event()

    def slow():
        begun.append(1)
        release.wait(30)

    async def page(_request):
        await asyncio.to_thread(slow)
        return PlainTextResponse("done")

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(Starlette(routes=[Route("/", page)]), log_config=None)
    serving = asyncio.create_task(serve_apart(uvicorn.Server(config), listener))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    async with httpx.AsyncClient(trust_env=False, timeout=30, limits=httpx.Limits(max_connections=FLOOD)) as http:
        flood = [asyncio.create_task(http.get(url)) for _ in range(FLOOD)]
        await eventually(lambda: len(begun) > 1)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "an alert"), 20) == "an alert"
        release.set()
        assert {answer.text for answer in await asyncio.gather(*flood)} == {"done"}
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    listener.close()


@pytest.mark.parametrize(("size", "status"), [(MOST_BODY_BYTES, 200), (MOST_BODY_BYTES + 1, 413)])
@pytest.mark.parametrize("in_chunks", [False, True])
async def test_a_body_is_taken_up_to_the_limit(size, status, in_chunks):
    async def echo(request):
        return PlainTextResponse(str(len(await request.body())))

    async def chunks():
        for start in range(0, size, 4096):
            yield b"x" * min(4096, size - start)

    app = BodyLimit(Starlette(routes=[Route("/", echo, methods=["POST"])]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://carewatch") as http:
        answer = await http.post("/", content=chunks() if in_chunks else b"x" * size)
    assert answer.status_code == status
    assert status != 200 or answer.text == str(size)
