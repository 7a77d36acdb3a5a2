"""What the two sessions deliver, emergencies first, gathered into commits.

A commit is bounded so that it is done within about 25 ms: so long an SOS may have to wait for the one under way. The
CPU time a message is the same from 4,096 messages on, so a larger commit would buy nothing.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.mqtt.delivered import Delivered
    from ingest.mqtt.subscriber import Subscriber

GATHER_S = 0.015
"""Real seconds that a calm reading may wait for company: one fsync serves them all. An emergency waits for nobody."""
FULL_MESSAGES, FULL_BYTES = 8_192, 2 << 20
"""Of one commit, payload bytes: whichever comes first. Arrays hold many readings a message, hence the bytes."""
SESSIONS = ("emergencies", "readings")
WAITING_PARCELS = 4
"""Delivered and not yet taken, a session; beyond, the subscriber stops reading and TCP holds the broker back."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A batch and the session that must acknowledge it. `size`: bytes of its payloads."""

    session: Subscriber
    delivered: Delivered
    size: int

    @staticmethod
    def of(session: Subscriber, delivered: Delivered) -> Parcel:
        """Its size counted once: there are many messages."""
        return Parcel(session, delivered, sum(map(len, delivered.payloads)))

    def cut(self, messages: int) -> tuple[Parcel, Parcel]:
        """The first so many messages, and the rest."""
        delivered = self.delivered
        first = Parcel.of(self.session, delivered.part(0, messages))
        rest = Parcel(self.session, delivered.part(messages, len(delivered)), self.size - first.size)
        return first, rest


class SessionQueue:
    """What one session delivered and no commit took yet, in order."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Parcel] = asyncio.Queue(WAITING_PARCELS)
        self._gathered: deque[Parcel] = deque()
        self._messages = self._bytes = 0

    @property
    def waiting(self) -> int:
        """Parcels."""
        return self._queue.qsize() + len(self._gathered)

    @property
    def is_full(self) -> bool:
        """There is enough for a commit."""
        return self._messages >= FULL_MESSAGES or self._bytes >= FULL_BYTES

    @property
    def is_cut(self) -> bool:
        """Something was left over by the commit before: it has waited already."""
        return bool(self._gathered)

    async def put(self, parcel: Parcel) -> None:
        """Waits while `WAITING_PARCELS` are here."""
        await self._queue.put(parcel)

    def gather(self) -> None:
        """Take out of the queue what one commit may hold."""
        while not self.is_full and not self._queue.empty():
            self._count(self._queue.get_nowait())

    def take(self) -> list[Parcel]:
        """What one commit may hold; the last parcel is cut where it does not fit."""
        self.gather()
        parcels, messages, size = [], 0, 0
        while self._gathered and messages < FULL_MESSAGES and size < FULL_BYTES:
            parcel = self._gathered.popleft()
            fits = _fitting(parcel, FULL_MESSAGES - messages, FULL_BYTES - size)
            if fits < len(parcel.delivered):
                parcel, rest = parcel.cut(fits)
                self._gathered.appendleft(rest)
            parcels.append(parcel)
            messages += len(parcel.delivered)
            size += parcel.size
        self._messages -= messages
        self._bytes -= size
        return parcels

    def give_back(self, parcels: list[Parcel]) -> None:
        """What was taken last and is to be taken next."""
        self._gathered.extendleft(reversed(parcels))
        self._messages += sum(len(parcel.delivered) for parcel in parcels)
        self._bytes += sum(parcel.size for parcel in parcels)

    def _count(self, parcel: Parcel) -> None:
        self._gathered.append(parcel)
        self._messages += len(parcel.delivered)
        self._bytes += parcel.size


class Intake:
    """Two sessions, so that an SOS never waits behind a backlog."""

    def __init__(self, emergencies: Subscriber, others: Subscriber) -> None:
        self._urgent, self._calm = SessionQueue(), SessionQueue()
        self._arrived = asyncio.Event()
        self.emergencies = emergencies
        self.others = others

    @property
    def waiting(self) -> int:
        """Batches delivered and not yet taken; at `WAITING_PARCELS` a session stops reading."""
        return self._urgent.waiting + self._calm.waiting

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
        """At least one parcel, all of one session: emergencies at once, or calm ones of `GATHER_S`.

        An emergency that comes while calm ones are being gathered goes first.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() if self._calm.is_cut else None
        while True:
            if self._urgent.waiting:
                return self._urgent.take()
            self._calm.gather()
            if until_s is None and self._calm.waiting:
                until_s = loop.time() + GATHER_S
            if until_s is not None and (self._calm.is_full or loop.time() >= until_s):
                return self._calm.take()
            await self._next_parcel(until_s)

    async def next_emergencies(self, within_s: float) -> list[Parcel]:
        """As soon as there are some; empty when the time (real seconds) is over."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + within_s
        while not self._urgent.waiting and loop.time() < until_s:
            await self._next_parcel(until_s)
        return self._urgent.take()

    def give_back(self, emergencies: list[Parcel]) -> None:
        """The log did not take them; they are the next."""
        self._urgent.give_back(emergencies)

    async def _next_parcel(self, until_s: float | None) -> None:
        """Wait for it, no longer than until then (of the loop's time)."""
        self._arrived.clear()
        try:
            async with asyncio.timeout_at(until_s):
                await self._arrived.wait()
        except TimeoutError:
            return  # what has been gathered goes now

    async def _pump(self, session: Subscriber, queue: SessionQueue) -> None:
        async for delivered in session.batches():
            await queue.put(Parcel.of(session, delivered))
            self._arrived.set()


def _fitting(parcel: Parcel, messages: int, size: int) -> int:
    """How many of its messages fit into so many bytes; one at least, so that a large one goes alone."""
    if parcel.size <= size:
        return min(messages, len(parcel.delivered))
    ends = list(accumulate(map(len, parcel.delivered.payloads[:messages])))
    return max(1, bisect_right(ends, size))
