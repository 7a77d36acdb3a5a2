"""10,000 readings a second, live: from the publish until the commit is durable, and until an emergency's receipt.

Three processes besides the broker: the real role ingest on a core of its own, a publisher that keeps the rate, and a
listener that hears receipts as a watch does. Times are taken from one monotonic clock: just before the socket's write,
after `append` has returned, and when the receipt is read. The first two seconds do not count.

    python -m benchmarks.ingest.live --seconds 60 --rate 10000
"""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING

import paho.mqtt.client as paho

from benchmarks.broker import HOST, away, mosquitto
from benchmarks.ingest import ours
from benchmarks.ingest.live_ends import Plan, Published, committed_after_ms, publish
from benchmarks.ingest.stream import EMERGENCY_FILTERS, FILTERS
from benchmarks.measured import SERVERS, SPAWN, Child, machine, new_folder, percentiles, report

if TYPE_CHECKING:
    from collections.abc import Sequence

RECEIPTS_WITHIN_S = 10.0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--rate", type=int, default=10_000, help="readings a second")
    parser.add_argument("--emergencies", type=int, default=20, help="a second, among them")
    parser.add_argument("--watches", type=int, default=10_000)
    asked, on = parser.parse_args(arguments), machine()
    plan = Plan(asked.seconds, asked.rate, asked.emergencies, asked.watches)
    report("live", asked, measured(plan), on)


def measured(plan: Plan) -> dict[str, dict[str, float]]:
    """The table: milliseconds."""
    with new_folder() as folder, mosquitto(folder) as port, Published.made(plan) as published:
        away(port, "drain", FILTERS)
        away(port, "drain-emergency", EMERGENCY_FILTERS)
        ours.register(folder, plan.watches + plan.emergencies)
        ready = SPAWN.Event()
        ingest = Child(committed_after_ms, folder, port, plan, published.name, ready)
        listener = Listener(port, plan)
        if not ready.wait(60):
            raise TimeoutError("ingest has not connected within 60 s")
        Child(publish, port, plan, published.name, core=SERVERS).result()
        committed = ingest.result()
        receipts = listener.after_ms(published)
    missing = plan.emergencies - len(receipts)
    counted = [ms for number, ms in sorted(receipts.items()) if plan.is_warm(number)]
    return {
        "published to committed, ms": committed["all"],
        "the same, emergencies, ms": committed["emergencies"],
        "published to receipt, emergencies, ms": {**percentiles(counted), "never": missing},
        "ingest": committed["ingest"],
    }


class Listener:
    """Hears every receipt, as watches do, and when the first of each emergency's watch came."""

    def __init__(self, port: int, plan: Plan) -> None:
        self._plan = plan
        self._heard_ns: dict[int, int] = {}
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, "listener")
        self._client.on_connect = lambda client, *_: client.subscribe("watch/+/receipt")
        self._client.on_message = self._hear
        self._client.connect(HOST, port)
        self._client.loop_start()

    def _hear(self, _client: object, _state: object, message: paho.MQTTMessage) -> None:
        now_ns = time.perf_counter_ns()
        emergency = int(message.topic.split("/")[1][1:]) - self._plan.watches
        if emergency >= 0 and json.loads(message.payload)["through"] >= 1:
            self._heard_ns.setdefault(emergency, now_ns)

    def after_ms(self, published: Published) -> dict[int, float]:
        """Emergency -> ms, once all have come or none will any more."""
        until = time.perf_counter() + RECEIPTS_WITHIN_S
        while len(self._heard_ns) < self._plan.emergencies and time.perf_counter() < until:
            time.sleep(0.05)
        self._client.loop_stop()
        self._client.disconnect()
        sent_ns = published.of_emergencies.tolist()
        return {number: (at_ns - sent_ns[number]) / 1e6 for number, at_ns in self._heard_ns.items()}


if __name__ == "__main__":
    main()
