"""What has arrived and nobody has taken yet: bounded, in order, across connections."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from ingest.mqtt.delivered import Delivered

if TYPE_CHECKING:
    from ingest.mqtt.options import MqttOptions


class Inbox:
    """A batch a connection; the newest one grows until it is taken.

    What a lost connection delivered stays: the broker repeats QoS 1, and the duplicate filter knows it again; QoS 0
    would be gone.
    """

    def __init__(self, options: MqttOptions) -> None:
        self._max_messages = options.max_pending_messages
        self._max_bytes = options.max_pending_bytes
        self._batches: deque[Delivered] = deque()
        self._size_bytes = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._closed = False

    @property
    def full(self) -> bool:
        """Reading should pause."""
        return not self._room.is_set()

    def open(self, connection: int) -> Delivered:
        """The batch to which this connection appends."""
        if not self._batches or self._batches[-1].connection != connection:
            self._batches.append(Delivered(connection))
        return self._batches[-1]

    def added(self, size_bytes: int) -> None:
        """Tell that `size_bytes` were read into the open batch: the consumer wakes if there is a message."""
        self._size_bytes += size_bytes
        messages = sum(map(len, self._batches))
        if messages:
            newest = self._batches[-1]
            newest.first_ns = newest.first_ns or time.perf_counter_ns()
            self._arrived.set()
        else:
            self._size_bytes = 0
        if messages >= self._max_messages or self._size_bytes >= self._max_bytes:
            self._room.clear()

    async def take(self) -> Delivered | None:
        """The oldest batch, as soon as there is one; None once closed."""
        while not self._closed:
            while self._batches:
                batch = self._batches.popleft()
                if not self._batches:
                    self._emptied()
                if batch.topics:
                    return batch
            self._arrived.clear()
            await self._arrived.wait()
        return None

    def _emptied(self) -> None:
        self._size_bytes = 0
        self._room.set()

    async def room(self) -> None:
        """Return when the consumer has caught up, or the inbox is closed."""
        await self._room.wait()

    def close(self) -> None:
        """End `take` and let go of what is here: without a PUBACK it is still the broker's."""
        self._closed = True
        self._batches.clear()
        self._emptied()
        self._arrived.set()
