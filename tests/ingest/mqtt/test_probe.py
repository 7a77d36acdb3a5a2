from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from carewatch.clock import WallClock
from ingest.mqtt import Link, LinkState, MqttOptions, Trouble, probe
from tests.ingest.mqtt.conftest import payloads
from tests.servers.process import free_port

if TYPE_CHECKING:
    from collections.abc import Callable


async def ask(port: int, *filters: str) -> LinkState:
    rng = Random(1)  # noqa: S311 - seeded on purpose
    return await probe(MqttOptions("carewatch", host="127.0.0.1", port=port), filters, clock=WallClock(), rng=rng)


async def test_a_missing_broker_is_told_with_its_remedy() -> None:
    state = await ask(free_port(), "watch/+/+")
    assert (state.link, state.trouble) == (Link.DOWN, Trouble.NOT_LISTENING)
    assert "start the broker" in state.remedy


@pytest.mark.server
async def test_asking_disturbs_no_running_carewatch_and_takes_nothing_from_it(
    subscribe: Callable, mosquitto: object, publisher: Callable
) -> None:
    filters = ["$share/edge/watch/+/+"]
    running = subscribe(mosquitto, filters)
    await running.is_(Link.UP)
    watch = publisher(mosquitto.port)
    numbers = [b"%d" % number for number in range(20)]
    for number in numbers:
        assert (await ask(mosquitto.port, *filters)).link is Link.UP
        await watch.publish([number])
    assert payloads(await running.take(20, acknowledge=True)) == numbers
    assert [one.link for one in running.states] == [Link.CONNECTING, Link.UP]
