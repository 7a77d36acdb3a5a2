"""The firmware against WIRE.md section 2, as an exchange in time and under whatever hypothesis can think of."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.fixture
def watch() -> Firmware:
    """Connected since 0, its boot and its online receipted, the quiet over."""
    return connected_watch(seed=1)


def connected_watch(**options: Any) -> Firmware:
    watch = Firmware("w0001", np.random.default_rng(options.pop("seed", 1)), **options)
    watch.power_up(0)
    watch.on_connected(0)
    sent = due_until(watch, MINUTE)
    assert watch.on_receipt(receipt_for(*(message for _, message in sent))) is Verdict.TAKEN
    assert len(watch.buffer) == 0
    return watch


def test_a_reading_goes_out_alone_at_once_in_the_native_format(watch: Firmware) -> None:
    watch.on_reading("heart_rate", {"bpm": 71, "steps": 0, "worn": True}, 5 * MINUTE)
    (message,) = watch.due(5 * MINUTE)
    assert message.topic == "watch/w0001/heart_rate"
    (element,) = elements(message)
    assert element.pop("boot") > 0
    seq = element.pop("seq")
    assert element == {"v": 1, "oldest": seq, "time": 5 * MINUTE, "bpm": 71, "steps": 0, "worn": True}


def test_an_emergency_is_repeated_after_3_6_12_24_and_then_every_30_s_for_ever(watch: Firmware) -> None:
    watch.on_reading("sos", {}, 5 * MINUTE)
    sent = due_until(watch, 8 * MINUTE, 5 * MINUTE)
    assert [(at - 5 * MINUTE) // SECOND for at, _ in sent] == [0, 3, 9, 21, 45, 75, 105, 135, 165]
    assert len({message.payload for _, message in sent}) == 1
    assert watch.on_receipt(receipt_for(sent[0][1])) is Verdict.TAKEN
    assert due_until(watch, 60 * MINUTE) == []


def test_an_emergency_goes_alone_and_first_though_kept_before_it(watch: Firmware) -> None:
    watch.on_disconnected()
    watch.on_reading("heart_rate", {"bpm": 70}, 5 * MINUTE)
    watch.on_reading("fall", {"confidence": 0.6}, 5 * MINUTE + 1)
    watch.on_connected(9 * MINUTE)
    assert [kind(message) for message in watch.due(9 * MINUTE)] == ["fall", "status"]


def test_what_was_kept_follows_the_online_within_30_s_in_one_array_in_order(watch: Firmware) -> None:
    watch.on_disconnected()
    kept = [watch.on_reading("heart_rate", {"bpm": 60 + n}, n * MINUTE).seq for n in range(5, 25)]
    watch.on_connected(25 * MINUTE)
    (online,) = watch.due(25 * MINUTE)
    assert elements(online)[0]["event"] == "online"
    watch.on_receipt(receipt_for(online))
    ((at, backlog),) = due_until(watch, 25 * MINUTE + 31 * SECOND)
    assert 25 * MINUTE <= at <= 25 * MINUTE + 30 * SECOND
    assert kind(backlog) == "backlog"
    assert seqs(backlog) == kept
    assert {element["kind"] for element in elements(backlog)} == {"heart_rate"}
    assert {element["oldest"] for element in elements(backlog)} == {kept[0]}


def test_a_new_reading_does_not_overtake_what_was_kept(watch: Firmware) -> None:
    watch.on_disconnected()
    watch.on_reading("heart_rate", {"bpm": 60}, 5 * MINUTE)
    watch.on_connected(6 * MINUTE)
    watch.due(6 * MINUTE)
    newest = watch.on_reading("heart_rate", {"bpm": 61}, 6 * MINUTE + 1)
    assert watch.due(6 * MINUTE + 1) == []
    backlog = due_until(watch, 6 * MINUTE + 31 * SECOND)[0][1]
    assert seqs(backlog)[-1] == newest.seq


def test_one_array_is_in_flight_and_the_next_follows_its_receipt_at_once(watch: Firmware) -> None:
    watch.on_disconnected()
    for n in range(1_200):
        watch.on_reading("heart_rate", {"bpm": 60}, 5 * MINUTE + n)
    watch.on_connected(10 * MINUTE)
    watch.on_receipt(receipt_for(*watch.due(10 * MINUTE)))
    sizes, now = [], 11 * MINUTE
    while messages := watch.due(now):
        (array,) = messages
        sizes.append(len(elements(array)))
        assert watch.due(now) == []
        watch.on_receipt(receipt_for(array))
    assert sizes == [500, 500, 200]
    assert len(watch.buffer) == 0


def test_no_array_is_larger_than_64_kib(watch: Firmware) -> None:
    watch.on_disconnected()
    for n in range(400):
        watch.on_reading("location", {"lat": 22.5, "lon": 114.0, "source": "x" * 400}, 5 * MINUTE + n)
    watch.on_connected(10 * MINUTE)
    watch.on_receipt(receipt_for(*watch.due(10 * MINUTE)))
    (array,) = watch.due(11 * MINUTE)
    assert 60_000 < len(array.payload) <= 64 * 1024


def test_an_unreceipted_reading_joins_an_array_after_30_s_and_waits_ever_longer(watch: Firmware) -> None:
    watch.on_reading("heart_rate", {"bpm": 70}, 5 * MINUTE)
    watch.on_reading("heart_rate", {"bpm": 71}, 5 * MINUTE)
    live, again = due_until(watch, 5 * MINUTE, 5 * MINUTE), due_until(watch, 30 * MINUTE)
    assert [kind(message) for _, message in live] == ["heart_rate", "heart_rate"]
    assert {kind(message) for _, message in again} == {"backlog"}
    assert elements(again[0][1])[0] == {"kind": "heart_rate", **elements(live[0][1])[0]}
    times = [5 * MINUTE, *(at for at, _ in again)]
    waits_s = np.diff(times)[:4] / SECOND
    assert np.all(waits_s >= np.array([30, 30, 60, 120]) * 0.8)
    assert np.all(waits_s <= np.array([30, 30, 60, 120]) * 1.2)


def test_a_reading_that_is_never_receipted_holds_up_no_other_and_goes_last_every_15_min(watch: Firmware) -> None:
    poison = watch.on_reading("heart_rate", {"bpm": 70}, 5 * MINUTE).seq
    watch.on_reading("heart_rate", {"bpm": 71}, 5 * MINUTE)
    alone: list[int] = []
    watch.due(5 * MINUTE)
    while (at := watch.next_due_ms()) is not None and at < 300 * MINUTE:
        for message in watch.due(at):
            if seqs(message) == [poison]:
                alone.append(at)
            elif poison not in seqs(message):
                watch.on_receipt(receipt_for(message))
    assert len(watch.buffer) == 1
    assert {wait // MINUTE for wait in np.diff(alone)[-5:]} == {15}
    watch.on_reading("heart_rate", {"bpm": 72}, 300 * MINUTE)
    assert next(kind(message) for message in watch.due(300 * MINUTE)) == "heart_rate"


def test_a_receipt_lets_go_of_what_it_names_and_of_nothing_newer_than_until(watch: Firmware) -> None:
    first = watch.on_reading("heart_rate", {"bpm": 70}, 5 * MINUTE)
    second = watch.on_reading("heart_rate", {"bpm": 71}, 6 * MINUTE)
    third = watch.on_reading("heart_rate", {"bpm": 72}, 7 * MINUTE)
    payload = {"boot": first.boot, "through": second.seq, "also": [[third.seq, third.seq]], "until": 6 * MINUTE}
    assert watch.on_receipt(json.dumps(payload).encode()) is Verdict.TAKEN
    assert list(watch.buffer) == [third]


@pytest.mark.parametrize(
    ("payload", "verdict"),
    [
        (b"", Verdict.UNREADABLE),
        (b"[1, 2]", Verdict.UNREADABLE),
        (b'{"boot": 1}', Verdict.UNREADABLE),
        (b'{"boot": 0, "through": 1, "until": 99999999}', Verdict.OTHER_BOOT),
        (b'{"boot": BOOT, "through": 90, "until": 99999999}', Verdict.ABOVE_HIGHEST),
        (b'{"boot": BOOT, "through": 1, "also": [[1, 90]], "until": 99999999}', Verdict.ABOVE_HIGHEST),
    ],
)
def test_a_receipt_that_is_not_meant_for_it_changes_nothing(watch: Firmware, payload: bytes, verdict: Verdict) -> None:
    held = watch.on_reading("heart_rate", {"bpm": 70}, 5 * MINUTE)
    assert watch.on_receipt(payload.replace(b"BOOT", str(held.boot).encode())) is verdict
    assert list(watch.buffer) == [held]


def test_what_an_earlier_boot_left_is_sent_under_its_own_boot_and_seq(watch: Firmware) -> None:
    watch.on_disconnected()
    old = watch.on_reading("heart_rate", {"bpm": 70}, 5 * MINUTE)
    watch.power_up(50 * MINUTE)
    watch.on_connected(50 * MINUTE)
    sent = due_until(watch, 51 * MINUTE)
    found = [(element["boot"], element["seq"]) for _, message in sent for element in elements(message)]
    assert (old.boot, old.seq) in found
    assert {seq for boot, seq in found if boot != old.boot} == {1, 2}


def test_a_full_flash_loses_the_oldest_but_no_emergency_and_oldest_tells() -> None:
    watch = connected_watch(capacity=4)
    watch.on_disconnected()
    sos = watch.on_reading("sos", {}, 5 * MINUTE)
    readings = [watch.on_reading("heart_rate", {"bpm": 60 + n}, 5 * MINUTE + n) for n in range(6)]
    assert list(watch.buffer) == [sos, *readings[-3:]]
    assert watch.buffer.overwritten == 3
    watch.on_receipt(json.dumps({"boot": sos.boot, "through": sos.seq, "until": 5 * MINUTE}).encode())
    watch.on_connected(6 * MINUTE)
    arrays = [message for _, message in due_until(watch, 7 * MINUTE) if kind(message) == "backlog"]
    assert elements(arrays[0])[0]["oldest"] == readings[-3].seq


def test_a_wrong_clock_is_in_every_time_and_in_no_timer() -> None:
    watch = connected_watch(clock_offset_ms=-3_600_000)
    watch.on_reading("sos", {}, 5 * MINUTE)
    sent = due_until(watch, 5 * MINUTE + 4 * SECOND, 5 * MINUTE)
    assert [at for at, _ in sent] == [5 * MINUTE, 5 * MINUTE + 3 * SECOND]
    assert {elements(message)[0]["time"] for _, message in sent} == {5 * MINUTE - 3_600_000}


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


@settings(max_examples=150, deadline=None)
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
