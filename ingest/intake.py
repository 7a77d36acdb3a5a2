"""What the two sessions deliver, emergencies first, gathered into commits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.mqtt.delivered import Delivered
    from ingest.mqtt.subscriber import Subscriber

GATHER_S = 0.015
"""Real seconds that a calm reading may wait for company: one fsync serves them all. An emergency waits for nobody."""
FULL_MESSAGES = 65_536
SESSIONS = ("emergencies", "readings")
WAITING_PARCELS = 4
"""Delivered and not yet taken, a session; beyond, the subscriber stops reading and TCP holds the broker back."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A batch and the session that must acknowledge it."""

    session: Subscriber
    delivered: Delivered


class Intake:
    """Two sessions, so that an SOS never waits behind a backlog."""

    def __init__(self, emergencies: Subscriber, others: Subscriber) -> None:
        self._urgent: asyncio.Queue[Parcel] = asyncio.Queue(WAITING_PARCELS)
        self._calm: asyncio.Queue[Parcel] = asyncio.Queue(WAITING_PARCELS)
        self._arrived = asyncio.Event()
        self.emergencies = emergencies
        self.others = others

    @property
    def waiting(self) -> int:
        """Batches delivered and not yet taken; at `WAITING_PARCELS` a session stops reading."""
        return self._urgent.qsize() + self._calm.qsize()

    def name_of(self, session: Subscriber) -> str:
        """As /metrics and /healthz call it."""
        return SESSIONS[session is not self.emergencies]

    async def run(self) -> None:
        """Both sessions, until closed or cancelled."""
        async with asyncio.TaskGroup() as group:
            for session, queue in ((self.emergencies, self._urgent), (self.others, self._calm)):
                group.create_task(session.run())
                group.create_task(self._pump(session, queue))

    async def close(self) -> None:
        """Leave the broker in order: what was acknowledged stays so."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.emergencies.close())
            group.create_task(self.others.close())

    async def gather(self) -> list[Parcel]:
        """At least one parcel, all of one session: every emergency there is, at once; or calm ones of `GATHER_S`."""
        while self._urgent.empty() and self._calm.empty():
            self._arrived.clear()
            await self._arrived.wait()
        if not self._urgent.empty():
            return _all_of(self._urgent)
        parcels = _all_of(self._calm)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + GATHER_S
        while self._urgent.empty() and _messages(parcels) < FULL_MESSAGES and (left_s := until_s - loop.time()) > 0:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left_s)
            except TimeoutError:
                break
            parcels += _all_of(self._calm)
        return parcels

    async def _pump(self, session: Subscriber, queue: asyncio.Queue[Parcel]) -> None:
        async for delivered in session.batches():
            await queue.put(Parcel(session, delivered))
            self._arrived.set()


def _all_of(queue: asyncio.Queue[Parcel]) -> list[Parcel]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


def _messages(parcels: list[Parcel]) -> int:
    return sum(len(parcel.delivered) for parcel in parcels)
