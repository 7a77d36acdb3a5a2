"""Passwords: argon2id, and a wait after five wrong ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

FREE_TRIES = 5
FIRST_WAIT_NS = 30_000_000_000
LONGEST_WAIT_NS = 15 * 60_000_000_000
REMEMBERED = 10_000

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """What the store keeps."""
    return _hasher.hash(password)


def is_password(password_hash: str, password: str) -> bool:
    """Whether it is the one. Without a hash it takes the same time and is never right: names can't be guessed so.

    Raises
    ------
    argon2.exceptions.VerificationError
        The hash in the store is damaged.
    """
    try:
        return _hasher.verify(password_hash or _nobodys_hash(), password) and bool(password_hash)
    except (VerifyMismatchError, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")


@dataclass(slots=True)
class _Failures:
    count: int = 0
    until_ns: int = 0


class Tries:
    """Wrong passwords of each login, in memory: after `FREE_TRIES` the wait doubles from 30 s to 15 min."""

    def __init__(self) -> None:
        self._failures: dict[str, _Failures] = {}

    def wait_ns(self, login: str, now_ns: int) -> int:
        """How long this login must still wait; 0: it may try."""
        known = self._failures.get(login)
        return max(known.until_ns - now_ns, 0) if known else 0

    def failed(self, login: str, now_ns: int) -> None:
        """One more wrong one."""
        known = self._failures.pop(login, _Failures())
        known.count += 1
        if known.count >= FREE_TRIES:
            known.until_ns = now_ns + min(FIRST_WAIT_NS << min(known.count - FREE_TRIES, 10), LONGEST_WAIT_NS)
        self._failures[login] = known
        if len(self._failures) > REMEMBERED:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, login: str) -> None:
        """Begin again."""
        self._failures.pop(login, None)
