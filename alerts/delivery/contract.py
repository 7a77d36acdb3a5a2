"""What a channel is: something that hands one letter to a gateway and says what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Fate(StrEnum):
    """What the gateway did with a letter. The outbox acts on it; the operator reads `problem`."""

    HANDED = "handed"  # the gateway has it; delivery is another matter
    TRY_AGAIN = "try_again"  # down, slow, busy: the same letter again later
    REFUSED = "refused"  # this address or text, never: another way must be found now
    LOCKED_OUT = "locked_out"  # the gateway refuses us all: credentials or configuration


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one address, in its final words."""

    message_id: int
    address: str
    subject: str
    body: str
    is_urgent: bool


@dataclass(frozen=True, slots=True)
class Handover:
    """`reference`: the gateway's own id. `problem`: empty when handed, else what went wrong and the remedy."""

    fate: Fate
    reference: str = ""
    problem: str = ""
    retry_after_s: float | None = None


class Channel(Protocol):
    """`name` is what message rows say (`sms`, `email`), `gateway` what the operator calls it."""

    name: str
    gateway: str

    async def send(self, letter: Letter) -> Handover:
        """Hand the letter over. Never raises for what the gateway does; cancellation passes through."""

    async def close(self) -> None:
        """Let go of connections."""
