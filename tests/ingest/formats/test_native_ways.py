"""The quick way of native and the careful one give the same, whatever comes."""

import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.formats.contract import Messages, Reason
from ingest.formats.native import WORTH_COLUMNS, Native
from ingest.reading import COLUMNS, PAYLOAD_COLUMNS, Flag, Kind
from tests.effort import examples

ARRIVAL_MS = 1_790_000_000_000
TIME_MS = ARRIVAL_MS - 5_000
LEVELS = [*(kind.topic for kind in Kind), "backlog"]


def regular(number=0, **fields):
    return {"v": 1, "boot": 7, "seq": number + 1, "time": TIME_MS + number, "bpm": 70, **fields}


def messages(*sent, retained=()):
    """(level, payload) each, a payload as it is or as JSON, among regular ones so that columns are worth it."""
    company = [("heart_rate", regular(number)) for number in range(WORTH_COLUMNS)]
    levels, contents = zip(*sent, *company, strict=True)
    kinds = [None if level == "backlog" else Kind[level.upper()] for level in levels]
    return Messages(
        [f"watch/w{place}/{level}" for place, level in enumerate(levels)],
        [one if isinstance(one, bytes) else json.dumps(one).encode() for one in contents],
        [f"w{place}" for place in range(len(levels))],
        kinds,
        [level == "backlog" for level in levels],
        [place in retained for place in range(len(levels))],
        ARRIVAL_MS,
    )


def whole(found):
    """What went to quarantine, in order."""
    return [refusal for refusal in found.refusals if refusal.field is None]


def fields(found):
    told = [(r.message, -1 if r.element is None else r.element, r.field, r.reason, r.detail) for r in emptied(found)]
    return sorted(told)


def emptied(found):
    return [refusal for refusal in found.refusals if refusal.field is not None]


def both_ways(batch):
    quick, careful = Native().decode(batch), Native().decode(list(batch))
    for column in COLUMNS:
        np.testing.assert_array_equal(quick.readings[column.name], careful.readings[column.name], column.name)
        assert quick.readings[column.name].dtype == column.dtype
    assert list(quick.watch_ids) == list(careful.watch_ids)
    assert list(quick.messages) == list(careful.messages)
    assert whole(quick) == whole(careful)
    assert fields(quick) == fields(careful)
    assert quick.unknown_fields == careful.unknown_fields
    return quick


ODD = {
    "nothing": b"",
    "no JSON": b"bpm=70",
    "NaN": b'{"time":1789999995000,"bpm":NaN}',
    "infinity": b'{"time":1789999995000,"bpm":Infinity}',
    "too large a number": b'{"time":1789999995000,"bpm":1e999}',
    "too large a number in a field that is skipped": b'{"time":1789999995000,"mood":1e999}',
    "invalid UTF-8 in a word": b'{"time":1789999995000,"event":"\xff"}',
    "invalid UTF-8 in a field that is skipped": b'{"time":1789999995000,"mood":"\xff"}',
    "invalid UTF-8 in a name": b'{"time":1789999995000,"\xff":1}',
    "nested deep": b"[" * 3000 + b"]" * 3000,
    "nested deep in a field that is skipped": b'{"time":1789999995000,"mood":' + b"[" * 3000 + b"]" * 3000 + b"}",
    "a name twice": b'{"time":1789999995000,"bpm":70,"bpm":71}',
    "a name twice, once wrong": b'{"time":1789999995000,"bpm":"x","bpm":71}',
    "a name twice, last null": b'{"time":1789999995000,"worn":true,"worn":null}',
    "a name with an escape": b'{"time":1789999995000,"b\\u0070m":70}',
    "a kind twice": b'[{"kind":"sos","kind":"fall","time":1789999995000}]',
    "a kind twice, the last with an escape": b'[{"kind":"sos","k\\u0069nd":"fall","time":1789999995000}]',
    "a kind twice, one of them unknown": b'[{"kind":"waltz","kind":"fall","time":1789999995000}]',
    "a kind twice, the same": b'[{"kind":"sos","kind":"sos","time":1789999995000}]',
    "a kind last": b'[{"time":1789999995000,"bpm":70,"kind":"heart_rate"}]',
    "a kind that the topic says already": b'{"kind":"sos","time":1789999995000,"bpm":70}',
    "a kind of no word": b'{"kind":7,"time":1789999995000,"bpm":70}',
    "a colon in an unknown field": b'{"time":1789999995000,"bpm":70,"note":"12:30:00"}',
    "an empty name": b'{"time":1789999995000,"":70}',
    "a second value behind": b'{"time":1789999995000,"bpm":70} {}',
    "white space around": b' \n{ "time" : 1789999995000 , "bpm" : 70 } ',
    "a byte order mark": b'\xef\xbb\xbf{"time":1789999995000,"bpm":70}',
    "a NUL behind": b'{"time":1789999995000,"bpm":70}\0',
    "null": b"null",
    "an empty array": b"[]",
    "an empty object": b"{}",
    "a bare object in a backlog": b'{"kind":"heart_rate","time":1789999995000,"bpm":70}',
    "an array in an array": b'[[{"kind":"heart_rate","time":1789999995000}]]',
    "null in an array": b'[null,{"kind":"sos","time":1789999995000}]',
    "kinds in turns": json.dumps(
        [{"kind": ("heart_rate", "location", "sos")[n % 3], "time": TIME_MS + n, "seq": n} for n in range(9)]
    ).encode(),
    "501 readings": json.dumps([{"kind": "heart_rate", "time": TIME_MS + n} for n in range(501)]).encode(),
    "64 KiB and more": json.dumps({"kind": "heart_rate", "time": TIME_MS, "pad": "x" * 65_536}).encode(),
}  # fmt: skip
CELLS = [
    None, True, False, 0, -0.0, 1, 1.0, 5.0, -1, 2, 19.99, 300, 300.5, 2**31, 2**32 - 1, 2**32, 4294967295.5, 2**53 + 1,
    2**63, 2**64, 10**30, 10**400, -(10**400), 1e300, TIME_MS, float(TIME_MS), TIME_MS + 0.75, 253_402_300_799_999,
    253_402_300_800_000, "", "1", "72", "gps", "gcj02", "offline", "online", "GPS", "2026-09-21T22:53:15Z",
    "2026-09-21T22:53:15", [], [1], {}, {"time": 1},
]  # fmt: skip
CELL = st.sampled_from(CELLS) | st.floats(allow_nan=False, allow_infinity=False) | st.integers()
NAMES = [*(column.name for column in PAYLOAD_COLUMNS), "v", "boot", "seq", "oldest", "time", "note", "", "张"]


