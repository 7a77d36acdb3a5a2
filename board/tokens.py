"""Bearer tokens of the API: kept as their sha256, with the officer they act for and a role."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select
from starlette.exceptions import HTTPException

from alerts.store.tables import api_token
from board.session import token_hash
from board.visitor import ACTING_ROLES, BOARD_ROLES

if TYPE_CHECKING:
    from starlette.requests import Request

    from alerts.store.database import Store

LOOKS = BOARD_ROLES
ACTS = ACTING_ROLES


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom the token acts for."""

    officer_id: int
    role: str


def new_token(store: Store, officer_id: int, role: str, now_ns: int) -> str:
    """A fresh token. It is shown this once: the store keeps its hash."""
    token = secrets.token_urlsafe(32)
    row = {"token_hash": token_hash(token), "officer_id": officer_id, "role": role, "created_ns": now_ns}
    with store.transaction() as connection:
        connection.execute(insert(api_token).values(**row))
    return token


def bearer_of(store: Store, request: Request, roles: frozenset[str]) -> Bearer:
    """Who asks, by the Authorization header.

    Raises
    ------
    HTTPException
        401 without a token that we gave and have not revoked, 403 if its role is none of `roles`.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    row = None
    if scheme.lower() == "bearer" and token:
        with store.reading() as connection:
            query = select(api_token).where(api_token.c.token_hash == token_hash(token.strip()))
            row = connection.execute(query.where(api_token.c.revoked_ns.is_(None))).one_or_none()
    if row is None:
        raise HTTPException(401, "send Authorization: Bearer and a token", {"WWW-Authenticate": "Bearer"})
    if row.role not in roles:
        raise HTTPException(403, f"a token of role {row.role} may not do this")
    return Bearer(row.officer_id, row.role)
