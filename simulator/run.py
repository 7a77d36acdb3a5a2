"""A town over MQTT: every watch measures, sends, is receipted, and sends again (start reading here).

life.py (what happens to a resident) -> watch.py (firmware) -> faults.py (network) -> link.py (broker), driven for each
watch by on_air.py; tally.py counts, truth.py says what should have alerted.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from simulator.link import Broker, Link, Reach
from simulator.on_air import WatchOnAir
from simulator.seams import NS_PER_MS, now_ms
from simulator.tally import Published, Tally, TownResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.options import SimulationOptions
    from simulator.seams import Clock
    from simulator.town import Town
    from simulator.truth import Truth

__all__ = ["Published", "TownResult", "run_town"]

log = structlog.get_logger(__name__)


async def run_town(  # noqa: PLR0913 - each is one plain word of the command line
    town: Town,
    options: SimulationOptions,
    *,
    broker_host: str,
    broker_port: int,
    clock: Clock,
    username: str | None = None,
    password: str | None = None,
    on_publish: Callable[[Published], None] | None = None,
    on_episode: Callable[[Truth], None] | None = None,
    until_ns: int | None = None,
) -> TownResult:
    """Publish the town's life from the clock's now until `until_ns` (None: until cancelled), then settle.

    Parameters
    ----------
    town, options
        `build_town(options)`, and the same options. `options.start_ms` should be the clock's now: life before the
        clock's now would come as one burst of backlog.
    clock
        Event time and the firmware's timers both run on it.
    username, password
        For every connection; None on a broker that asks for none.
    on_publish
        Called just before each reading is handed to the MQTT client, resent ones too.
    on_episode
        Called as each episode begins, so that a run without an end can write its truth too.
    until_ns
        Of the clock. Watches then go on sending what is not receipted, at most `options.settle_s`.

    Returns
    -------
    TownResult
        An unreachable broker is a warning, no error: watches hold their readings, and the result says `held`.
    """
    tally = Tally(on_publish, on_episode)
    until_ms = None if until_ns is None else until_ns // NS_PER_MS
    watches = [WatchOnAir(resident, options, clock, tally, until_ms) for resident in town.residents]
    links = _connect(watches, options, Broker(broker_host, broker_port, username, password), clock)
    log.info("town_starts", watches=len(watches), connections=len(links), broker=f"{broker_host}:{broker_port}")
    async with asyncio.TaskGroup() as connections:
        up = [connections.create_task(link.run()) for link in links]
        try:
            async with asyncio.TaskGroup() as lives:
                for watch in watches:
                    lives.create_task(watch.run())
        finally:
            for link in up:
                link.cancel()
    return _result(watches, tally, now_ms(clock) if until_ms is None else until_ms)


def _connect(watches: list[WatchOnAir], options: SimulationOptions, broker: Broker, clock: Clock) -> list[Link]:
    count = options.connections or len(watches)
    links, reach = [], Reach(broker)
    for first in range(count):
        group = watches[first::count]
        link = Link(broker, reach, group, clock, with_will=options.connections == 0)
        for watch in group:
            watch.link = link
        links.append(link)
    return links


def _result(watches: list[WatchOnAir], tally: Tally, ended_ms: int) -> TownResult:
    buffers = [watch.firmware.buffer for watch in watches]
    return TownResult(
        published=dict(sorted(tally.published.items())),
        messages=tally.messages,
        resent=tally.resent,
        dropped=tally.dropped,
        failed=tally.failures,
        receipted=sum(buffer.receipted for buffer in buffers),
        held=sum(len(buffer) for buffer in buffers),
        overwritten=sum(buffer.overwritten for buffer in buffers),
        ended_ms=ended_ms,
        truth=tuple(sorted(tally.truth, key=lambda truth: (truth.start, truth.watch))),
    )