def fitting(column):
    if column.words is not None:
        return st.sampled_from([word.name.lower() for word in column.words])
    return st.booleans() if column.is_flag else st.integers(int(column.low), int(column.high))


@st.composite
def elements(draw):
    """Mostly as it should be, with an odd cell or a few."""
    kind = draw(st.sampled_from(list(Kind)))
    body = {column.name: fitting(column) for column in PAYLOAD_COLUMNS if kind in column.kinds}
    counts = dict.fromkeys(("boot", "seq", "oldest"), st.integers(0, 2**32 - 1))
    element = {"kind": kind.topic, "time": TIME_MS, **draw(st.fixed_dictionaries({}, optional=body | counts))}
    odd = draw(st.dictionaries(st.sampled_from(NAMES), CELL, max_size=2))
    return {**element, **odd} if draw(st.booleans()) else element


@st.composite
def payloads(draw):
    content = draw(elements() | st.lists(elements(), max_size=4) | st.lists(elements() | CELL, max_size=3) | CELL)
    payload = bytearray(json.dumps(content).encode())
    if payload and draw(st.integers(0, 4)) == 0:
        payload[draw(st.integers(0, len(payload) - 1))] = draw(st.integers(0, 255))
    return bytes(payload)


@settings(max_examples=examples(400), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LEVELS), payloads()), min_size=1, max_size=6), st.sets(st.integers(0, 5)))
@example([("heart_rate", {"time": TIME_MS, "worn": True, "bpm": 0})], {0})
def test_any_mix_of_payloads(sent, retained):
    both_ways(messages(*sent, retained=retained))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("what", ODD)
def test_odd_payloads(level, what):
    both_ways(messages((level, ODD[what])))


@pytest.mark.parametrize("name", NAMES)
def test_any_cell_in_any_field(name):
    sent = [(level, {"kind": "sos", "time": TIME_MS, name: value}) for level in LEVELS for value in CELLS]
    both_ways(messages(*sent))


def test_a_field_that_wire_does_not_know_is_counted_and_the_readings_stay():
    found = both_ways(messages(*[("heart_rate", regular(n, mood=3)) for n in range(40)]))
    assert found.unknown_fields == {"mood": 40}
    assert len(found.readings) == 40 + WORTH_COLUMNS


def test_kinds_in_turns_keep_the_order_in_which_they_came():
    found = both_ways(messages(("location", {"time": TIME_MS}), ("backlog", ODD["kinds in turns"]), ("sos", regular())))
    kinds = [Kind(kind).topic for kind in found.readings["kind"][:11].tolist()]
    assert kinds == ["location", *["heart_rate", "location", "sos"] * 3, "sos"]


def test_a_value_out_of_range_names_the_element_of_its_array():
    found = both_ways(messages(("heart_rate", [regular(0), regular(1, bpm=301)])))
    [refusal] = emptied(found)
    assert (refusal.message, refusal.element, refusal.field, refusal.reason) == (0, 1, "bpm", Reason.OUT_OF_RANGE)
    assert found.readings["flags"][1] == Flag.OUT_OF_RANGE


def test_a_message_without_a_watch_is_refused():
    batch = messages(("heart_rate", regular()))
    batch.watch_ids[0] = None
    assert both_ways(batch).refusals[0].reason is Reason.BAD_WATCH_ID


def test_readings_of_an_array_that_are_refused_are_told_by_their_place_in_it():
    other, timeless = regular(1, v=9), {"v": 1, "boot": 7, "seq": 3, "bpm": 70}
    batch = messages(("heart_rate", [regular(), other, timeless]), ("heart_rate", other), ("heart_rate", timeless))
    both_ways(batch)
    told = [(one.message, one.element) for one in whole(Native().decode(batch))]
    assert sorted(told, key=str) == [(0, 1), (0, 2), (1, None), (2, None)]


def test_an_array_that_is_nested_too_deep_is_so_whatever_follows():
    deep = [b"[" * 1_024, b"[" * 1_024 + b"]" * 1_024, b"[" * 1_024 + b"\xff"]
    batch = messages(*(("heart_rate", payload) for payload in deep))
    both_ways(batch)
    assert [one.reason for one in whole(Native().decode(batch))] == [Reason.TOO_DEEP] * len(deep)
