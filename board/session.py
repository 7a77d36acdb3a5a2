"""Who a browser is: a signed cookie. What may be sent from it: a token that belongs to the session.

Nothing is kept on the server: a cookie is good for `session_ns` of the context's clock after sign-in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeSerializer

COOKIE = "cw_session"
NOBODY = 0


@dataclass(frozen=True, slots=True)
class Session:
    """`officer_id` is `NOBODY` before sign-in; `mark` is random and names the session."""

    officer_id: int
    mark: str
    since_ns: int


class Seal:
    """Signs and opens what goes out to browsers and in emails. One secret, another salt for each purpose."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._sessions = URLSafeSerializer(secret, salt="carewatch.session")
        self._sign_ins = URLSafeSerializer(secret, salt="carewatch.sign-in")

    def new_session(self, officer_id: int, now_ns: int) -> Session:
        """A session with a fresh mark: signing in never goes on with an old one."""
        return Session(officer_id, secrets.token_urlsafe(12), now_ns)

    def close_session(self, session: Session) -> str:
        """The cookie's value."""
        return str(self._sessions.dumps([session.officer_id, session.mark, session.since_ns]))

    def open_session(self, cookie: str, now_ns: int, good_for_ns: int) -> Session | None:
        """The session of a cookie; None if it is not ours or over."""
        try:
            officer_id, mark, since_ns = self._sessions.loads(cookie)
        except (BadSignature, ValueError, TypeError):
            return None
        return Session(officer_id, mark, since_ns) if now_ns - since_ns < good_for_ns else None

    def form_token(self, session: Session) -> str:
        """What every form of the session carries."""
        return hmac.digest(self._secret.encode(), f"form:{session.mark}".encode(), "sha256").hex()

    def is_form_token(self, session: Session, given: str) -> bool:
        """Whether `given` is the session's, compared in constant time."""
        return hmac.compare_digest(self.form_token(session).encode(), given.encode())

    def sign_in_token(self, officer_id: int, now_ns: int) -> str:
        """For `/sign-in/{token}`: signs one officer in, once."""
        return str(self._sign_ins.dumps([officer_id, secrets.token_urlsafe(12), now_ns]))

    def open_sign_in_token(self, token: str, now_ns: int, good_for_ns: int) -> Session | None:
        """Officer, mark and time of a sign-in token; None if it is not ours or too old."""
        try:
            officer_id, mark, made_ns = self._sign_ins.loads(token)
        except (BadSignature, ValueError, TypeError):
            return None
        return Session(officer_id, mark, made_ns) if now_ns - made_ns < good_for_ns else None


def sign_in_path(secret: str, officer_id: int, now_ns: int) -> str:
    """`/sign-in/...`: put the board's address before it and give it to one person."""
    return f"/sign-in/{Seal(secret).sign_in_token(officer_id, now_ns)}"


def token_hash(token: str) -> str:
    """What the store keeps of a bearer token: sha256, hex."""
    return hashlib.sha256(token.encode()).hexdigest()
