"""What `carewatch influx setup` did, or why it did not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

WORDS_CHARACTERS = 300


class SetupError(Exception):
    """InfluxDB did not do it; the text has its words and the remedy."""


class Made(StrEnum):
    """What had to be done."""

    CREATED = "created"
    CHANGED = "changed"
    ALREADY = "already there"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that InfluxDB has now, and what had to be done for it."""

    what: str
    made: Made

    def __str__(self) -> str:
        """As the operator reads it."""
        return f"{self.what}: {self.made.value}"


def told(response: httpx.Response, missing: int | None = None) -> dict[str, Any]:
    """The answer's JSON; empty for status `missing`, or no body. SetupError for any other failure."""
    if response.status_code == missing:
        return {}
    if not response.is_success:
        remedies = {401: "correct influx.token", 403: "give the token the rights to do it"}
        remedy = remedies.get(response.status_code, "see its words")
        words = response.text.strip()[:WORDS_CHARACTERS]
        raise SetupError(f"InfluxDB says {response.status_code} {words}; {remedy}")
    return dict(response.json()) if response.content else {}
