"""One watch on the air: its life, its firmware and its network, driven by the clock."""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING

import structlog

from simulator.faults import Network
from simulator.life import Begin, LifeItem, Power, Reading, live
from simulator.receipt import Verdict
from simulator.seams import NS_PER_MS, now_ms
from simulator.streams import Purpose, stream
from simulator.watch import Firmware

if TYPE_CHECKING:
    from simulator.link import Link
    from simulator.options import SimulationOptions
    from simulator.seams import Clock
    from simulator.tally import Tally
    from simulator.town import Resident
    from simulator.watch import Message

log = structlog.get_logger(__name__)


class WatchOnAir:
    """Lives until `until_ms`, then goes on sending what is not receipted for `options.settle_s`."""

    def __init__(
        self, resident: Resident, options: SimulationOptions, clock: Clock, tally: Tally, until_ms: int | None
    ) -> None:
        self.watch_id = resident.watch_id
        self._resident = resident
        self.link: Link | None = None
        faults = options.faults
        self.firmware = Firmware(
            resident.watch_id,
            stream(options.seed, resident.index, Purpose.FIRMWARE),
            clock_offset_ms=faults.clock_offset_ms,
            capacity=options.capacity,
        )
        self._network = Network(resident.watch_id, faults, stream(options.seed, resident.index, Purpose.NETWORK))
        self._clock = clock
        self._tally = tally
        self._life = live(resident, options)
        self._next: LifeItem = next(self._life)
        self._until_ms = until_ms
        self._end_ms = None if until_ms is None else until_ms + round(options.settle_s * 1000)
        self._on_the_way: list[tuple[int, int, Message]] = []  # heap of (arrives_ms, sent count, message)
        self._sent = 0
        self._powered = True
        self._signal = True
        self._goodbye = False
        self._stirred = asyncio.Event()
        self.firmware.power_up(options.start_ms)

    async def run(self) -> None:
        """Until the end; returns early once everything is receipted after the last reading."""
        async with asyncio.TaskGroup() as urgent:
            while not self._done(now := now_ms(self._clock)):
                self._stirred.clear()
                self._live_until(now)
                self._feel_signal(now)
                self._send(now)
                await self._deliver(now, urgent)
                self._say_goodbye()
                await self._wait()

    def on_connected(self) -> None:
        """Of the link. One that many watches share may be up while this one is in a dead zone."""
        if self._powered and self._signal:
            self.firmware.on_connected(now_ms(self._clock))
        self._stirred.set()

    def on_disconnected(self) -> None:
        """Of the link."""
        self.firmware.on_disconnected()

    def on_receipt(self, payload: bytes) -> None:
        """Of the link; dropped on the way as any message may be."""
        if not (self._powered and self._signal) or self._network.loses_receipt():
            return
        verdict = self.firmware.on_receipt(payload)
        if verdict is not Verdict.TAKEN:
            log.warning("receipt_ignored", watch=self.watch_id, reason=verdict.value)
        self._stirred.set()

    def _over(self, time_ms: int) -> bool:
        return self._until_ms is not None and time_ms >= self._until_ms

    def _done(self, now: int) -> bool:
        if self._end_ms is None or not self._over(self._next.time_ms) or not self._over(now):
            return False  # a late waking does not cut a life short
        return now >= self._end_ms or (len(self.firmware.buffer) == 0 and not self._on_the_way)

    def _live_until(self, now: int) -> None:
        while not self._goodbye and (item := self._next).time_ms <= now and not self._over(item.time_ms):
            self._next = next(self._life)
            if isinstance(item, Reading):
                self.firmware.on_reading(item.kind, item.values, item.time_ms)
            elif isinstance(item, Begin):
                self._tally.began(item.episode)
            else:
                self._switch(item, now)

    def _switch(self, power: Power, now: int) -> None:
        if power.orderly:
            self._goodbye = True  # its last words are sent first
            return
        self._powered = power.on
        if power.on:
            self.firmware.power_up(now)
        self._set_link()

    def _say_goodbye(self) -> None:
        if self._goodbye:
            self._goodbye = self._powered = False
            self._set_link(orderly=True)

    def _feel_signal(self, now: int) -> None:
        zone = self._network.dead_zone_at(now)
        signal = zone is None
        if signal != self._signal:
            self._signal = signal
            if zone is not None:
                self._tally.lost_signal(zone, self._resident)
            self._set_link()

    def _set_link(self, *, orderly: bool = False) -> None:
        """Bring the connection to what power and signal allow."""
        if self.link is None:
            raise AssertionError(f"watch {self.watch_id} has no link; run_town gives it one before it runs")
        on = self._powered and self._signal
        if not on:
            self.firmware.on_disconnected()
        if self.link.is_shared:
            if on and self.link.is_up:
                self.firmware.on_connected(now_ms(self._clock))
        elif on:
            self.link.allow()
        elif orderly:
            self.link.close()
        else:
            self.link.cut()

    def _send(self, now: int) -> None:
        """Give what is due to the network, which may lose, double or delay it."""
        for message in self.firmware.due(now):
            arrivals = self._network.arrivals(now)
            self._tally.left_watch(copies=len(arrivals))
            for arrives_ms in arrivals:
                self._sent += 1
                heapq.heappush(self._on_the_way, (arrives_ms, self._sent, message))

    async def _deliver(self, now: int, urgent: asyncio.TaskGroup) -> None:
        """Publish what arrives now, in order; an emergency is handed over without waiting for anything."""
        arrived: list[Message] = []
        while self._on_the_way and self._on_the_way[0][0] <= now:
            arrived.append(heapq.heappop(self._on_the_way)[2])
        for message in arrived:
            if message.is_emergency:
                urgent.create_task(self._publish(message))
        for message in arrived:
            if not message.is_emergency:
                await self._publish(message)

    async def _publish(self, message: Message) -> None:
        """Once. If it fails, the firmware holds the readings still, and sends them again when their time has come."""
        if self.link is None or not self.link.is_up:
            self._tally.failed()
            return
        self._tally.publishing(self.watch_id, message, self._clock.now_ns())
        if not await self.link.publish(message):
            self._tally.failed()

    async def _wait(self) -> None:
        """Until something is due by the clock, or a receipt or a connection has come."""
        now = now_ms(self._clock)
        times = [
            self._next.time_ms if not self._over(self._next.time_ms) else None,
            self.firmware.next_due_ms(),
            self._on_the_way[0][0] if self._on_the_way else None,
            self._network.next_change_ms(now),
            self._until_ms if not self._over(now) else self._end_ms,
        ]
        wake_ms = min(time for time in times if time is not None)
        if wake_ms <= now or self._stirred.is_set():
            await asyncio.sleep(0)
            return
        asleep = asyncio.ensure_future(self._clock.sleep_until(wake_ms * NS_PER_MS))
        stirred = asyncio.ensure_future(self._stirred.wait())
        try:
            await asyncio.wait({asleep, stirred}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asleep.cancel()
            stirred.cancel()
