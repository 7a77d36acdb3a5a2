"""What the link to the broker is doing, as `doctor`, `/healthz` and the log's ticks need to know it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.mqtt.outcomes import Trouble


class Link(Enum):
    """The states of a link."""

    CONNECTING = "connecting"
    """The first attempt is under way."""
    UP = "up"
    """Every filter is subscribed."""
    PARTIAL = "partial"
    """Some filters were refused: those watches are not heard. They are asked for again."""
    DOWN = "down"
    """Not connected; tried again for ever. The reason stays until the link is up."""
    CLOSED = "closed"
    """`close()` was called."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """`since_ns`: epoch ns of the change. `detail`: the broker's or the system's own words. `connection`: its number.

    `session_present`: the broker had kept our session, with what came while we were away.
    """

    link: Link
    since_ns: int
    trouble: Trouble | None = None
    detail: str = ""
    connection: int = 0
    session_present: bool = False

    @property
    def deaf(self) -> bool:
        """At least one filter is not heard, so silence proves nothing."""
        return self.link is not Link.UP

    @property
    def remedy(self) -> str:
        """What an operator should do; empty when all is well."""
        return self.trouble.remedy if self.trouble is not None else ""
