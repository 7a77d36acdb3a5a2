"""The same flow between a real broker and a real log."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import pytest

from carewatch.clock import WallClock
from ingest.log.contract import RecordKind
from ingest.mqtt.options import MqttOptions
from ingest.mqtt.subscriber import Subscriber
from ingest.reading import Flag
from tests.ingest.pipeline.conftest import SOURCES
from tests.ingest.pipeline.flow import heart
from tests.servers.waiting import eventually, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.ingest.pipeline.flow import Flow
    from tests.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.server
MAX_PACKET_BYTES = 100_000


class Watch:
    """A client that publishes with QoS 1 and keeps the receipts of every watch."""

    def __init__(self, broker: Mosquitto, client_id: str = "watch", hears: str = "watch/+/receipt") -> None:
        self.receipts: list[tuple[str, dict[str, Any]]] = []
        self.subscribed = False
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=client_id == "watch"
        )
        self.client.on_connect = lambda client, *_: client.subscribe(hears, 1)
        self.client.on_subscribe = lambda *_: setattr(self, "subscribed", True)
        self.client.on_message = lambda _client, _data, got: self.receipts.append((got.topic, json.loads(got.payload)))
        self.client.reconnect_delay_set(1, 1)
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()
        wait_until(lambda: self.subscribed, why="the watch to be connected")

    def publish(self, topic: str, content: object, *, retain: bool = False) -> None:
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def watch(mosquitto: Mosquitto) -> Iterator[Watch]:
    one = Watch(mosquitto)
    yield one
    one.stop()


@pytest.fixture
def start(start_flow: Callable[..., Flow], mosquitto: Mosquitto) -> Callable[[], Flow]:
    """Ingest at this broker; call it when the broker should begin to see it."""

    def sessions() -> tuple[Subscriber, Subscriber]:
        filters = SOURCES.subscriptions()
        return _session(mosquitto, "-emergency", filters.emergency), _session(mosquitto, "", filters.other)

    return lambda: start_flow(sessions=sessions, clock=WallClock())


def _session(broker: Mosquitto, suffix: str, filters: tuple[str, ...]) -> Subscriber:
    options = MqttOptions(
        f"carewatch{suffix}",
        broker.host,
        broker.port,
        version=4,
        reconnect_max_s=0.3,
        max_packet_bytes=MAX_PACKET_BYTES,
    )
    rng = Random(1)  # noqa: S311 - spreads reconnects
    return Subscriber(options, filters, clock=WallClock(), rng=rng, on_change=lambda _state: None)


async def up(flow: Flow) -> None:
    await eventually(lambda: not any(link.deaf for link in flow.ingest.links), why="both sessions to be up")


async def rows(flow: Flow, count: int) -> list[dict[str, Any]]:
    await eventually(lambda: len(flow.rows()) >= count, why=f"{count} readings in the log")
    return flow.rows()


async def acknowledged(flow: Flow) -> None:
    """What is committed is acknowledged as well: the next turn comes after that."""
    await flow.ingest.between_commits(lambda: None)


async def test_what_watches_publish_is_in_the_log_and_receipted(start, watch):
    flow = start()
    await up(flow)
    watch.publish("watch/w1/heart_rate", heart(1))
    watch.publish("watch/w2/sos", heart(1))
    await eventually(lambda: len(watch.receipts) == 2, why="both receipts")
    assert {(row["watch"], row["kind"]) for row in flow.rows()} == {("w1", "heart_rate"), ("w2", "sos")}
    assert {topic for topic, _ in watch.receipts} == {"watch/w1/receipt", "watch/w2/receipt"}


async def test_the_broker_keeps_what_the_log_refuses_until_a_later_life_takes_it(start, watch):
    flow = start()
    await up(flow)
    flow.log.refuses = "disk full"
    for seq in range(1, 21):
        watch.publish("watch/w1/heart_rate" if seq % 4 else "watch/w1/sos", heart(seq))
    await eventually(lambda: flow.log.attempts >= 2)
    await flow.restart()
    taken = await rows(flow, 20)
    assert sorted(row["seq"] for row in taken) == list(range(1, 21))
    await up(flow)
    await acknowledged(flow)
    await flow.restart()
    await up(flow)
    watch.publish("watch/w1/heart_rate", heart(21))
    assert len(await rows(flow, 21)) == 21
    assert flow.ingest.tally.messages == 1, "what was acknowledged does not come again"


async def test_over_the_packet_limit_a_backlog_is_quarantined_and_an_sos_alerts(start, watch):
    flow = start()
    await up(flow)
    large = json.dumps({"note": "x" * (MAX_PACKET_BYTES + 1)}).encode()
    watch.publish("watch/w1/backlog", large)
    watch.publish("watch/w1/sos", large)
    watch.publish("watch/w1/heart_rate", heart(1))
    taken = await rows(flow, 2)
    assert {row["kind"] for row in taken} == {"sos", "heart_rate"}
    entries = [entry for entry in flow.log.quarantine() if entry.reason == "oversized"]
    assert {entry.topic for entry in entries} == {"watch/w1/backlog", "watch/w1/sos"}
    assert all(f"{len(large)} bytes" in entry.detail for entry in entries)


async def test_a_retained_reading_is_flagged_and_taken_once_however_often_the_broker_repeats_it(
    start, watch, mosquitto
):
    watch.publish("watch/w1/status", {"boot": 1, "seq": 1, "time": heart(1)["time"], "event": "boot"}, retain=True)
    flow = start()
    [row] = await rows(flow, 1)
    assert Flag.RETAINED in row["flags"]
    mosquitto.stop()
    mosquitto.start()
    await up(flow)
    await eventually(lambda: flow.ingest.tally.duplicates >= 1, why="the broker to repeat it")
    assert len(flow.rows()) == 1


async def test_a_topic_that_only_an_old_configuration_asked_for_goes_to_quarantine(start, watch, mosquitto):
    old = Watch(mosquitto, client_id="carewatch", hears="old/#")
    old.stop()
    watch.publish("old/w1", b"kept for the session")
    flow = start()
    await eventually(flow.quarantine, why="the old topic's message")
    assert flow.quarantine()[0] == ("unknown_topic", b"kept for the session")


async def test_while_the_broker_is_away_ticks_are_deaf_and_a_resend_after_it_died_is_used_once(start, watch, mosquitto):
    flow = start()
    await up(flow)
    watch.publish("watch/w1/heart_rate", heart(1))
    await rows(flow, 1)
    mosquitto.kill()
    await eventually(lambda: any(tick.deaf for tick in flow.records(RecordKind.TICK)), why="a deaf tick")
    links = [link for link in flow.ingest.links if link.deaf]
    assert links
    assert all(link.remedy for link in links)
    mosquitto.start()
    await up(flow)
    await eventually(watch.client.is_connected, why="the watch to be back")
    for seq in (1, 2):
        watch.publish("watch/w1/heart_rate", heart(seq))
    assert [row["seq"] for row in await rows(flow, 2)] == [1, 2]
    end = flow.log.end()
    await eventually(lambda: flow.log.end() > end, why="the next record")
    assert not flow.log.read(end)[0].deaf
