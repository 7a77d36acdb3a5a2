"""Plays messages to a broker, at the recorded pace times a speed, or as fast as it takes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import aiomqtt

    from carewatch.clock import WallClock
    from carewatch.replay.recording import Recorded

NS_PER_S = 1_000_000_000
IN_FLIGHT = 10
"""aiomqtt warns beyond; each waits for the broker's PUBACK."""


async def play(
    messages: Iterable[Recorded],
    client: aiomqtt.Client,
    clock: WallClock,
    *,
    speed: float,
    on_message: Callable[[int], None] = lambda _count: None,
) -> int:
    """Publish every message at QoS 1 and return how many. `speed` 0: no pauses. Order within a watch is kept.

    Receipts among them are left out: said again, they would let watches drop what this broker's carewatch never kept.
    """
    began_ns, first_at_s, count = clock.now_ns(), None, 0
    async with client:
        window = asyncio.Semaphore(IN_FLIGHT)
        async with asyncio.TaskGroup() as under_way:
            for message in messages:
                if is_receipt(message.topic):
                    continue
                first_at_s = message.at_s if first_at_s is None else first_at_s
                if speed:
                    due_s = (message.at_s - first_at_s) / speed
                    await clock.sleep_until(began_ns + int(due_s * NS_PER_S))
                await window.acquire()
                under_way.create_task(_publish(client, message, window))
                count += 1
                on_message(count)
    return count


def is_receipt(topic: str) -> bool:
    """What carewatch tells a watch (WIRE.md section 2)."""
    return topic.startswith("watch/") and topic.endswith("/receipt")


async def _publish(client: aiomqtt.Client, message: Recorded, window: asyncio.Semaphore) -> None:
    try:
        await client.publish(message.topic, message.payload, qos=1)
    finally:
        window.release()
