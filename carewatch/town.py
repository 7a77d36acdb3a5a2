"""A simulated town against a broker, for testers and for the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carewatch.broker import broker_of
from carewatch.clock import ScaledClock, WallClock
from simulator.options import DEMO, QUIET, SimulationOptions
from simulator.run import run_town
from simulator.town import build_town

if TYPE_CHECKING:
    from carewatch.settings import Settings
    from simulator.tally import TownResult

NS_PER_MINUTE = 60_000_000_000
NS_PER_MS = 1_000_000


async def simulate_town(
    settings: Settings, options: SimulationOptions, *, url: str | None, speed: float, minutes: float
) -> TownResult:
    """Publish the town of `options` to the broker, for so many minutes of its time (0: until cancelled)."""
    broker = broker_of(settings.mqtt, url)
    began_ns = options.start_ms * NS_PER_MS
    return await run_town(
        build_town(options),
        options,
        broker_host=broker.host,
        broker_port=broker.port,
        clock=ScaledClock(speed, began_ns),
        username=broker.username,
        password=broker.password,
        until_ns=began_ns + int(minutes * NS_PER_MINUTE) if minutes else None,
    )


def options_now(settings: Settings, *, residents: int, seed: int, quiet: bool) -> SimulationOptions:
    """A town whose life begins now."""
    return SimulationOptions(
        residents=residents,
        seed=seed,
        start_ms=WallClock().now_ns() // NS_PER_MS,
        time_zone=settings.site.time_zone,
        episodes=QUIET if quiet else DEMO,
    )
