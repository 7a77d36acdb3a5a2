"""Try a broker once and say how it went: what `carewatch doctor` asks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.mqtt.link import Link, LinkState
from ingest.mqtt.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from ingest.mqtt.options import MqttOptions
    from ingest.seams import Clock


async def probe(options: MqttOptions, filters: Sequence[str], *, clock: Clock, rng: Random) -> LinkState:
    """Connect and subscribe once; returns the first state that is an answer (up, partial or down with its remedy).

    It harms no running carewatch: another client id, a clean session, no will, no place in a shared subscription.
    Bounded by `connect_timeout_s` for the connection and once more for the broker's answers.
    """
    aside = replace(options, client_id=f"{options.client_id}-doctor", session_expiry_s=0, will=None, presence_topic="")
    answer: asyncio.Future[LinkState] = asyncio.get_running_loop().create_future()

    def told(state: LinkState) -> None:
        if state.link is not Link.CONNECTING and not answer.done():
            answer.set_result(state)

    subscriber = Subscriber(aside, [_unshared(one) for one in filters], clock=clock, rng=rng, on_change=told)
    async with asyncio.TaskGroup() as group:
        group.create_task(subscriber.run())
        state = await answer
        await subscriber.close()
    return state


def _unshared(topic_filter: str) -> str:
    return topic_filter.split("/", 2)[2] if topic_filter.startswith("$share/") else topic_filter
