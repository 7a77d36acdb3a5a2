"""The subscriber against the broker that comes with the demo (rumqttd, embedded)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from iotcore import Broker

from ingest.mqtt import Link, Published, Trouble
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


async def test_a_listener_of_the_other_version_hangs_up_and_the_remedy_says_so(
    subscribe: Callable, embedded: Embedded
) -> None:
    state = await subscribe(embedded, version=5, port=embedded.ports[4]).is_(Link.DOWN)
    assert state.trouble is Trouble.NO_GREETING
    assert "mqtt.version" in state.remedy
