"""What docs/operations.md says of other programs and of /healthz, held against them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from alerts.delivery.gateway_routes import GatewayCallbacks
from carewatch.doctor import Verdict
from tests.carewatch.doctor_reads import installation, said_of
from tests.servers import kannel as kannel_server
from tests.servers.waiting import eventually

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text("utf-8")


def kannel_groups(port, password):
    (groups,) = re.findall(r"^```\n(group = sendsms-user.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return (
        groups.replace("(that of CAREWATCH_SMS__PASSWORD)", password)
        .replace("SECRET", "of-this-test")
        .replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    )


@pytest.mark.server
async def test_kannel_set_up_as_the_page_says_knows_us_and_passes_replies_on(tmp_path, monkeypatch):
    asked = []

    async def answer(reader, writer):
        asked.append((await reader.readuntil(b"\r\n\r\n")).split()[1].decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    ours = kannel_server.CONF.split("group = sendsms-user")[0]
    groups = kannel_groups(server.sockets[0].getsockname()[1], "of-this-test-only")
    monkeypatch.setattr(kannel_server, "CONF", ours + groups)
    gateway = kannel_server.Kannel(tmp_path)
    await asyncio.to_thread(gateway.start)
    try:
        gateway.reply("+8613900000001", "106900001", "K7Q2 好")
        await eventually(lambda: asked, why="the reply to reach us")
        sms = {
            "gateway": "kannel", "url": gateway.sendsms_url, "username": "carewatch", "sender": "106900001",
            "password": SecretStr(gateway.password), "callback_url": "http://127.0.0.1:8080",
            "callback_secret": SecretStr("of-this-test"),
        }  # fmt: skip
        verdicts, said = await said_of(installation(tmp_path, sms=sms), "SMS")
    finally:
        await asyncio.to_thread(gateway.stop)
        server.close()
    assert verdicts == [Verdict.GOOD], said
    assert urlsplit(asked[0]).path in {route.path for route in GatewayCallbacks(None, None, None, "", "zh").routes()}
    query = parse_qs(urlsplit(asked[0]).query)
    assert query["secret"] == ["of-this-test"]
    assert query["from"] == ["+8613900000001"]
    assert query["charset"] == ["UTF-16BE"]


def test_every_part_that_healthz_names_has_its_row():
    sources = [*(ROOT / "carewatch/roles").glob("*.py"), ROOT / "carewatch/health.py"]
    named = {part for file in sources for part in re.findall(r'\bProblem\(\s*"([a-z]+)"', file.read_text("utf-8"))}
    assert {"broker", "log", "influx", "store", "engine", "roster"} <= named
    table = PAGE.split("\n## What /healthz says\n", 1)[1].split("\n## ", 1)[0]
    rows = {part for line in table.splitlines() if line.startswith("| `") for part in re.findall("`([a-z]+)`", line)}
    assert named - rows == set()
