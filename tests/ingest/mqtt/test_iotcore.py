"""The subscriber against the broker that comes with the demo (rumqttd, embedded)."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING

import mqtt5
import pytest
from iotcore import Broker

from carewatch.demo.stage import MAX_PAYLOAD_BYTES
from ingest.mqtt import Link, MqttOptions, Published, Trouble, packets
from tests.ingest.mqtt.conftest import payloads
from tests.servers.process import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.server
VERSIONS = pytest.mark.parametrize("version", [4, 5])

LISTENER = """
[v{version}.1]
name = "v{version}"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v{version}.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 200
dynamic_filters = true
"""
ROUTER = """
id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
"""


class Embedded:
    """`host` and `port` by version."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.ports = {4: free_port(), 5: free_port()}
        self.port = self.ports[4]


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    one = Embedded()
    listeners = [LISTENER.format(version=version, port=port) for version, port in one.ports.items()]
    config = tmp_path / "broker.toml"
    config.write_text(ROUTER + "".join(listeners))
    with Broker(config_path=str(config)):
        yield one


@VERSIONS
async def test_messages_come_are_acknowledged_and_come_again_after_a_crash(
    subscribe: Callable, embedded: Embedded, publisher: Callable, version: int
) -> None:
    port = embedded.ports[version]
    first = subscribe(embedded, version=version, port=port)
    await first.is_(Link.UP)
    watch = publisher(embedded.port)
    numbers = [b"%d" % number for number in range(60)]
    await watch.publish(numbers[:20])
    assert payloads(await first.take(20, acknowledge=True)) == numbers[:20]
    await watch.publish(numbers[20:40])
    assert payloads(await first.take(20, acknowledge=False)) == numbers[20:40]
    await first.vanish()
    await watch.publish(numbers[40:])
    second = subscribe(embedded, version=version, port=port)
    assert payloads(await second.take(40, acknowledge=True)) == numbers[20:]
    assert (await second.is_(Link.UP)).session_present
    await second.close()
    await watch.publish([b"last"])
    third = subscribe(embedded, version=version, port=port)
    assert payloads(await third.take(1, acknowledge=True)) == [b"last"]


@VERSIONS
async def test_a_backlog_of_64_kib_passes_and_a_receipt_goes_out(
    subscribe: Callable, embedded: Embedded, publisher: Callable, version: int
) -> None:
    link = subscribe(embedded, version=version, port=embedded.ports[version])
    watch = subscribe(embedded, ["watch/a/receipt"], client_id="w", version=version, port=embedded.ports[version])
    await link.is_(Link.UP)
    await watch.is_(Link.UP)
    await publisher(embedded.port).publish([b"x" * 65_536], "watch/a/backlog")
    assert payloads(await link.take(1, acknowledge=True)) == [b"x" * 65_536]
    assert link.subscriber.publish("watch/a/receipt", b"{}") is Published.SENT
    assert payloads(await watch.take(1, acknowledge=True)) == [b"{}"]


async def test_a_keep_alive_of_0_is_hung_up_on_without_a_word_and_we_never_ask_for_it(embedded: Embedded) -> None:
    for keep_alive_s, answers in ((60, True), (0, False)):
        reader, writer = await asyncio.open_connection(embedded.host, embedded.ports[5])
        writer.write(mqtt5.ConnectPacket("c", keep_alive=keep_alive_s).write())
        async with asyncio.timeout(10):
            assert bool(await reader.read(1)) == answers
        writer.close()
        await writer.wait_closed()
    with pytest.raises(ValueError, match="keep_alive_s is 0"):
        MqttOptions("c", keep_alive_s=0)


@pytest.mark.parametrize(("limit", "passes"), [({}, False), ({"max_payload_size": MAX_PAYLOAD_BYTES}, True)])
async def test_a_payload_over_20_480_bytes_passes_only_a_broker_that_was_told_so_as_the_demos_is(
    subscribe: Callable, limit: dict[str, int], passes: bool
) -> None:
    port, large = free_port(), b"x" * 65_536
    publish = packets.packet(0x32, b"\x00\x0fwatch/a/backlog\x00\x01" + large)
    with Broker(port=port, listen="127.0.0.1", **limit):
        link = subscribe(SimpleNamespace(host="127.0.0.1", port=port), version=4)
        await link.is_(Link.UP)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(packets.encode_connect(MqttOptions("large", version=4)) + publish)
        answer = b"\x20\x02\x00\x00\x40\x02\x00\x01"
        async with asyncio.timeout(10):
            if passes:
                assert await reader.readexactly(len(answer)) == answer
            else:
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await reader.readexactly(len(answer))
        writer.close()
        if passes:
            assert payloads(await link.take(1, acknowledge=True)) == [large]


async def test_a_listener_of_the_other_version_hangs_up_and_the_remedy_says_so(
    subscribe: Callable, embedded: Embedded
) -> None:
    state = await subscribe(embedded, version=5, port=embedded.ports[4]).is_(Link.DOWN)
    assert state.trouble is Trouble.NO_GREETING
    assert "mqtt.version" in state.remedy
