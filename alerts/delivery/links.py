"""Signed links in emails: who may take which incident. The row in the store says whether it was used."""

from __future__ import annotations

from itsdangerous import BadData, URLSafeSerializer

SALT = "carewatch.ack-link"


def link_token(secret: str, token_id: str) -> str:
    """What stands after `/a/`."""
    return str(URLSafeSerializer(secret, salt=SALT).dumps(token_id))


def token_id_of(secret: str, token: str) -> str | None:
    """The id in a token that we signed; None for any other text."""
    try:
        return str(URLSafeSerializer(secret, salt=SALT).loads(token))
    except BadData:
        return None


def link_url(public_url: str, secret: str, token_id: str) -> str:
    """The link as it stands in an email."""
    return f"{public_url.rstrip('/')}/a/{link_token(secret, token_id)}"
