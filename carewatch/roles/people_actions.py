"""What the owner of the store does when asked through its socket."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

from alerts.people.residents import import_residents
from alerts.store.people import officer_by_login, set_password_hash
from board.passwords import hash_password
from board.session import sign_in_path
from board.tokens import new_token
from carewatch.keys import board_secret
from carewatch.roles.rules_in_force import adopt
from carewatch.rules_file import known_limits

if TYPE_CHECKING:
    from sqlalchemy import Row

    from alerts.people.residents import ResidentImport
    from carewatch.control import Do
    from carewatch.roles.alerts_parts import Parts


def people_actions(parts: Parts) -> dict[str, Do]:
    """Name -> what is done."""

    async def residents(request: dict[str, Any]) -> dict[str, Any]:
        body, skip_bad = base64.b64decode(request["body"]), bool(request.get("skip_bad"))
        done = await asyncio.to_thread(_import_residents, parts, body, skip_bad=skip_bad)
        parts.pipeline.people_changed()
        return {"imported": done.imported, "problems": [str(problem) for problem in done.problems]}

    async def password(request: dict[str, Any]) -> dict[str, Any]:
        hashed = await asyncio.to_thread(hash_password, request["password"])
        return {"known": await asyncio.to_thread(_set_password, parts, request["login"], hashed)}

    async def sign_in_link(request: dict[str, Any]) -> dict[str, Any]:
        return {"path": await asyncio.to_thread(_sign_in_path, parts, request["login"])}

    async def reload_rules(_request: dict[str, Any]) -> dict[str, Any]:
        now_ns = parts.clock.now_ns()
        version = await asyncio.to_thread(adopt, parts.settings, parts.store, parts.watches, now_ns)
        parts.rules_problem = ""
        return {"version": version}

    async def api_token(request: dict[str, Any]) -> dict[str, Any]:
        return {"token": await asyncio.to_thread(_api_token, parts, request["login"])}

    return {
        "residents": residents,
        "password": password,
        "sign_in_link": sign_in_link,
        "reload_rules": reload_rules,
        "api_token": api_token,
    }


def _import_residents(parts: Parts, body: bytes, *, skip_bad: bool) -> ResidentImport:
    limits = known_limits(parts.settings.rules_file)
    return import_residents(parts.store, body, parts.clock.now_ns(), skip_bad=skip_bad, known_limits=limits)


def _set_password(parts: Parts, login: str, hashed: str) -> bool:
    with parts.store.transaction() as connection:
        return set_password_hash(connection, login, hashed)


def _sign_in_path(parts: Parts, login: str) -> str:
    return sign_in_path(board_secret(parts.settings), _officer(parts, login).id, parts.clock.now_ns())


def _api_token(parts: Parts, login: str) -> str:
    officer = _officer(parts, login)
    return new_token(parts.store, officer.id, officer.role, parts.clock.now_ns())


def _officer(parts: Parts, login: str) -> Row[Any]:
    with parts.store.reading() as connection:
        officer = officer_by_login(connection, login)
    if officer is None:
        raise ValueError(f"no officer {login!r}; they stand in roster_file")
    return officer
