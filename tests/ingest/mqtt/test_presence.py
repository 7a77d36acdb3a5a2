"""A retained `online` or `offline` of each session, for other tools; the broker says the second for us if we vanish."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest

from carewatch.broker import subscriber_options
from carewatch.settings import Mqtt
from carewatch.settings_sources import SettingsError
from ingest.mqtt import Link, Trouble
from tests.ingest.mqtt.test_mosquitto import make_passwords
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VERSIONS = pytest.mark.parametrize("version", [4, 5])
TOPIC = "carewatch/ingest/carewatch"


class Dashboard:
    """Another tool. `said`: what it was told, with whether that was retained."""

    def __init__(self, port: int) -> None:
        self.said: list[tuple[str, bool]] = []
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe("carewatch/ingest/#", 1)
        self.client.on_message = lambda _client, _data, got: self.said.append((got.payload.decode(), got.retain))
        subscribed = Event()
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert subscribed.wait(10)

    async def hears(self, *said: tuple[str, bool]) -> None:
        await eventually(lambda: self.said == [*said], why=f"{said}, not {self.said}")


@pytest.fixture
def dashboard() -> Iterator[Callable[[int], Dashboard]]:
    started: list[Dashboard] = []

    def start(port: int) -> Dashboard:
        started.append(Dashboard(port))
        return started[-1]

    yield start
    for one in started:
        one.client.disconnect()
        one.client.loop_stop()


@pytest.mark.server
@VERSIONS
async def test_other_tools_hear_that_we_are_here_and_that_we_are_gone_however_we_went(
    subscribe: Callable, mosquitto: object, dashboard: Callable, version: int
) -> None:
    there = dashboard(mosquitto.port)
    first = subscribe(mosquitto, version=version, presence_topic=TOPIC)
    await first.is_(Link.UP)
    await there.hears(("online", False))
    await first.vanish()
    await there.hears(("online", False), ("offline", False))
    second = subscribe(mosquitto, version=version, presence_topic=TOPIC)
    await second.is_(Link.UP)
    await there.hears(("online", False), ("offline", False), ("online", False))
    await dashboard(mosquitto.port).hears(("online", True))
    await second.close()
    await dashboard(mosquitto.port).hears(("offline", True))


@pytest.mark.server
@VERSIONS
async def test_without_the_setting_nothing_is_said(
    subscribe: Callable, mosquitto: object, dashboard: Callable, version: int
) -> None:
    there = dashboard(mosquitto.port)
    link = subscribe(mosquitto, version=version)
    await link.is_(Link.UP)
    await link.close()
    told = subscribe(mosquitto, version=version, client_id="other", presence_topic=TOPIC)
    await told.is_(Link.UP)
    await there.hears(("online", False))


@pytest.mark.server
async def test_rights_that_forbid_the_topic_cost_the_word_and_not_the_readings(
    subscribe: Callable, start_mosquitto: Callable, publisher: Callable, tmp_path: Path
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite watch/#\nuser carewatch\ntopic read watch/#\n")
    broker = start_mosquitto("allow_anonymous true", f"acl_file {acl}", f"password_file {make_passwords(tmp_path)}")
    link = subscribe(broker, username="carewatch", password="right", presence_topic=TOPIC)
    await link.is_(Link.UP)
    await publisher(broker.port).publish([b"1"])
    [batch] = await link.take(1, acknowledge=True)
    assert batch.payloads == [b"1"]


async def test_a_broker_that_retains_nothing_is_told_with_the_remedy(subscribe: Callable, script: object) -> None:
    script.greeting = b"\x20\x03\x00\x9a\x00"
    state = await subscribe(script, version=5, presence_topic=TOPIC).is_(Link.DOWN)
    assert state.trouble is Trouble.NO_RETAINING
    assert "mqtt.status_topic" in state.remedy


def test_each_session_has_a_topic_of_its_own_below_the_setting() -> None:
    mqtt = Mqtt(status_topic="carewatch/ingest", client_id="east")
    topics = [subscriber_options(mqtt, suffix).presence_topic for suffix in ("", "-emergency")]
    assert topics == ["carewatch/ingest/east", "carewatch/ingest/east-emergency"]
    assert subscriber_options(Mqtt(), "").presence_topic == ""


@pytest.mark.parametrize("topic", ["watch/w1", "carewatch/+", "$SYS/x", "a/#"])
def test_a_topic_of_the_watches_or_a_filter_is_refused_with_an_example(topic: str) -> None:
    with pytest.raises(SettingsError, match=r"mqtt\.status_topic .* try carewatch/ingest"):
        subscriber_options(Mqtt(status_topic=topic))
