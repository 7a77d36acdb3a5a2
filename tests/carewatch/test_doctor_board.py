"""What an operator reads of the board's port: free, ours, or somebody else's."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from carewatch.doctor import Finding, Verdict, examine
from carewatch.status import Problem, RoleStatus, write_status
from tests.carewatch.doctor_reads import installation, said_of

GOOD, WARNING, BAD = Verdict.GOOD, Verdict.WARNING, Verdict.BAD


async def test_the_board_s_port_is_free(tmp_path, unused_tcp_port):
    verdicts, said = await said_of(installation(tmp_path, board={"port": unused_tcp_port}), "board")
    assert verdicts == [GOOD]
    assert f"127.0.0.1:{unused_tcp_port} is free" in said


async def test_the_board_s_port_is_in_use_by_another_program(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        verdicts, said = await said_of(installation(tmp_path, board={"port": port}), "board")
    assert verdicts == [BAD]
    assert f"http://127.0.0.1:{port} is in use by another program" in said
    assert "board.port" in said


PROBLEM = {"part": "broker", "what": "away", "since_ms": 1, "remedy": "start it", "grave": True}
MILD = {"part": "influx", "what": "not reachable", "since_ms": 1, "remedy": "set it", "grave": False}


@pytest.fixture
async def serve():
    """`await serve(body)`: the port of an HTTP server that answers everything so."""
    servers = []

    async def start(body):
        async def answer(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
            await writer.drain()
            writer.close()

        servers.append(await asyncio.start_server(_leaves(answer), "127.0.0.1", 0))
        return servers[-1].sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


def _leaves(answer):
    async def serve_one(reader, writer):
        try:
            await answer(reader, writer)
        except asyncio.IncompleteReadError:  # the doctor's first knock says nothing
            writer.close()

    return serve_one


@pytest.fixture
def our_socket(tmp_path):
    """As alerts serves it beside the log."""
    with socket.socket(socket.AF_UNIX) as ours:
        ours.bind(str(tmp_path / "alerts.socket"))
        ours.listen()
        yield


@pytest.mark.usefixtures("our_socket")
async def test_where_carewatch_runs_its_problems_are_told(tmp_path, serve):
    port = await serve(json.dumps([PROBLEM, MILD, {**MILD, "part": "email", "what": "not set up"}]).encode())
    findings = await examine(installation(tmp_path, board={"port": port}))
    assert f"carewatch runs at http://127.0.0.1:{port}" in [finding.what for finding in findings]
    assert Finding("broker", BAD, "away", "start it") in findings
    assert Finding("email", WARNING, "not set up", "set it") not in findings
    assert Finding("influx", WARNING, "not reachable", "set it") in findings


async def test_a_carewatch_of_another_folder_is_not_taken_for_ours(tmp_path, serve):
    port = await serve(json.dumps([PROBLEM]).encode())
    verdicts, said = await said_of(installation(tmp_path, board={"port": port}), "board")
    assert verdicts == [BAD]
    assert f"a carewatch answers at http://127.0.0.1:{port}, and it is not this one" in said
    assert PROBLEM["what"] not in said


@pytest.mark.usefixtures("our_socket")
async def test_ours_runs_and_the_port_is_another_carewatch_s(tmp_path, serve):
    ours = Problem("board", "cannot listen there", "stop the other program", 1)
    write_status(tmp_path / "alerts.status.json", RoleStatus("alerts", 1, problems=(ours,)))
    port = await serve(b"[]")
    verdicts, said = await said_of(installation(tmp_path, board={"port": port}), "board")
    assert verdicts == [BAD]
    assert "it is not this one" in said


@pytest.mark.parametrize("body", [b"<html>", b'{"status": "ok"}', b'[{"a": 1}]'])
async def test_a_web_server_of_somebody_else(tmp_path, serve, body):
    verdicts, said = await said_of(installation(tmp_path, board={"port": await serve(body)}), "board")
    assert verdicts == [BAD]
    assert "another program" in said


@pytest.mark.parametrize(("url", "said"), [("care.example", "no address"), ("http://localhost:8080", "nobody else")])
async def test_a_public_address_that_staff_cannot_open(tmp_path, url, said):
    _, text = await said_of(installation(tmp_path, board={"port": 0, "public_url": url}), "board")
    assert said in text
