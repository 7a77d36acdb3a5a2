import json

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats.contract import Message, Reason
from ingest.formats.native import Native
from ingest.reading import COLUMN, PAYLOAD_COLUMNS, Event, Flag, Kind, Source
from tests.effort import examples

ARRIVAL_MS = 1_760_000_000_000
TIME_MS = ARRIVAL_MS - 5_000


def sent(payload, kind="heart_rate", **more):
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    known = None if kind == "backlog" else Kind[kind.upper()]
    return Message(f"watch/w1/{kind}", payload, ARRIVAL_MS, "w1", known, is_backlog=kind == "backlog", **more)


def decoded(payload, kind="heart_rate", **more):
    return Native().decode([sent(payload, kind, **more)])


def only(found):
    assert len(found.readings) == 1
    return {name: found.readings[name][0] for name in found.readings.present}


def reasons(found):
    return [(r.reason, r.field) for r in found.refusals]


def test_a_heart_rate_arrives_with_every_field():
    found = decoded(
        {"v": 1, "boot": 7, "seq": 3, "oldest": 2, "time": TIME_MS, "battery": 81, "worn": True, "charging": False,
         "bpm": 72, "quality": 0.9, "steps": 12, "spo2": 97, "systolic": 120, "diastolic": 80, "skin_c": 33.5}
    )  # fmt: skip
    row = only(found)
    assert (row["kind"], row["time_ms"], row["raw_time_ms"]) == (Kind.HEART_RATE, TIME_MS, TIME_MS)
    assert (row["boot"], row["seq"], row["oldest"]) == (7, 3, 2)
    assert (row["bpm"], row["steps"], row["skin_c"], row["worn"], row["charging"]) == (72, 12, 33.5, 1, 0)
    assert row["flags"] == 0
    assert (found.watch_ids, found.messages, found.refusals) == (["w1"], [0], [])


@pytest.mark.parametrize(
    "text",
    [
        "2025-10-09T08:53:20Z",
        "2025-10-09t16:53:20.000+08:00",
        "2025-10-09 08:53:20.000999Z",
        "2025-10-09T08:53:20-00:00",
    ],
)
def test_time_as_text_needs_an_offset_and_nothing_else(text):
    assert only(decoded({"time": text, "bpm": 70}))["time_ms"] == 1_760_000_000_000


def test_a_leap_second_is_the_second_after():
    assert only(decoded({"time": "2016-12-31T23:59:60Z"}))["time_ms"] == 1_483_228_800_000


@pytest.mark.parametrize(
    "time", ["2025-10-09T08:53:20", "yesterday", "2025-02-30T08:00:00Z", True, [], -1, 10**20, "1760000000000", 1e300]
)
def test_an_unreadable_time_sends_the_reading_to_quarantine(time):
    found = decoded({"time": time, "bpm": 70, "boot": 4, "seq": 9})
    assert len(found.readings) == 0
    assert reasons(found) == [(Reason.BAD_TIME, None)]
    assert (found.refusals[0].boot, found.refusals[0].seq) == (4, 9)


def test_a_reading_without_time_goes_to_quarantine():
    assert reasons(decoded({"bpm": 70})) == [(Reason.NO_TIME, None)]


@pytest.mark.parametrize("time", [None, "soon", [1]])
def test_an_emergency_without_a_usable_time_happened_on_arrival(time):
    row = only(decoded({"time": time, "boot": 1, "seq": 2}, "sos"))
    assert (row["time_ms"], row["raw_time_ms"], row["seq"]) == (ARRIVAL_MS, -1, 2)
    assert row["flags"] & Flag.TIME_MISSING


def test_the_last_will_is_a_reading_at_arrival():
    row = only(decoded({"event": "offline"}, "status"))
    assert (row["event"], row["time_ms"], row["seq"]) == (Event.OFFLINE, ARRIVAL_MS, -1)
    assert reasons(decoded({"event": "offline", "seq": 4, "boot": 1}, "status")) == [(Reason.NO_TIME, None)]


def test_bpm_zero_means_not_worn():
    row = only(decoded({"time": TIME_MS, "bpm": 0, "worn": True}))
    assert row["worn"] == 0
    assert "bpm" not in row
    assert row["flags"] == Flag.NOT_WORN_BY_ZERO


