"""The broker's files of config/mosquitto, loaded by the real Mosquitto: who can do what."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiomqtt
import pytest

from tests.operations.broker import Broker, make_passwords
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("heart_rate", "fall", "location", "sos", "status", "backlog")

pytestmark = pytest.mark.server


async def heard(client: aiomqtt.Client, count: int) -> list[str]:
    """The topics of the next `count` messages."""
    topics: list[str] = []
    async with asyncio.timeout(10):
        async for message in client.messages:
            topics.append(message.topic.value)
            if len(topics) == count:
                return topics
    return topics


async def test_nobody_gets_in_without_the_right_password(broker: Broker) -> None:
    for stranger in (
        broker.watch("A", "pass of b"),
        broker.watch("C", "x"),
        aiomqtt.Client("127.0.0.1", broker.for_watches),
        aiomqtt.Client("127.0.0.1", broker.for_carewatch),
    ):
        with pytest.raises(aiomqtt.MqttError, match=r"Not authori[sz]ed"):
            await stranger.__aenter__()


async def test_carewatch_hears_every_kind_of_reading(broker: Broker) -> None:
    async with broker.carewatch() as carewatch, broker.a() as a:
        for kind in KINDS:
            await carewatch.subscribe(f"watch/+/{kind}", qos=1)
        for kind in KINDS:
            await a.publish(f"watch/A/{kind}", b"{}", qos=1)
        assert await heard(carewatch, len(KINDS)) == [f"watch/A/{kind}" for kind in KINDS]


async def test_one_of_several_carewatches_hears_by_a_shared_subscription(broker: Broker) -> None:
    async with broker.carewatch() as carewatch, broker.a() as a:
        await carewatch.subscribe("$share/ingest/watch/+/sos", qos=1)
        await a.publish("watch/A/sos", b"{}", qos=1)
        assert await heard(carewatch, 1) == ["watch/A/sos"]


async def test_a_watch_cannot_speak_as_another(broker: Broker) -> None:
    async with broker.carewatch() as carewatch, broker.a() as a:
        await carewatch.subscribe("watch/+/sos", qos=1)
        await a.publish("watch/B/sos", b"{}", qos=1)
        await a.publish("watch/A/sos", b"{}", qos=1)  # comes after; if the first got through it would be first
        assert await heard(carewatch, 1) == ["watch/A/sos"]


async def test_a_watch_cannot_forge_a_receipt(broker: Broker) -> None:
    async with broker.b() as b, broker.a() as a, broker.carewatch() as carewatch:
        await b.subscribe("watch/B/receipt")
        await a.publish("watch/B/receipt", b"forged", qos=1)
        await b.publish("watch/B/receipt", b"forged", qos=1)
        await carewatch.publish("watch/B/receipt", b"true")
        async with asyncio.timeout(10):
            assert (await anext(b.messages)).payload == b"true"


async def test_a_watch_reads_its_own_receipts_and_no_others(broker: Broker) -> None:
    async with broker.b() as b, broker.carewatch() as carewatch:
        await b.subscribe("#")
        await b.subscribe("watch/B/receipt")
        await carewatch.publish("watch/A/receipt", b"{}")
        await carewatch.publish("watch/B/receipt", b"{}")
        assert await heard(b, 1) == ["watch/B/receipt"]


async def test_a_watch_does_not_hear_what_others_publish(broker: Broker) -> None:
    async with broker.b() as b, broker.a() as a, broker.carewatch() as carewatch:
        await b.subscribe("watch/+/location")
        await b.subscribe("watch/B/receipt")
        await a.publish("watch/A/location", b"{}", qos=1)
        await carewatch.publish("watch/B/receipt", b"{}")
        assert await heard(b, 1) == ["watch/B/receipt"]


async def test_a_watch_cannot_throw_carewatch_off_the_broker_by_its_client_id(broker: Broker) -> None:
    async with broker.carewatch(identifier="carewatch", clean_session=False) as carewatch:
        await carewatch.subscribe("watch/+/sos", qos=1)
        async with broker.watch("A", "pass-of-a", identifier="carewatch") as a:
            await a.publish("watch/A/sos", b"{}", qos=1)
            assert await heard(carewatch, 1) == ["watch/A/sos"]


async def test_what_comes_while_carewatch_is_away_waits_for_it(broker: Broker) -> None:
    """More than Mosquitto's own limit of 1,000, over a restart of the broker too."""
    async with broker.carewatch(identifier="carewatch", clean_session=False) as carewatch:
        await carewatch.subscribe("watch/+/heart_rate", qos=1)
    async with broker.a() as a:
        for n in range(1_500):
            await a.publish("watch/A/heart_rate", str(n).encode(), qos=1)
    broker.process.stop()
    broker.process.start()
    async with broker.carewatch(identifier="carewatch", clean_session=False) as carewatch, asyncio.timeout(60):
        payloads = [int((await anext(carewatch.messages)).payload) for _ in range(1_500)]
    assert payloads == list(range(1_500))


async def test_the_health_check_may_read_the_uptime(broker: Broker) -> None:
    async with broker.carewatch() as carewatch:
        await carewatch.subscribe("$SYS/broker/uptime")
        assert await heard(carewatch, 1) == ["$SYS/broker/uptime"]


async def test_a_new_watch_signs_in_after_a_reload(broker: Broker, secrets: Path) -> None:
    with (secrets / "watch_passwords").open("a") as file:
        file.write("C:new\n")
    make_passwords(secrets, broker.folder / "auth")
    assert broker.process.running is not None
    broker.process.running.send_signal(1)

    async def signs_in() -> bool:
        try:
            async with broker.watch("C", "new"):
                return True
        except aiomqtt.MqttError:
            return False

    assert await eventually(signs_in, why="watch C to be let in")
