"""Reply codes and link ids. They follow from what they are for: a second application gives the same ones.

A code is bound to its officer's phone number and a link is signed by whoever sends it, so neither is a secret.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING

from alerts.store.replies import code_of, keep_code, keep_link

if TYPE_CHECKING:
    from sqlalchemy import Connection

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No 0 and O, no 1 and I: read off a small screen and typed by a hurried hand."""
CODE_LENGTH = 4


def reply_code(connection: Connection, incident_id: int, officer_id: int, now_ns: int) -> str:
    """The code by which the officer takes the incident: the same in every message, unlike any of the officer's others.

    Of 1,048,576 codes at most the officer's unclosed incidents are in use: a free one is found at once.
    """
    known = code_of(connection, incident_id, officer_id)
    if known is not None:
        return known
    codes = (_spelled(f"{incident_id}/{officer_id}/{attempt}") for attempt in count())
    return next(code for code in codes if keep_code(connection, code, officer_id, incident_id, now_ns))


def link_token(connection: Connection, message_key: str, incident_id: int, officer_id: int, now_ns: int) -> str:
    """The id of a link in one email to one officer, for one use."""
    token_id = sha256(f"{incident_id}/{officer_id}/{message_key}".encode()).hexdigest()[:32]
    keep_link(connection, token_id, officer_id, incident_id, now_ns)
    return token_id


def normal_code(text: str) -> str:
    """A code as typed, in the form in which it is kept."""
    return "".join(text.split()).upper()


def _spelled(seed: str) -> str:
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in sha256(seed.encode()).digest()[:CODE_LENGTH])
