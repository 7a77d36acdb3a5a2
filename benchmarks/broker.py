"""A Mosquitto of the benchmark's own, and a queue in it for a session that is away."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from benchmarks.measured import SERVERS
from ingest.mqtt import MqttOptions, packets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

HOST = "127.0.0.1"
WINDOW = 20_000
"""max_inflight_messages of the broker, as config/mosquitto sets it; the same for every client."""
CHUNK = 5_000
"""Messages that the filling publisher has under way at once."""
READY_WITHIN_S = 10
PUBACK_BYTES = 4


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Chunk:
    """PUBLISH packets that are sent together."""

    packed: bytes
    messages: int


@contextmanager
def mosquitto(folder: Path, core: int | None = SERVERS) -> Iterator[int]:
    """A broker without persistence; yields its port."""
    port = free_port()
    conf = folder / "mosquitto.conf"
    conf.write_text(
        f"listener {port} {HOST}\nallow_anonymous true\nmax_queued_messages 100000000\n"
        f"max_inflight_messages {WINDOW}\nset_tcp_nodelay true\nlog_dest none\n"
    )
    broker = subprocess.Popen(["mosquitto", "-c", str(conf)], stderr=subprocess.DEVNULL)
    try:
        if core is not None:
            os.sched_setaffinity(broker.pid, {core})
        wait_for_port(port, broker)
        yield port
    finally:
        broker.terminate()
        broker.wait()


def wait_for_port(port: int, server: subprocess.Popen[bytes], within_s: float = READY_WITHIN_S) -> None:
    """Return when something listens. TimeoutError, or RuntimeError if the server ended."""
    until = time.perf_counter() + within_s
    while time.perf_counter() < until:
        if server.poll() is not None:
            raise RuntimeError(f"{server.args} ended at once with {server.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"{server.args} does not listen on port {port}")


def greet(port: int, options: MqttOptions, subscribe: bytes = b"") -> socket.socket:
    """A plain connection, greeted, and subscribed."""
    line = socket.create_connection((HOST, port))
    line.sendall(packets.encode_connect(options) + subscribe + packets.PINGREQ_BYTES)
    answer = b""
    while not answer.endswith(b"\xd0\x00"):
        answer += line.recv(4096)
    return line


def away(port: int, client_id: str, filters: Sequence[str], version: int = 4) -> None:
    """Make a new persistent session that is subscribed and away: what comes for it is queued."""
    fresh = MqttOptions(client_id, host=HOST, port=port, version=version, session_expiry_s=0)
    greet(port, fresh).close()
    kept = MqttOptions(client_id, host=HOST, port=port, version=version)
    with greet(port, kept, packets.encode_subscribe(version, 1, filters)) as line:
        line.sendall(packets.DISCONNECT_BYTES)


def publish_chunks(port: int, chunks: Iterable[Chunk]) -> None:
    """Publish at QoS 1, each chunk waited for."""
    options = MqttOptions("filler", host=HOST, port=port, version=4, session_expiry_s=0)
    with greet(port, options) as line:
        for chunk in chunks:
            line.sendall(chunk.packed)
            awaited = PUBACK_BYTES * chunk.messages
            while awaited:
                awaited -= len(line.recv(min(awaited, 65536)))
        line.sendall(packets.DISCONNECT_BYTES)


def publish_packet(topic: bytes, payload: bytes, packet_id: int) -> bytes:
    """A PUBLISH at QoS 1."""
    return packets.packet(0x32, len(topic).to_bytes(2, "big") + topic + packet_id.to_bytes(2, "big") + payload)


def chunks_of(messages: Iterable[tuple[bytes, bytes]]) -> Iterator[Chunk]:
    """(topic, payload) pairs as chunks of `CHUNK`."""
    source = iter(messages)
    while part := list(islice(source, CHUNK)):
        packed = (publish_packet(topic, payload, number) for number, (topic, payload) in enumerate(part, 1))
        yield Chunk(b"".join(packed), len(part))
