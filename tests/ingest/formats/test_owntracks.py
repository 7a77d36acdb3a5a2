import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.formats.contract import Message, Reason
from ingest.formats.owntracks import NOT_READINGS, OwnTracks
from ingest.reading import Event, Kind

NOW_S = 1_790_000_000
ARRIVAL_MS = NOW_S * 1000 + 500
HOME = {"_type": "location", "lat": 22.543099, "lon": 114.057868, "tst": NOW_S}


def decoded(content, watch_id="jane", topic="owntracks/jane/phone"):
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    return OwnTracks().decode([Message(topic, payload, ARRIVAL_MS, watch_id)])


def whole(low, high):
    return st.none() | st.integers(low, high)


@given(
    st.floats(-90, 90), st.floats(-180, 180), st.integers(1_577_836_800, 4_000_000_000), whole(1, 100_000),
    whole(0, 300), whole(0, 100), st.sampled_from([None, 0, 1, 2, 3]),
)  # fmt: skip
def test_what_a_phone_says_comes_back(lat, lon, tst, acc, vel, batt, bs):
    said = {"acc": acc, "vel": vel, "batt": batt, "bs": bs}
    content = {"_type": "location", "lat": lat, "lon": lon, "tst": tst}
    found = decoded(content | {name: value for name, value in said.items() if value is not None})
    assert found.refusals == []
    row = {name: found.readings[name][0] for name in found.readings.present}
    assert (row["lat"], row["lon"], row["time_ms"]) == (lat, lon, tst * 1000)
    for name, column in (("acc", "accuracy_m"), ("vel", "speed_kmh"), ("batt", "battery")):
        got = row.get(column, np.nan)
        assert np.isnan(got) if said[name] is None else got == said[name]
    assert row.get("charging", -1) == {1: 0, 2: 1, 3: 1}.get(bs, -1)


def test_the_time_is_that_of_the_fix_and_not_of_the_message():
    assert decoded({**HOME, "created_at": NOW_S + 300}).readings["time_ms"].tolist() == [NOW_S * 1000]


def test_a_last_will_says_offline_now_not_when_the_phone_connected():
    found = decoded({"_type": "lwt", "tst": NOW_S - 86_400}).readings
    assert found["event"].tolist() == [Event.OFFLINE]
    assert (found["time_ms"].tolist(), found["raw_time_ms"].tolist()) == ([ARRIVAL_MS], [-1])


@pytest.mark.parametrize("unknown", [{"batt": -1}, {"vel": -1}, {"acc": -1}, {"acc": 0}, {"bs": 0}, {"bs": True}])
def test_what_a_phone_does_not_know_is_absent_without_a_refusal(unknown):
    found = decoded({**HOME, **unknown})
    assert found.refusals == []
    assert found.readings.without_empty_columns().present == decoded(HOME).readings.without_empty_columns().present


@pytest.mark.parametrize("kind", sorted(NOT_READINGS))
def test_names_pictures_and_passwords_are_counted_and_not_kept(kind):
    found = decoded({"_type": kind, "name": "Jane", "password": "x", "face": "iVBOR", "tst": NOW_S})
    assert (len(found.readings), found.refusals) == (0, [])
    assert found.unknown_fields == {f"owntracks {kind}": 1}


def test_what_is_encrypted_is_refused_with_what_to_do():
    [refusal] = decoded({"_type": "encrypted", "data": "uuuu"}).refusals
    assert refusal.reason is Reason.NOT_A_READING
    assert "take the encryption key out of the app" in refusal.detail


def test_a_transition_is_a_place_and_a_beacon_without_one_a_sign_of_life():
    leave = {"_type": "transition", "event": "leave", "tst": NOW_S, "desc": "Home"}
    assert decoded({**leave, "lat": 1, "lon": 2, "acc": 30}).readings["kind"].tolist() == [Kind.LOCATION]
    assert decoded(leave).readings["kind"].tolist() == [Kind.STATUS]


@pytest.mark.parametrize(
    ("watch_id", "content", "named"),
    [("jane", {"tid": "JJ", "topic": "owntracks/x/y"}, "jane"),
     (None, {"topic": "owntracks/q/865", "tid": "JJ"}, "q.865"),
     (None, {"tid": "JJ"}, "JJ"), (None, {"topic": "a/b", "tid": "JJ"}, "JJ")],
)  # fmt: skip
def test_the_topic_names_the_watch_then_the_payload(watch_id, content, named):
    assert decoded({**HOME, **content}, watch_id).watch_ids == [named]


@pytest.mark.parametrize("content", [{}, {"tid": "J J"}, {"tid": 5}, {"topic": "owntracks/手/机", "tid": "x"}])
def test_without_a_usable_name_it_is_refused(content):
    found = decoded({**HOME, **content}, None)
    assert (len(found.readings), [refusal.reason for refusal in found.refusals]) == (0, [Reason.BAD_WATCH_ID])


@pytest.mark.parametrize("tst", ["soon", -1, 1e300, True, [], {}, 1e15])
def test_a_time_that_is_none_is_refused_by_its_name(tst):
    [refusal] = decoded({**HOME, "tst": tst}).refusals
    assert (refusal.reason, "tst" in refusal.detail) == (Reason.BAD_TIME, True)


def test_each_of_an_array_stands_for_itself():
    found = decoded([HOME, 5, {**HOME, "tst": NOW_S + 60}])
    assert found.readings["time_ms"].tolist() == [NOW_S * 1000, NOW_S * 1000 + 60_000]
    assert [(refusal.element, refusal.reason) for refusal in found.refusals] == [(1, Reason.NOT_AN_OBJECT)]
