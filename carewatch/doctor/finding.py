"""One thing that was looked at, and what an operator does about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it stands. `NOT_SET`: this installation does without it."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    NOT_SET = "not set"


@dataclass(frozen=True, slots=True)
class Finding:
    """`part`: what was looked at. `what`: how it is. `remedy`: empty only where nothing is to be done."""

    part: str
    verdict: Verdict
    what: str
    remedy: str = ""


def good(part: str, what: str) -> Finding:
    """All is well."""
    return Finding(part, Verdict.GOOD, what)


def warning(part: str, what: str, remedy: str) -> Finding:
    """It works, and someone should look at it."""
    return Finding(part, Verdict.WARNING, what, remedy)


def bad(part: str, what: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(part, Verdict.BAD, what, remedy)


def not_set(part: str, what: str, remedy: str) -> Finding:
    """Left out of this installation; `remedy` says how to have it."""
    return Finding(part, Verdict.NOT_SET, what, remedy)
