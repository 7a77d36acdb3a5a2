"""WIRE.md section 2, proved: whatever is killed, a receipted reading is in the log, and once.

A fleet that resends by its firmware, a real Mosquitto that saves every two seconds, the role `ingest` as a process.
Both are killed (-9) at random moments of a seed. `make test` kills 6 and 2 times with the watches' time running five
times as fast (theirs and carewatch's, by the clock seam; a restart takes as long as it takes). The whole:
`CAREWATCH_PROOF=whole python -m pytest tests/ingest/proof/test_exactly_once.py -s` kills 30 and 5 times in real time.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from carewatch.clock import ScaledClock
from ingest.log.sqlite_reader import SqliteLogReader
from tests.carewatch.one_role import IngestRole
from tests.ingest.proof.fleet import Fleet, Habits, Key
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.mosquitto import Mosquitto

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(900)]


RUNNING = 0.7
"""Share of kills for which ingest is given the time to be up: a slow machine would else kill it only as it starts."""


@dataclass(frozen=True, slots=True)
class Trial:
    """`longest_s` between two kills, and `within_s` to settle, are real seconds. `speed`: of the watches' time."""

    ingest_kills: int
    broker_kills: int
    longest_s: float
    speed: float
    watches: int
    seed: int
    within_s: float = 120.0


SHORT = Trial(ingest_kills=6, broker_kills=2, longest_s=4.0, speed=5.0, watches=20, seed=6)
WHOLE = Trial(ingest_kills=30, broker_kills=5, longest_s=8.0, speed=1.0, watches=40, seed=int(time.time()))


def trial() -> Trial:
    """`CAREWATCH_PROOF`: `whole`, or `whole:SEED` to repeat a seed that was printed."""
    asked, _, seed = os.environ.get("CAREWATCH_PROOF", "").partition(":")
    whole = replace(WHOLE, seed=int(seed)) if seed else WHOLE
    return whole if asked == "whole" else SHORT


def in_the_log(path: Path) -> Counter[Key]:
    """Every reading with a seq that the log holds, and how many times."""
    found: Counter[Key] = Counter()
    with closing(SqliteLogReader(path)) as log:
        ids = [watch.watch_id for watch in log.watches()]
        after = 0
        while records := log.read(after, 1000):
            after = records[-1].offset
            for record in records:
                columns = (record.readings[name].tolist() for name in ("watch", "boot", "seq"))
                found.update((ids[watch], boot, seq) for watch, boot, seq in zip(*columns, strict=True) if seq > 0)
        log.verify()
    return found


class Killer:
    """Kills in an order and at moments that come from the seed alone; `whole` is how many met a running ingest."""

    def __init__(self, one: Trial, role: IngestRole, broker: Mosquitto) -> None:
        self._chance = random.Random(one.seed)  # noqa: S311 - moments, no secret
        self._longest_s = one.longest_s
        self._role, self._broker = role, broker
        self._order = ["ingest"] * one.ingest_kills + ["broker"] * one.broker_kills
        self._chance.shuffle(self._order)
        self.met_it_running = 0

    async def run(self) -> None:
        for who in self._order:
            if self._chance.random() < RUNNING:  # else it may be killed while it starts
                await self._role.is_up()
            await asyncio.sleep(self._chance.uniform(0.2, self._longest_s))
            if who == "ingest":
                assert self._role.process is not None
                status = self._role.status
                self.met_it_running += status is not None and status.pid == self._role.process.pid
                self._role.kill()
                self._role.start()
            else:
                self._broker.kill()
                await asyncio.sleep(self._chance.uniform(0, 2))
                await asyncio.to_thread(self._broker.start)


async def settled(fleet: Fleet, role: IngestRole, within_s: float) -> None:
    try:
        await eventually(lambda: fleet.held == 0, within_s, "every watch to have its receipts")
    except AssertionError as late:
        raise AssertionError(f"{late}\n{fleet.waiting}\n{role.words[-3000:]}") from None


async def test_whatever_is_killed_every_receipted_reading_is_in_the_log_once(
    start_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    one = trial()
    broker = start_mosquitto("autosave_interval 2")
    clock = ScaledClock(one.speed, time.time_ns())
    scaled = {"SPEED": one.speed, "ORIGIN_NS": clock.origin_ns, "ORIGIN_BOOT_NS": clock.origin_boot_ns}
    role = IngestRole(tmp_path, broker.url, **{f"CAREWATCH_CLOCK__{name}": str(is_) for name, is_ in scaled.items()})
    some_kept = [Habits(every_ms=700, kept=1_500 if number % 8 == 0 else 0) for number in range(one.watches)]
    role.start()
    try:
        async with Fleet(some_kept, clock, broker.host, broker.port, one.seed) as fleet:
            await role.is_up()
            killer = Killer(one, role, broker)
            await killer.run()
            last_fault_s = time.monotonic()
            fleet.stop_measuring()
            await settled(fleet, role, one.within_s)
            settled_s = time.monotonic() - last_fault_s
        code, words = role.stop()
    finally:
        if role.process is not None:
            role.kill()
    committed, copies = in_the_log(role.log_path), fleet.copies
    resent = sum(copies.values()) - len(copies)
    sys.stdout.write(
        f"\nseed {one.seed}: {one.ingest_kills} kills of ingest ({killer.met_it_running} of a running one), "
        f"{one.broker_kills} of the broker; {len(fleet.made)} readings made, {len(fleet.let_go)} receipted, "
        f"{len(committed)} committed; {resent} resent, one at most {max(copies.values())} times; "
        f"settled {settled_s:.1f} s after the last fault\n"
    )
    assert code == 0, words
    assert fleet.let_go - committed.keys() == set(), "receipted and not in the log"
    assert {key: times for key, times in committed.items() if times > 1} == {}, "used twice"
    assert committed.keys() == fleet.made, "made and not in the log, or in the log and never made"
    assert resent <= 3 * len(copies), "a storm of resends"
    assert max(copies.values()) <= 4 + one.ingest_kills + 2 * one.broker_kills
