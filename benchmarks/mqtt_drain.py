"""How fast a client takes queued QoS 1 messages from Mosquitto, acknowledging each.

`python -m benchmarks.mqtt_drain --messages 200000 --rounds 3`: one client after another, in turns, on the same broker
with the same messages queued for its persistent session. CPU seconds are the client's own process. Prints a line a
client and, last, JSON; compare the ratios, not the numbers: they belong to one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from random import Random
from typing import TYPE_CHECKING

import aiomqtt
import paho.mqtt.client as paho

from benchmarks.broker import HOST, away, chunks_of, mosquitto, publish_chunks
from benchmarks.measured import Taken, in_child, machine, middle, new_folder, report, with_ratios
from carewatch.clock import WallClock
from ingest.mqtt import MqttOptions, Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FILTER = "watch/+/heart_rate"


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


def fill(port: int, count: int, version: int) -> None:
    """Queue `count` heart rates for the session `drain`, which is away."""
    away(port, "drain", [FILTER], version)
    publish_chunks(port, chunks_of(reading(number) for number in range(count)))


def reading(number: int) -> tuple[bytes, bytes]:
    """One heart rate: topic and payload."""
    payload = b'{"v":1,"boot":123456,"seq":%d,"time":1700000000000,"bpm":72,"worn":true}' % number
    return b"watch/w%05d/heart_rate" % (number % 1000), payload


def drain(name: str, port: int, count: int) -> Taken:
    """In a process of its own."""
    cpu_s, started = time.process_time(), time.perf_counter()
    done = CLIENTS[name](port, count)
    return Taken(done - started, time.process_time() - cpu_s)


def run(name: str, port: int, count: int) -> Taken:
    """Fill, then drain in a new process."""
    fill(port, count, 5 if name == "own, MQTT 5" else 4)
    return in_child(drain, name, port, count)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=1)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    options(parser)
    asked, on = parser.parse_args(arguments), machine()
    taken: dict[str, list[Taken]] = {name: [] for name in CLIENTS}
    with new_folder() as folder, mosquitto(folder) as port:
        for _ in range(asked.rounds):
            for name, results in taken.items():
                results.append(run(name, port, asked.messages))
    rows = {name: middle(results).per_million(asked.messages) for name, results in taken.items()}
    report("mqtt_drain", asked, with_ratios(rows), on)


if __name__ == "__main__":
    main()
