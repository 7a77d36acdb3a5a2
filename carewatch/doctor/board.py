"""Whether the board's port is ours or free, and what /healthz says where it runs."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from carewatch.doctor.bounded import TRY_S
from carewatch.doctor.finding import Finding, bad, good, warning
from carewatch.doctor.nearness import is_this_machine
from carewatch.places import control_socket, status_file
from carewatch.status import read_status

if TYPE_CHECKING:
    from carewatch.settings import Board, Settings

PART = "board"
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - read, not listened at
LOOKED_AT = {"sms", "email", "roster"}
"""Parts whose mild problems our own checks tell already."""
KEYS = {"part", "what", "remedy", "grave"}


async def board(settings: Settings) -> list[Finding]:
    """Asks /healthz; where nobody listens, tries whether we could."""
    return [*await _port(settings), *_public_url(settings.board)]


async def _port(settings: Settings) -> list[Finding]:
    chosen = settings.board
    if chosen.port == 0:
        return [warning(PART, "board.port = 0: another one at each start", "set board.port, so that staff find it")]
    host = EVERY_ADDRESS.get(chosen.host, chosen.host)
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, chosen.port), TRY_S / 2)
    except OSError:
        return [_could_listen(chosen)]
    writer.close()
    return await _healthz(f"http://{f'[{host}]' if ':' in host else host}:{chosen.port}", settings)


def _could_listen(chosen: Board) -> Finding:
    where = f"{chosen.host}:{chosen.port}"
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((chosen.host, chosen.port))
        except PermissionError:
            return bad(PART, f"we may not listen at {where}", "set board.port to 1024 or more, behind a proxy")
        except OSError as error:
            return bad(PART, f"we cannot listen at {where}: {error.strerror or error}", "correct board.host")
    return good(PART, f"{where} is free; carewatch does not run there now")


async def _healthz(url: str, settings: Settings) -> list[Finding]:
    try:
        async with httpx.AsyncClient(timeout=TRY_S / 2, trust_env=False) as client:
            problems = _problems(await client.get(f"{url}/healthz"))
    except httpx.HTTPError:
        problems = None
    if problems is None:
        remedy = "stop that program (`ss -ltnp` names it), or set board.port to another"
        return [bad(PART, f"{url} is in use by another program", remedy)]
    if not _may_be_ours(settings):
        remedy = "run doctor in that one's folder (or with its --config), or set board.port to another"
        return [bad(PART, f"a carewatch answers at {url}, and it is not this one", remedy)]
    told = f"carewatch runs at {url}"
    new = [row for row in problems if row["grave"] or row["part"] not in LOOKED_AT]
    return [good(PART, told if problems else f"{told}, and nothing is wrong"), *map(_of_healthz, new)]


def _may_be_ours(settings: Settings) -> bool:
    """Whoever serves our board serves our socket too, and does not say that it could not listen."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(control_socket(settings, "alerts")))
        except PermissionError:
            return True  # it is another user's; their carewatch or ours, we cannot tell
        except OSError:
            return False
    status = read_status(status_file(settings, "alerts"))
    return status is None or status.is_stale or all(problem.part != PART for problem in status.problems)


def _problems(answer: httpx.Response) -> list[dict[str, Any]] | None:
    """/healthz's list; None if this is not carewatch's."""
    try:
        said = answer.json()
    except ValueError:
        return None
    if not isinstance(said, list) or not all(isinstance(row, dict) and row.keys() >= KEYS for row in said):
        return None
    return said


def _of_healthz(row: dict[str, Any]) -> Finding:
    told = bad if row["grave"] else warning
    return told(str(row["part"]), str(row["what"]), str(row["remedy"]))


def _public_url(chosen: Board) -> list[Finding]:
    if not chosen.public_url:
        return []
    parts = urlsplit(chosen.public_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        told = f"board.public_url = {chosen.public_url!r} is no address that a mailbox opens"
        return [bad(PART, told, "write https://host as staff reach the board")]
    if is_this_machine(parts.hostname):
        told = f"board.public_url {chosen.public_url} is this machine: nobody else can open the links in emails"
        return [warning(PART, told, "write the address that staff use")]
    if parts.scheme == "https" and not chosen.secure_cookies:
        return [warning(PART, "sessions may go over plain HTTP", "set board.secure_cookies to true: there is TLS")]
    return []
