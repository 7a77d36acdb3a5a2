"""What the tests of the firmware share: its messages taken apart, and receipts for them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from simulator.receipt import Verdict
from simulator.watch import Firmware, Message

SECOND = 1_000
MINUTE = 60 * SECOND


def elements(message: Message) -> list[dict[str, Any]]:
    payload = json.loads(message.payload)
    return payload if isinstance(payload, list) else [payload]


def receipt_for(*messages: Message, until: int | None = None) -> bytes:
    found = [element for message in messages for element in elements(message)]
    (boot,) = {element["boot"] for element in found}
    newest = max(element["time"] for element in found)
    also = [[element["seq"], element["seq"]] for element in found]
    return json.dumps({"boot": boot, "through": 0, "also": also, "until": newest if until is None else until}).encode()


def seqs(message: Message) -> list[int]:
    return [element["seq"] for element in elements(message)]


def kind(message: Message) -> str:
    return message.topic.rsplit("/", 1)[1]


def due_until(watch: Firmware, end_ms: int, start_ms: int = 0) -> list[tuple[int, Message]]:
    """All that the watch sends by itself from `start_ms` to `end_ms`, with its times."""
    sent = []
    while (due_ms := watch.next_due_ms()) is not None and (next_ms := max(due_ms, start_ms)) <= end_ms:
        messages = watch.due(next_ms)
        assert messages, f"said to be due at {next_ms}, and was not"
        sent += [(next_ms, message) for message in messages]
    return sent


def connected_watch(**options: Any) -> Firmware:
    watch = Firmware("w0001", np.random.default_rng(options.pop("seed", 1)), **options)
    watch.power_up(0)
    watch.on_connected(0)
    sent = due_until(watch, MINUTE)
    assert watch.on_receipt(receipt_for(*(message for _, message in sent))) is Verdict.TAKEN
    assert len(watch.buffer) == 0
    return watch
