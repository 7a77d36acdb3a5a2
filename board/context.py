"""What the board stands on. Whoever starts the program fills it in (carewatch.run)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alerts.policy.options import EscalationOptions
from board.words import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.people.roster import Roster
    from alerts.seams import Clock
    from alerts.store.database import Store
    from ingest.log.contract import LogReader
    from ingest.watches import Watches

HOUR_NS = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class BoardOptions:
    """How the board shows itself.

    `secret` signs sessions and links (at least 16 characters). `session_ns` and `sign_in_link_ns` are real time,
    whatever the clock's speed. `clock_speed` is that of the context's clock (1 but in
    the demo), so that browsers count with it. `beat_s`, `poll_s` and the `*_limit_s` are in real seconds: a link
    without a beat for `beat_limit_s` is called lost; watches silent for `data_limit_s`, an engine, notifier or reading
    of the store late by `part_limit_s` are named. `allowed_hosts` are names by which staff reach it; empty: any.
    """

    secret: str
    title: str = ""
    language: str = "zh"
    time_zone: str = "Asia/Shanghai"
    build: str = "dev"
    secure_cookies: bool = False
    allowed_hosts: tuple[str, ...] = ()
    session_ns: int = 12 * HOUR_NS
    sign_in_link_ns: int = 24 * HOUR_NS
    clock_speed: float = 1.0
    poll_s: float = 0.25
    beat_s: float = 5.0
    beat_limit_s: float = 15.0
    data_limit_s: float = 60.0
    part_limit_s: float = 30.0

    def __post_init__(self) -> None:
        if len(self.secret) < 16:
            raise ValueError("board.secret: shorter than 16 characters; give a longer one, or none to have one made")
        if self.language not in LANGUAGES:
            raise ValueError(f"site.language: {self.language!r} is none of {', '.join(LANGUAGES)}")

    @property
    def session_clock_ns(self) -> int:
        """How long a session holds by the context's clock."""
        return int(self.session_ns * self.clock_speed)

    @property
    def sign_in_link_clock_ns(self) -> int:
        """How long a sign-in link holds by the context's clock."""
        return int(self.sign_in_link_ns * self.clock_speed)

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which times are shown."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class Ages:
    """Real seconds since the newest watch data, the engine's last step, the notifier's last round; None: never."""

    data_s: float | None = None
    engine_s: float | None = None
    notifier_s: float | None = None


def no_ages() -> Ages:
    """For a board beside nothing: every part is unheard of."""
    return Ages()


def no_roster() -> Roster | None:
    """Nobody is named as on duty, nor as asked next."""
    return None


@dataclass(frozen=True, slots=True)
class BoardContext:
    """What one board shows and changes.

    `ages` and `roster` are asked often and from the event loop: they must answer from memory. `escalation` is what
    the alert pipeline runs with: taking an incident arms the same timers.
    """

    store: Store
    log_reader: LogReader | None
    watches: Watches
    clock: Clock
    options: BoardOptions
    ages: Callable[[], Ages] = field(default=no_ages)
    roster: Callable[[], Roster | None] = field(default=no_roster)
    escalation: EscalationOptions = field(default_factory=EscalationOptions)
