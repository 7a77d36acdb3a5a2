"""The subscriber against the real broker."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

from ingest.mqtt import Link, Published, Trouble, Will
from tests.ingest.mqtt.conftest import payloads
from tests.servers.process import free_port
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.server
VERSIONS = pytest.mark.parametrize("version", [4, 5])


def numbered(first: int, last: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, last)]


@VERSIONS
async def test_every_message_comes_once_and_in_order(
    subscribe: Callable, mosquitto: object, publisher: Callable, version: int
) -> None:
    link = subscribe(mosquitto, version=version)
    await link.is_(Link.UP)
    await publisher(mosquitto.port).publish(numbered(0, 3000))
    assert payloads(await link.take(3000, acknowledge=True)) == numbered(0, 3000)


@VERSIONS
async def test_what_was_not_acknowledged_comes_again_after_a_crash_and_nothing_else(
    subscribe: Callable, mosquitto: object, publisher: Callable, version: int
) -> None:
    first = subscribe(mosquitto, version=version)
    await first.is_(Link.UP)
    watch = publisher(mosquitto.port)
    await watch.publish(numbered(0, 5))
    await first.take(5, acknowledge=True)
    await watch.publish(numbered(5, 10))
    await first.take(5, acknowledge=False)
    await first.vanish()
    await watch.publish(numbered(10, 12))
    second = subscribe(mosquitto, version=version)
    assert payloads(await second.take(7, acknowledge=True)) == numbered(5, 12)
    assert (await second.is_(Link.UP)).session_present


@VERSIONS
async def test_after_an_orderly_close_nothing_acknowledged_comes_again(
    subscribe: Callable, mosquitto: object, publisher: Callable, version: int
) -> None:
    watch = publisher(mosquitto.port)
    for turn in range(10):
        link = subscribe(mosquitto, version=version)
        await link.is_(Link.UP)
        await watch.publish(numbered(turn * 100, turn * 100 + 100))
        assert payloads(await link.take(100, acknowledge=True)) == numbered(turn * 100, turn * 100 + 100)
        await link.close()


@VERSIONS
async def test_a_broker_that_restarts_is_found_again(
    subscribe: Callable, mosquitto: object, publisher: Callable, version: int
) -> None:
    link = subscribe(mosquitto, version=version)
    await link.is_(Link.UP)
    mosquitto.stop()
    await link.is_(Link.DOWN)
    assert link.subscriber.publish("watch/a/receipt", b"{}") is Published.NOT_CONNECTED
    mosquitto.start()
    await link.is_(Link.UP)
    await publisher(mosquitto.port).publish([b"again"])
    assert payloads(await link.take(1, acknowledge=True)) == [b"again"]


async def test_a_consumer_that_stops_reading_stops_the_broker_and_memory_stays_bounded(
    subscribe: Callable, mosquitto: object, publisher: Callable
) -> None:
    link = subscribe(mosquitto, max_pending_messages=100, max_pending_bytes=1_000_000)
    await link.is_(Link.UP)
    large = [bytes([number]) * 50_000 for number in range(200)]
    await publisher(mosquitto.port).publish(large)
    inbox = link.subscriber._inbox
    await eventually(lambda: inbox.full, why="a full inbox")
    held = sum(len(payload) for batch in inbox._batches for payload in batch.payloads)
    assert held <= 1_000_000 + (256 << 10)  # the bound, and one read over it
    assert not link.subscriber._connection._transport.is_reading()
    assert payloads(await link.take(200, acknowledge=True)) == large


async def test_a_held_reader_keeps_its_connection_alive(
    subscribe: Callable, mosquitto: object, publisher: Callable
) -> None:
    link = subscribe(mosquitto, max_pending_messages=1, keep_alive_s=2)
    await link.is_(Link.UP)
    watch = publisher(mosquitto.port)
    await watch.publish([b"held"])
    await eventually(lambda: link.subscriber._inbox.full, why="a full inbox")
    pings = link.subscriber._connection.session._pings
    # Mosquitto drops a client after 1.5 keep-alives: four pings, one second apart, are longer.
    await eventually(lambda: link.subscriber._connection.session._pings >= pings + 4, why="pings while held")
    assert [one.link for one in link.states] == [Link.CONNECTING, Link.UP]
    assert payloads(await link.take(1, acknowledge=True)) == [b"held"]


@VERSIONS
async def test_a_wrong_password_is_told_with_the_remedy_and_tried_again(
    subscribe: Callable, start_mosquitto: Callable, tmp_path: Path, version: int
) -> None:
    broker = start_mosquitto("allow_anonymous false", f"password_file {make_passwords(tmp_path)}")
    wrong = subscribe(broker, version=version, username="carewatch", password="wrong")
    state = await wrong.is_(Link.DOWN)
    assert state.trouble in {Trouble.NOT_AUTHORISED, Trouble.BAD_CREDENTIALS}
    assert "mqtt.password" in state.remedy
    await eventually(lambda: wrong.subscriber._connections > 2, why="further attempts")
    assert [one.link for one in wrong.states] == [Link.CONNECTING, Link.DOWN]
    await wrong.close()
    await subscribe(broker, version=version, username="carewatch", password="right").is_(Link.UP)


@VERSIONS
async def test_a_receipt_reaches_the_watch_and_does_not_come_back_in_mqtt_5(
    subscribe: Callable, mosquitto: object, version: int
) -> None:
    carewatch = subscribe(mosquitto, version=version)
    watch = subscribe(mosquitto, ["watch/a/receipt"], client_id="watch")
    await carewatch.is_(Link.UP)
    await watch.is_(Link.UP)
    messages = [("watch/a/receipt", b"1"), ("watch/a/receipt", b"2")]
    assert carewatch.subscriber.publish_all(messages) == [Published.SENT] * 2
    assert payloads(await watch.take(2, acknowledge=True)) == [b"1", b"2"]
    watch.subscriber.publish("watch/a/status", b"mine")
    heard = payloads(await carewatch.take(1 if version == 5 else 3, acknowledge=True))
    assert heard == ([b"mine"] if version == 5 else [b"1", b"2", b"mine"])


@VERSIONS
async def test_the_broker_speaks_for_us_when_we_vanish_but_not_when_we_leave(
    subscribe: Callable, mosquitto: object, version: int
) -> None:
    watcher = subscribe(mosquitto, client_id="watcher")
    await watcher.is_(Link.UP)
    for end in ("close", "vanish"):
        will = Will("watch/carewatch/status", end.encode(), qos=1)
        link = subscribe(mosquitto, ["none"], version=version, will=will)
        await link.is_(Link.UP)
        await getattr(link, end)()
    assert payloads(await watcher.take(1, acknowledge=True)) == [b"vanish"]


@VERSIONS
async def test_shared_subscribers_divide_the_messages(
    subscribe: Callable, mosquitto: object, publisher: Callable, version: int
) -> None:
    links = [subscribe(mosquitto, ["$share/edge/watch/#"], client_id=name, version=version) for name in ("e1", "e2")]
    for link in links:
        await link.is_(Link.UP)
    await publisher(mosquitto.port).publish(numbered(0, 40))
    got: list[bytes] = []

    async def drain(link: object) -> None:
        async for batch in link.subscriber.batches():
            got.extend(batch.payloads)
            link.subscriber.acknowledge(batch)

    async with asyncio.TaskGroup() as group:
        for link in links:
            group.create_task(drain(link))
        await eventually(lambda: len(got) == 40, why="all messages")
        for link in links:
            await link.close()
    assert sorted(got, key=int) == numbered(0, 40)


@VERSIONS
async def test_an_oversized_message_is_flagged_acknowledged_and_does_not_stall_the_next(
    subscribe: Callable, mosquitto: object, publisher: Callable, version: int
) -> None:
    link = subscribe(mosquitto, version=version, max_packet_bytes=100_000)
    await link.is_(Link.UP)
    watch = publisher(mosquitto.port)
    await watch.publish([b"x" * 300_000, b"next"])
    batches = await link.take(2, acknowledge=True)
    assert [len(payload) for payload in payloads(batches)] == [65536, 4]
    assert batches[0].oversized == {0: 300_000}
    await link.close()
    again = subscribe(mosquitto, version=version)
    await again.is_(Link.UP)
    await watch.publish([b"last"])
    assert payloads(await again.take(1, acknowledge=True)) == [b"last"]


async def test_two_clients_with_one_id_are_told(subscribe: Callable, mosquitto: object) -> None:
    first = subscribe(mosquitto, reconnect_max_s=60.0, reconnect_min_s=30.0)
    await first.is_(Link.UP)
    second = subscribe(mosquitto)
    await second.is_(Link.UP)
    assert (await first.is_(Link.DOWN)).trouble in {Trouble.TAKEN_OVER, Trouble.LOST}


async def test_a_unix_socket_and_tls_carry_the_same(
    subscribe: Callable, start_mosquitto: Callable, publisher: Callable, tmp_path: Path
) -> None:
    make_certificate(tmp_path)
    port = free_port()
    path = tmp_path / "broker.sock"
    broker = start_mosquitto(
        f"listener 0 {path}",
        "allow_anonymous true",
        f"listener {port} 127.0.0.1",
        f"certfile {tmp_path}/cert.pem",
        f"keyfile {tmp_path}/key.pem",
    )
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    unix = subscribe(broker, client_id="unix", unix_path=str(path))
    tls = subscribe(broker, client_id="tls", tls=trusting, port=port)
    untrusting = subscribe(broker, client_id="none", tls=ssl.create_default_context(), port=port)
    plain = subscribe(broker, client_id="plain", port=port)
    wrong = subscribe(broker, client_id="wrong", tls=trusting)
    assert (await untrusting.is_(Link.DOWN)).trouble is Trouble.CERTIFICATE
    assert (await plain.is_(Link.DOWN)).trouble in {Trouble.NO_GREETING, Trouble.PROTOCOL}
    assert (await wrong.is_(Link.DOWN)).trouble in {Trouble.TLS, Trouble.NO_GREETING, Trouble.PROTOCOL}
    for link in (unix, tls):
        await link.is_(Link.UP)
    await publisher(broker.port).publish(numbered(0, 50))
    for link in (unix, tls):
        assert payloads(await link.take(50, acknowledge=True)) == numbered(0, 50)


def make_passwords(folder: Path) -> Path:
    path = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(path), "carewatch", "right"], check=True)
    return path


def make_certificate(folder: Path) -> None:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
    files = "-addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
    subprocess.run([*command.split(), *files.split()], cwd=folder, check=True, capture_output=True)
