"""The firmware under whatever hypothesis can think of: nothing is lost, nothing is out of order, nothing spins."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.receipt import Verdict
from simulator.watch import Firmware, Message
from tests.effort import examples
from tests.simulator.wire import MINUTE, elements, kind

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("measure"), st.sampled_from(["heart_rate", "location", "status", "sos", "fall"])),
        st.tuples(st.just("wait"), st.integers(1, 40 * MINUTE)),
        st.tuples(st.just("wait_for_due"), st.just(0)),
        st.tuples(st.just("connection"), st.booleans()),
        st.tuples(st.just("receipt"), st.floats(0, 1)),
        st.tuples(st.just("power_up"), st.just(0)),
        st.tuples(st.just("forged"), st.integers(0, 2**32 - 1)),
    ),
    min_size=20,
    max_size=120,
)


class Exchange:
    """A watch and what an honest other end knows: what was made, what arrived, what was receipted."""

    def __init__(self, seed: int) -> None:
        self.now = 0
        self.rng = np.random.default_rng(seed)
        self.watch = Firmware("w0001", np.random.default_rng(seed))
        self.connected = False
        self.measured: dict[tuple[int, int], tuple[str, dict[str, Any]]] = {}
        self.arrived: dict[tuple[int, int], dict[str, Any]] = {}
        self.receipted: set[tuple[int, int]] = set()
        self.newest_order = 0
        self.watch.power_up(0)

    def run(self, operation: tuple[str, Any]) -> None:
        name, argument = operation
        getattr(self, f"do_{name}")(argument)
        self.send()
        self.check()

    def do_measure(self, what: str) -> None:
        held = self.watch.on_reading(what, {"bpm": len(self.measured)}, self.now)
        self.measured[held.boot, held.seq] = (what, {"time": self.now, "bpm": held.values["bpm"]})

    def do_wait(self, ms: int) -> None:
        self.now += ms

    def do_wait_for_due(self, _: int) -> None:
        due_ms = self.watch.next_due_ms()
        assert (due_ms is None) >= (not self.connected)
        if due_ms is not None:
            assert due_ms > self.now
            self.now = due_ms

    def do_connection(self, up: bool) -> None:
        if self.connected:
            self.watch.on_disconnected()
        self.connected = up
        if up:
            self.watch.on_connected(self.now)

    def do_power_up(self, _: int) -> None:
        self.connected = False
        self.watch.power_up(self.now)

    def do_receipt(self, share: float) -> None:
        """For a random share of what has arrived of one boot, as ranges."""
        if not self.arrived:
            return
        boot = next(iter(self.arrived))[0] if self.rng.random() < 0.3 else next(reversed(self.arrived))[0]
        chosen = [key for key in self.arrived if key[0] == boot and self.rng.random() < share]
        if chosen:
            until = max(self.arrived[key]["time"] for key in chosen)
            also = [[seq, seq] for _, seq in chosen]
            payload = json.dumps({"boot": boot, "through": 0, "also": also, "until": until}).encode()
            assert self.watch.on_receipt(payload) is Verdict.TAKEN
            self.receipted.update(chosen)

    def do_forged(self, boot: int) -> None:
        payload = json.dumps({"boot": boot, "through": 2**32 - 1, "until": 2**62}).encode()
        assert self.watch.on_receipt(payload) is not Verdict.TAKEN

    def send(self) -> None:
        messages = self.watch.due(self.now)
        assert self.connected or not messages
        urgent = [kind(message) in {"fall", "sos"} for message in messages]
        assert urgent == sorted(urgent, reverse=True), "an emergency stood behind something else"
        assert sum(kind(message) == "backlog" for message in messages) <= 1
        for message in messages:
            self.check_message(message)
        next_ms = self.watch.next_due_ms()
        assert next_ms is None or next_ms > self.now, "the watch would send for ever in one moment"

    def check_message(self, message: Message) -> None:
        found = elements(message)
        assert len(found) == 1 or kind(message) == "backlog"
        assert [held.order for held in message.readings] == sorted(held.order for held in message.readings)
        for held in message.readings:
            if held.sends == 1 and not held.is_emergency and held.values.get("event") != "online":
                assert held.order > self.newest_order, "a newer reading overtook it on its first way"
                self.newest_order = held.order
        for element in found:
            key = (element["boot"], element["seq"])
            assert key not in self.receipted, "sent again though receipted"
            held_seqs = [held.seq for held in self.watch.buffer if held.boot == key[0]]
            assert element["oldest"] == min(held_seqs)
            if key in self.measured:
                what, values = self.measured[key]
                assert element.get("kind", kind(message)) == what
                assert {name: element[name] for name in values} == values
            self.arrived[key] = element

    def check(self) -> None:
        held = {(reading.boot, reading.seq) for reading in self.watch.buffer}
        assert held & self.receipted == set()
        assert set(self.measured) - self.receipted <= held, "let go of something that was not receipted"


@settings(max_examples=examples(150), deadline=None)
@given(OPERATIONS, st.integers(0, 1_000))
def test_whatever_happens_nothing_is_dropped_unreceipted_or_sent_receipted(
    operations: list[tuple[str, Any]], seed: int
) -> None:
    exchange = Exchange(seed)
    for operation in operations:
        exchange.run(operation)
    exchange.do_connection(True)
    for _ in range(20):
        exchange.send()
        for boot in {key[0] for key in exchange.arrived}:
            mine = [element for key, element in exchange.arrived.items() if key[0] == boot]
            also = [[element["seq"], element["seq"]] for element in mine]
            until = max(element["time"] for element in mine)
            receipt = {"boot": boot, "through": 0, "also": also, "until": until}
            assert exchange.watch.on_receipt(json.dumps(receipt).encode()) is Verdict.TAKEN
            exchange.receipted.update((boot, element["seq"]) for element in mine)
        exchange.now = max(exchange.now + 1, exchange.watch.next_due_ms() or 0)
    assert len(exchange.watch.buffer) == 0
    assert set(exchange.measured) <= exchange.receipted