@pytest.mark.parametrize(
    ("field", "value"),
    [("bpm", 301), ("bpm", 19.99), ("battery", -1), ("battery", 100.0001), ("spo2", 10**400), ("steps", -(10**400))],
)
def test_a_value_out_of_range_empties_its_field_only(field, value):
    found = decoded({"time": TIME_MS, field: value, "quality": 0.5})
    row = only(found)
    assert np.isnan(row[field])
    assert row["quality"] == 0.5
    assert row["flags"] == Flag.OUT_OF_RANGE
    assert reasons(found) == [(Reason.OUT_OF_RANGE, field)]


@pytest.mark.parametrize(
    ("field", "value"), [("bpm", "72"), ("bpm", True), ("worn", 1), ("worn", "true"), ("steps", [1])]
)
def test_a_value_of_the_wrong_type_empties_its_field_only(field, value):
    found = decoded({"time": TIME_MS, field: value, "battery": 50})
    row = only(found)
    assert row["battery"] == 50
    assert row["flags"] == Flag.WRONG_TYPE
    assert reasons(found) == [(Reason.WRONG_TYPE, field)]


@pytest.mark.parametrize(
    ("field", "value", "flag"),
    [
        ("seq", -1, Flag.OUT_OF_RANGE),
        ("seq", 2**32, Flag.OUT_OF_RANGE),
        ("boot", "7", Flag.WRONG_TYPE),
        ("seq", 1.5, Flag.OUT_OF_RANGE),
    ],
)
def test_a_bad_count_is_emptied(field, value, flag):
    row = only(decoded({"time": TIME_MS, field: value}))
    assert row[field] == -1
    assert row["flags"] == flag


def test_words():
    found = decoded({"time": TIME_MS, "lat": 22.5, "lon": 114.1, "source": "wifi", "datum": "gcj02"}, "location")
    row = only(found)
    assert (row["source"], row["datum"], row["lat"]) == (Source.WIFI, 1, 22.5)
    unknown = decoded({"time": TIME_MS, "event": "exploded"}, "status")
    assert "event" not in only(unknown) or only(unknown)["event"] == -1
    assert reasons(unknown) == [(Reason.OUT_OF_RANGE, "event")]


def test_null_is_absent_and_5_0_is_5():
    row = only(decoded({"v": 1.0, "time": float(TIME_MS), "boot": 5.0, "seq": None, "bpm": None}))
    assert (row["boot"], row["seq"], row["flags"]) == (5, -1, 0)


def test_unknown_fields_are_counted_not_refused():
    found = decoded([{"time": TIME_MS, "bpm": 70, "mood": 3}, {"time": TIME_MS, "mood": 1, "lat": 1.0}])
    assert found.unknown_fields == {"mood": 2, "lat": 1}
    assert len(found.readings) == 2


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(b"", Reason.NOT_JSON), (b"{", Reason.NOT_JSON), (b"NaN", Reason.NOT_JSON), (b'{"a":1e999}', Reason.NOT_JSON),
     (b'"\xff"', Reason.NOT_UTF8), (b"[" * 100_000 + b"]" * 100_000, Reason.TOO_DEEP), (b"7", Reason.NOT_AN_OBJECT),
     (b"null", Reason.NOT_AN_OBJECT), (b"[7]", Reason.NOT_AN_OBJECT)],
)  # fmt: skip
def test_what_is_no_reading_is_refused_and_on_an_emergency_topic_alerts_all_the_same(payload, reason):
    calm = decoded(payload)
    assert (len(calm.readings), calm.refusals[0].reason) == (0, reason)
    for kind in ("sos", "fall"):
        urgent = decoded(payload, kind)
        assert urgent.refusals[0].reason is reason
        row = only(urgent)
        assert row["kind"] == Kind[kind.upper()]
        assert row["flags"] & Flag.UNDECODABLE
        assert row["time_ms"] == ARRIVAL_MS


def test_an_empty_array_is_nothing_but_on_sos_it_alerts():
    assert decoded([]).refusals == []
    assert only(decoded([], "sos"))["flags"] & Flag.UNDECODABLE


@pytest.mark.parametrize("version", [2, 0, "1", True, 1.5, []])
def test_another_version_is_quarantined_and_an_emergency_in_it_alerts(version):
    reading = {"v": version, "boot": 3, "seq": 8, "time": TIME_MS, "bpm": 70}
    calm = decoded(reading)
    assert len(calm.readings) == 0
    assert [(r.reason, r.boot, r.seq) for r in calm.refusals] == [(Reason.UNKNOWN_VERSION, 3, 8)]
    row = only(decoded(reading, "fall"))
    assert (row["boot"], row["seq"], row["raw_time_ms"]) == (3, 8, TIME_MS)
    assert row["flags"] == Flag.UNKNOWN_VERSION


