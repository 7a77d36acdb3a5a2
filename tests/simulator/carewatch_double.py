"""The other end of the wire for these tests: a subscriber that keeps all it hears and receipts it."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.mosquitto import Mosquitto

Element = dict[str, Any]


class CarewatchDouble:
    """Hears `watch/#`. `receipts(topic, elements)` decides whether a message is receipted; all are by default."""

    def __init__(
        self, broker: Mosquitto, receipts: Callable[[str, list[Element]], bool] = lambda _topic, _elements: True
    ) -> None:
        self.heard: list[tuple[str, list[Element]]] = []
        self.seqs: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._receipts = receipts
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("watch/#", 1)
        self._client.on_subscribe = lambda *_: setattr(self, "subscribed", True)
        self._client.on_message = lambda _client, _userdata, message: self._on_message(message)
        self._client.reconnect_delay_set(1, 1)
        self.subscribed = False
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def elements(self, kind: str) -> list[Element]:
        """Everything heard of a kind, alone or in a backlog, copies too, in order of arrival."""
        found = []
        for topic, elements in self.heard:
            own = topic.rsplit("/", 1)[1]
            found += [element for element in elements if element.get("kind", own) == kind]
        return found

    def distinct(self) -> set[tuple[str, int, int]]:
        return {(watch, boot, seq) for (watch, boot), seqs in self.seqs.items() for seq in seqs}

    def _on_message(self, message: paho.MQTTMessage) -> None:
        _, watch, kind = message.topic.split("/")
        if kind == "receipt":
            return
        payload = json.loads(message.payload)
        elements = payload if isinstance(payload, list) else [payload]
        self.heard.append((message.topic, elements))
        counted = [element for element in elements if "seq" in element]
        if not self._receipts(message.topic, elements):
            return
        for boot in dict.fromkeys(element["boot"] for element in counted):
            mine = [element for element in counted if element["boot"] == boot]
            seqs = [element["seq"] for element in mine]
            self.seqs[watch, boot] += seqs
            receipt = {
                "boot": boot,
                "through": 0,
                "also": [[seq, seq] for seq in seqs],
                "until": max(element["time"] for element in mine),
            }
            self._client.publish(f"watch/{watch}/receipt", json.dumps(receipt), 0)
