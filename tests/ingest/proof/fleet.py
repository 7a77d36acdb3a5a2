"""A fleet of watches with the firmware of WIRE.md section 2, which writes down what it made and what it let go."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from simulator.buffer import Buffer, Held
from simulator.link import Broker, Link, Reach
from simulator.seams import NS_PER_MS, Clock, now_ms
from simulator.watch import Firmware

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.receipt import Receipt, Verdict
    from simulator.watch import Message

Key = tuple[str, int, int]
"""Watch, boot, seq: one reading."""

KINDS = ("heart_rate", "location", "status", "sos", "fall")
SHARES = (0.80, 0.12, 0.05, 0.02, 0.01)


class Flash(Buffer):
    """A watch's memory that remembers also what it has let go, and whether it was told to."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.made: list[Held] = []
        self.let_go: list[Held] = []

    def add(self, boot: int, kind: str, time_ms: int, values: Mapping[str, Any]) -> tuple[Held, Held | None]:
        held, lost = super().add(boot, kind, time_ms, values)
        self.made.append(held)
        return held, lost

    def take(self, receipt: Receipt) -> tuple[Verdict, list[Held]]:
        verdict, covered = super().take(receipt)
        self.let_go += covered
        return verdict, covered


@dataclass(frozen=True, slots=True)
class Habits:
    """`every_ms`: between two readings. `kept`: readings that are in the flash when the watch is switched on.

    `loses_receipt`, `says_twice`, `switched_off`: chances of a receipt, a message, a reading.
    """

    every_ms: int = 1_000
    kept: int = 0
    loses_receipt: float = 0.05
    says_twice: float = 0.03
    switched_off: float = 0.003


class FleetWatch:
    """One watch, its radio and its life, on a clock."""

    def __init__(self, watch_id: str, seed: int, habits: Habits, clock: Clock, broker: Broker, reach: Reach) -> None:
        self.watch_id = watch_id
        self._rng = np.random.default_rng([seed, *watch_id.encode()])
        self._habits = habits
        self._clock = clock
        self.firmware = Firmware(watch_id, self._rng)
        self.flash = self.firmware.buffer = Flash(100_000)
        self.link = Link(broker, reach, [self], clock, with_will=True)
        self.published: Counter[Key] = Counter()
        self._stirred = asyncio.Event()
        now = now_ms(clock)
        self.firmware.power_up(now - (habits.kept + 1) * 1000)
        for place in range(habits.kept):
            self.firmware.on_reading("heart_rate", {"bpm": 60 + place % 50}, now - (habits.kept - place) * 1000)
        self._next_ms = now + int(self._rng.integers(habits.every_ms))

    @property
    def waiting(self) -> str:
        first = [(held.boot, held.seq, held.kind, held.sends) for held in self.flash][:3]
        due_ms = (self.firmware.next_due_ms() or 0) - now_ms(self._clock)
        up = "connected" if self.link.is_up else "not connected"
        return f"{self.watch_id}, {up}, holds {len(self.flash)}: {first}...; sends again in {due_ms} ms"

    def on_connected(self) -> None:
        self.firmware.on_connected(now_ms(self._clock))
        self._stirred.set()

    def on_disconnected(self) -> None:
        self.firmware.on_disconnected()

    def on_receipt(self, payload: bytes) -> None:
        if self._rng.random() >= self._habits.loses_receipt:
            self.firmware.on_receipt(payload)
            self._stirred.set()

    async def run(self, measuring: asyncio.Event) -> None:
        """Measure while `measuring` is set; send what is due, for ever."""
        async with asyncio.TaskGroup() as sending:
            while True:
                self._stirred.clear()
                now = now_ms(self._clock)
                while measuring.is_set() and self._next_ms <= now:
                    self._live()
                for message in self.firmware.due(now):
                    for _ in range(2 if self._rng.random() < self._habits.says_twice else 1):
                        await self._say(message, sending)
                await self._wait(measuring)

    def _live(self) -> None:
        self._measure(self._next_ms)
        if self._rng.random() < self._habits.switched_off:
            self.link.cut()
            self.firmware.power_up(self._next_ms)
            self.link.allow()
        self._next_ms += int(self._habits.every_ms * self._rng.uniform(0.5, 1.5))

    def _measure(self, time_ms: int) -> None:
        kind = str(self._rng.choice(KINDS, p=SHARES))
        values: dict[str, Any] = {
            "heart_rate": {"bpm": int(self._rng.integers(50, 120))},
            "location": {"lat": 22.54, "lon": 114.06, "accuracy_m": int(self._rng.integers(5, 50))},
            "status": {"event": "worn"},
        }.get(kind, {})
        self.firmware.on_reading(kind, values, time_ms)

    async def _say(self, message: Message, sending: asyncio.TaskGroup) -> None:
        """Once; an emergency waits for no PUBACK of another."""
        if not self.link.is_up:
            return  # the firmware holds it
        self.published.update((self.watch_id, held.boot, held.seq) for held in message.readings)
        if message.is_emergency:
            sending.create_task(self.link.publish(message))
        else:
            await self.link.publish(message)

    async def _wait(self, measuring: asyncio.Event) -> None:
        due = [self.firmware.next_due_ms(), self._next_ms if measuring.is_set() else None]
        wake_ms = min((time_ms for time_ms in due if time_ms is not None), default=now_ms(self._clock) + 1_000)
        asleep = asyncio.ensure_future(self._clock.sleep_until(wake_ms * NS_PER_MS))
        stirred = asyncio.ensure_future(self._stirred.wait())
        try:
            await asyncio.wait({asleep, stirred}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asleep.cancel()
            stirred.cancel()


class Fleet:
    """`async with Fleet(...) as fleet:` they live; `fleet.stop_measuring()` lets them only send what they hold."""

    def __init__(self, habits: list[Habits], clock: Clock, host: str, port: int, seed: int) -> None:
        broker = Broker(host, port)
        reach = Reach(broker)
        self.watches = [FleetWatch(f"w{number}", seed, one, clock, broker, reach) for number, one in enumerate(habits)]
        self._measuring = asyncio.Event()
        self._measuring.set()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for watch in self.watches:
            self._tasks += [asyncio.create_task(watch.link.run()), asyncio.create_task(watch.run(self._measuring))]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        for task in self._tasks:
            if not task.cancelled():
                task.result()

    def stop_measuring(self) -> None:
        self._measuring.clear()

    @property
    def held(self) -> int:
        """Readings that watches have no receipt for."""
        return sum(len(watch.flash) for watch in self.watches)

    @property
    def waiting(self) -> str:
        """Who holds what, for whoever wonders why."""
        return "\n".join(watch.waiting for watch in self.watches if len(watch.flash))

    @property
    def made(self) -> set[Key]:
        return {(watch.watch_id, held.boot, held.seq) for watch in self.watches for held in watch.flash.made}

    @property
    def let_go(self) -> set[Key]:
        """What a receipt covered."""
        return {(watch.watch_id, held.boot, held.seq) for watch in self.watches for held in watch.flash.let_go}

    @property
    def copies(self) -> Counter[Key]:
        """How many times each reading was published."""
        total: Counter[Key] = Counter()
        for watch in self.watches:
            total.update(watch.published)
        return total
