"""The firmware against WIRE.md section 2, as an exchange in time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from simulator.receipt import Verdict
from tests.simulator.wire import MINUTE, SECOND, connected_watch, due_until, elements, kind, receipt_for, seqs

if TYPE_CHECKING:
    from simulator.watch import Firmware


@pytest.fixture
def watch() -> Firmware:
    """Connected since 0, its boot and its online receipted, the quiet over."""
    return connected_watch(seed=1)


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


def kept_while_away(watch: Firmware, count: int) -> list[int]:
    """So many kept readings, by seq; the watch is back at 10 min, its online receipted."""
    watch.on_disconnected()
    kept = [watch.on_reading("heart_rate", {"bpm": 60}, 5 * MINUTE + n).seq for n in range(count)]
    watch.on_connected(10 * MINUTE)
    watch.on_receipt(receipt_for(*watch.due(10 * MINUTE)))
    return kept


def test_a_new_reading_waits_behind_what_does_not_fit_into_the_first_array(watch: Firmware) -> None:
    kept = kept_while_away(watch, 600)
    (first,) = watch.due(11 * MINUTE)
    newest = watch.on_reading("heart_rate", {"bpm": 61}, 11 * MINUTE)
    assert watch.due(11 * MINUTE) == []
    watch.on_receipt(receipt_for(first))
    (second,) = watch.due(11 * MINUTE)
    assert seqs(second) == [*kept[500:], newest.seq]


def test_half_a_receipt_of_an_array_does_not_send_another_beside_it(watch: Firmware) -> None:
    kept = kept_while_away(watch, 600)
    (first,) = watch.due(11 * MINUTE)
    boot = elements(first)[0]["boot"]
    half = {"boot": boot, "through": kept[249], "until": 10 * MINUTE}
    assert watch.on_receipt(json.dumps(half).encode()) is Verdict.TAKEN
    ((at, again),) = due_until(watch, 11 * MINUTE + 36 * SECOND, 11 * MINUTE)
    assert at >= 11 * MINUTE + 24 * SECOND
    assert seqs(again) == kept[250:]


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
        messages = watch.due(at)
        assert messages, "it was due, and had nothing"
        for message in messages:
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
