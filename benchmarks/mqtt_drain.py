"""How fast a client takes queued QoS 1 messages from Mosquitto, acknowledging each.

`python -m benchmarks.mqtt_drain --messages 200000 --rounds 3`: one client after another, in turns, on the same broker
with the same messages queued for its persistent session. CPU seconds are the client's own process. Prints a line a
client and, last, JSON; compare the ratios, not the numbers: they belong to one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import aiomqtt
import paho.mqtt.client as paho

from carewatch.clock import WallClock
from ingest.mqtt import MqttOptions, Subscriber, packets

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "127.0.0.1"
FILTER = "watch/+/heart_rate"
WINDOW = 20_000
"""max_inflight_messages of the broker, the same for every client."""


def own(port: int, count: int, version: int) -> float:
    """Our subscriber: batches, each acknowledged in one write."""

    async def drain() -> float:
        options = MqttOptions("drain", host=HOST, port=port, version=version)
        link = Subscriber(options, [FILTER], clock=WallClock(), rng=Random(), on_change=lambda _: None)
        running, left = asyncio.create_task(link.run()), count
        while left > 0:
            batch = await link.next_batch()
            left -= len(batch)
            link.acknowledge(batch)
        done = time.perf_counter()
        await link.close()
        await running
        return done

    return asyncio.run(drain())


def paho_manual(port: int, count: int) -> float:
    """paho-mqtt with manual_ack, so that it too acknowledges only when told to."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "drain", clean_session=False, manual_ack=True)
    left, done = count, 0.0

    def on_message(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        nonlocal left, done
        client.ack(message.mid, message.qos)
        left -= 1
        if left == 0:
            done = time.perf_counter()
            client.disconnect()

    client.on_message = on_message
    client.connect(HOST, port)
    client.loop_forever()
    return done


def aiomqtt_auto(port: int, count: int) -> float:
    """aiomqtt, which acknowledges by itself before the program has the message."""

    async def drain() -> float:
        left = count
        async with aiomqtt.Client(HOST, port, identifier="drain", clean_session=False) as client:
            async for _message in client.messages:
                left -= 1
                if left == 0:
                    break
            return time.perf_counter()

    return asyncio.run(drain())


CLIENTS: dict[str, Callable[[int, int], float]] = {
    "own, MQTT 3.1.1": lambda port, count: own(port, count, 4),
    "own, MQTT 5": lambda port, count: own(port, count, 5),
    "paho, manual ack": paho_manual,
    "aiomqtt, no manual ack": aiomqtt_auto,
}


def start_broker(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A Mosquitto without persistence on a free port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    conf = folder / "mosquitto.conf"
    conf.write_text(
        f"listener {port} {HOST}\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages {WINDOW}\n"
        "set_tcp_nodelay true\nlog_dest none\n"
    )
    broker = subprocess.Popen(["mosquitto", "-c", str(conf)], stderr=subprocess.DEVNULL)
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return broker, port
        time.sleep(0.02)


def greet(port: int, options: MqttOptions, subscribe: bytes = b"") -> socket.socket:
    """A plain connection, greeted."""
    line = socket.create_connection((HOST, port))
    line.sendall(packets.encode_connect(options) + subscribe + packets.PINGREQ_BYTES)
    answer = b""
    while not answer.endswith(b"\xd0\x00"):
        answer += line.recv(4096)
    return line


def fill(port: int, count: int, version: int) -> None:
    """Queue `count` readings for the session `drain`, which is away."""
    fresh = MqttOptions("drain", host=HOST, port=port, version=version, session_expiry_s=0)
    greet(port, fresh).close()
    kept = MqttOptions("drain", host=HOST, port=port, version=version)
    with greet(port, kept, packets.encode_subscribe(version, 1, [FILTER])) as line:
        line.sendall(packets.DISCONNECT_BYTES)
    with greet(port, MqttOptions("watch", host=HOST, port=port, version=4, session_expiry_s=0)) as line:
        for first in range(0, count, 5000):
            numbers = range(first, min(first + 5000, count))
            line.sendall(b"".join(reading(number) for number in numbers))
            awaited = 4 * len(numbers)
            while awaited:
                awaited -= len(line.recv(min(awaited, 65536)))
        line.sendall(packets.DISCONNECT_BYTES)


def reading(number: int) -> bytes:
    """One heart rate, published at QoS 1."""
    topic = b"watch/w%05d/heart_rate" % (number % 1000)
    payload = b'{"v":1,"boot":123456,"seq":%d,"time":1700000000000,"bpm":72,"worn":true}' % number
    packet_id = number % 5000 + 1
    return packets.packet(0x32, len(topic).to_bytes(2, "big") + topic + packet_id.to_bytes(2, "big") + payload)


def measure(name: str, port: int, count: int, answer: multiprocessing.Queue) -> None:
    """In a process of its own: wall and CPU seconds to drain."""
    cpu, started = time.process_time(), time.perf_counter()
    done = CLIENTS[name](port, count)
    answer.put((done - started, time.process_time() - cpu))


def run(name: str, port: int, count: int) -> tuple[float, float]:
    """Fill, then drain in a new process."""
    fill(port, count, 5 if name == "own, MQTT 5" else 4)
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    client = context.Process(target=measure, args=(name, port, count, answer))
    client.start()
    result = answer.get(timeout=600)
    client.join()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in CLIENTS}
    with tempfile.TemporaryDirectory() as folder:
        broker, port = start_broker(Path(folder))
        try:
            for _ in range(asked.rounds):
                for name, results in taken.items():
                    results.append(run(name, port, asked.messages))
        finally:
            broker.terminate()
            broker.wait()
    report(taken, asked.messages)


def report(taken: dict[str, list[tuple[float, float]]], count: int) -> None:
    """Medians, and how many times the first client each needs."""
    wall = {name: statistics.median(one[0] for one in results) for name, results in taken.items()}
    cpu = {name: statistics.median(one[1] for one in results) for name, results in taken.items()}
    first = next(iter(taken))
    summary = {
        name: {
            "messages_per_s": round(count / wall[name]),
            "cpu_s_per_million": round(cpu[name] * 1e6 / count, 2),
            "wall_ratio": round(wall[name] / wall[first], 2),
            "cpu_ratio": round(cpu[name] / cpu[first], 2),
        }
        for name in taken
    }
    for name, line in summary.items():
        print(f"{name:24}", "  ".join(f"{key} {value}" for key, value in line.items()))
    print(json.dumps({"benchmark": "mqtt_drain", "messages": count, "clients": summary}))


if __name__ == "__main__":
    main()