def test_a_backlog_names_the_kind_of_each_element():
    found = decoded(
        [
            {"kind": "heart_rate", "boot": 1, "seq": 1, "time": TIME_MS, "bpm": 70},
            {"kind": "sos", "boot": 1, "seq": 2},
            {"kind": "waltz", "boot": 1, "seq": 3, "time": TIME_MS},
            {"kind": 4, "time": TIME_MS},
            "noise",
        ],
        "backlog",
    )
    assert found.readings["kind"].tolist() == [Kind.HEART_RATE, Kind.SOS]
    assert (found.readings["flags"] & Flag.FROM_BACKLOG).all()
    assert [(r.reason, r.element, r.seq) for r in found.refusals] == [
        (Reason.UNKNOWN_KIND, 2, 3),
        (Reason.UNKNOWN_KIND, 3, None),
        (Reason.NOT_AN_OBJECT, 4, None),
    ]


def test_more_than_500_readings_or_64_kib_are_taken_and_flagged():
    many = decoded([{"time": TIME_MS + i, "bpm": 70} for i in range(501)])
    assert len(many.readings) == 501
    assert (many.readings["flags"] == Flag.OVERSIZED).all()
    assert (decoded([{"time": TIME_MS}] * 500).readings["flags"] == 0).all()
    assert only(decoded({"time": TIME_MS, "pad": "x" * 65_536}))["flags"] == Flag.OVERSIZED


def test_retained_is_flagged():
    assert only(decoded({"time": TIME_MS}, retained=True))["flags"] == Flag.RETAINED


def test_messages_keep_their_order_and_belong_to_their_watch():
    found = Native().decode([sent({"time": TIME_MS, "bpm": 60 + i}) for i in range(5)])
    assert found.readings["bpm"].tolist() == [60, 61, 62, 63, 64]
    assert list(found.messages) == [0, 1, 2, 3, 4]


def _value(column):
    if column.words is not None:
        return st.sampled_from([word.name.lower() for word in column.words])
    if column.is_flag:
        return st.booleans()
    return st.floats(column.low, column.high, width=32, exclude_min=column.name == "bpm")


KIND_FIELDS = {k: {c.name: _value(c) for c in PAYLOAD_COLUMNS if k in c.kinds} for k in Kind}


@st.composite
def native_readings(draw):
    kind = draw(st.sampled_from(list(Kind)))
    fields = draw(st.fixed_dictionaries({}, optional=KIND_FIELDS[kind]))
    counts = draw(
        st.fixed_dictionaries({}, optional=dict.fromkeys(("boot", "seq", "oldest"), st.integers(0, 2**32 - 1)))
    )
    return {"kind": kind.topic, "time": draw(st.integers(0, 253_402_300_799_999)), **fields, **counts}


@given(st.lists(native_readings(), max_size=20))
def test_what_a_watch_says_is_what_stands_in_the_columns(said):
    found = decoded(said, "backlog")
    assert found.refusals == []
    assert len(found.readings) == len(said)
    for row, reading in enumerate(said):
        assert found.readings["time_ms"][row] == reading["time"]
        for name in (n for n in reading if n not in ("kind", "time")):
            column, got = COLUMN[name], found.readings[name][row]
            expected = column.words[reading[name].upper()] if column.words else reading[name]
            assert got == column.dtype.type(expected)


@settings(max_examples=examples(300))
@given(st.data(), st.sampled_from(["heart_rate", "sos", "backlog", "status"]))
def test_no_mutated_payload_raises_and_an_emergency_always_alerts(data, kind):
    payload = bytearray(msgspec.json.encode(data.draw(st.lists(native_readings(), min_size=1, max_size=3))))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(payload) - 1))
        payload[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(payload)))
    found = decoded(bytes(payload[:cut]), kind)
    if kind == "sos":
        assert len(found.readings) > 0


NAMES = st.sampled_from(["time", "v", "kind", "seq", "bpm", "event", "boot", "worn"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)))
def test_no_json_raises(content):
    payload = msgspec.json.encode(content)
    for kind in ("heart_rate", "fall", "backlog", "status"):
        decoded(payload, kind)
