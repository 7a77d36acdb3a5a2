"""A simulated town against a broker, for testers and for the demo."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiomqtt
import structlog

from carewatch.broker import broker_of
from carewatch.clock import ScaledClock, WallClock
from carewatch.supervisor import until_told
from simulator.options import DEMO, QUIET, SimulationOptions
from simulator.run import run_town
from simulator.town import build_town

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from carewatch.settings import Settings
    from simulator.tally import Published
    from simulator.truth import Truth

log = structlog.get_logger(__name__)

NS_PER_MINUTE = 60_000_000_000
NS_PER_MS = 1_000_000


@dataclass(slots=True)
class Lived:
    """What the town published and what happened in it, however it ended."""

    published: Counter[str] = field(default_factory=Counter)
    resent: int = 0
    truths: list[Truth] = field(default_factory=list)

    def on_publish(self, one: Published) -> None:
        """Distinct readings by kind; further copies are resends."""
        if one.copy == 0:
            self.published[one.kind] += 1
        else:
            self.resent += 1


async def simulate_town(
    settings: Settings, options: SimulationOptions, *, url: str | None, speed: float, minutes: float
) -> Lived:
    """Publish the town of `options` to the broker, for so many minutes of its time (0: until SIGINT or SIGTERM)."""
    broker = broker_of(settings.mqtt, url)
    began_ns = options.start_ms * NS_PER_MS
    lived = Lived()
    town = run_town(
        build_town(options),
        options,
        broker_host=broker.host,
        broker_port=broker.port,
        clock=ScaledClock(speed, began_ns),
        username=broker.username,
        password=broker.password,
        on_publish=lived.on_publish,
        on_episode=lived.truths.append,
        until_ns=began_ns + int(minutes * NS_PER_MINUTE) if minutes else None,
    )
    asyncio.get_running_loop().set_exception_handler(_of_connections_in_a_line)
    await until_told(_ended(town))
    return lived


def _of_connections_in_a_line(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A connection that fails just as nobody waits for it any more is no fault of ours, and worth no traceback."""
    error = context.get("exception")
    if isinstance(error, aiomqtt.MqttError | ConnectionError):
        log.warning("connection_failed_unheard", problem=str(error) or type(error).__name__)
    else:
        loop.default_exception_handler(context)


async def _ended(town: Coroutine[Any, Any, object]) -> None:
    await town


def check_pace(speed: float, minutes: float) -> None:
    """Raises ValueError for what no clock can do."""
    if not 0 < speed < math.inf:
        raise ValueError(f"speed: {speed:g} is not above 0; 1 is real time")
    if not 0 <= minutes < math.inf:
        raise ValueError(f"minutes: {minutes:g} is negative or endless; 0 is until Ctrl-C")


def options_now(settings: Settings, *, residents: int, seed: int, quiet: bool) -> SimulationOptions:
    """A town whose life begins now."""
    return SimulationOptions(
        residents=residents,
        seed=seed,
        start_ms=WallClock().now_ns() // NS_PER_MS,
        time_zone=settings.site.time_zone,
        episodes=QUIET if quiet else DEMO,
    )
