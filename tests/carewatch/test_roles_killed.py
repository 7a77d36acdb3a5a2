"""kill -9 of ingest and of the broker while a town lives: what a watch was promised is in the log, exactly once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from carewatch.clock import ScaledClock
from simulator.faults import Faults
from simulator.options import EpisodeRates, SimulationOptions
from simulator.run import Published, run_town
from simulator.town import build_town
from tests.carewatch.one_role import IngestRole
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.server

SPEED = 240.0
MINUTES = 40
KILLS = 4


async def test_every_receipted_reading_is_in_the_log_exactly_once(mosquitto: Mosquitto, tmp_path: Path) -> None:
    often = EpisodeRates(sos=10.0)
    faults = Faults(drop_pct=5, duplicate_pct=5, reorder_pct=5)
    options = SimulationOptions(residents=10, episodes=often, faults=faults, settle_s=20_000)
    clock = ScaledClock(SPEED, options.start_ms * 1_000_000)
    role = IngestRole(
        tmp_path,
        mosquitto.url,
        CAREWATCH_CLOCK__SPEED=str(SPEED),
        CAREWATCH_CLOCK__ORIGIN_NS=str(clock.origin_ns),
        CAREWATCH_CLOCK__ORIGIN_BOOT_NS=str(clock.origin_boot_ns),
    )
    role.start()
    published: list[Published] = []
    town = asyncio.create_task(
        run_town(
            build_town(options),
            options,
            broker_host=mosquitto.host,
            broker_port=mosquitto.port,
            clock=clock,
            on_publish=published.append,
            until_ns=clock.now_ns() + MINUTES * 60 * 1_000_000_000,
        )
    )
    try:
        for life in range(KILLS):
            await role.is_up()
            before = len(published)
            # On a machine so slow that the town has ended by now, the rest of the kills find it settled.
            await eventually(lambda: len(published) > before + 30 or town.done(), 30, "more readings")  # noqa: B023 - awaited
            role.kill()
            if life == 1:
                mosquitto.kill()
                mosquitto.start()
            role.start()
        result = await town
    finally:
        town.cancel()
        await asyncio.to_thread(role.stop)
    assert result.held == 0, "every watch was receipted everything in the end"
    assert result.resent > 0
    came = Counter((row["watch"], row["boot"], row["seq"]) for row in role.rows() if "seq" in row)
    assert set(came) == {(one.watch_id, one.boot, one.seq) for one in published}
    assert set(came.values()) == {1}
    assert {row["kind"] for row in role.rows()} >= {"heart_rate", "status", "sos"}
    assert role.verify() > 0
