"""Frames captured from real watches and phones; they are not kept here, so these tests skip where they are absent."""

import json
from pathlib import Path

import numpy as np
import pytest

from ingest.formats import DECODERS
from ingest.formats.contract import Message
from ingest.reading import Kind

FRAMES = Path(__file__).parents[4] / "shared" / "data" / "frames.jsonl"
FORMATS = {"watch": "watch_3g", "iw": "watch_iw", "owntracks": "owntracks"}
ARRIVAL_MS = 1_790_000_000_000
pytestmark = pytest.mark.skipif(not FRAMES.exists(), reason="captured frames are not here: ../shared/data/frames.jsonl")


def captured(protocol):
    if not FRAMES.exists():
        return []
    entries = [json.loads(line) for line in FRAMES.read_text("utf-8").splitlines()]
    return [entry for entry in entries if entry["protocol"] == protocol]


def decoded(entry):
    watch_id = "w1" if entry["protocol"] == "iw" else None
    message = Message("captured", entry["frame"].encode(), ARRIVAL_MS, watch_id)
    return DECODERS[FORMATS[entry["protocol"]]].decode([message])


def asserted(protocol):
    return {entry["asserted"]: decoded(entry) for entry in captured(protocol) if entry["asserted"]}


@pytest.mark.parametrize("protocol", FORMATS)
def test_none_is_refused_in_whole_or_part(protocol):
    entries = captured(protocol)
    assert entries
    for entry in entries:
        assert decoded(entry).refusals == [], entry["frame"]


def test_bracket_frames_are_of_the_watch_that_they_name_and_have_a_place_where_they_have_a_fix():
    assert len(captured("watch")) > 20
    for entry in captured("watch"):
        found = decoded(entry)
        assert len(found.readings) > 0
        assert set(found.watch_ids) == {entry["frame"].split("*")[1]}
        content = entry["frame"].split("*")[-1]
        has_fix = content.startswith(("UD", "AL", "WT")) and content.split(",")[3] == "A"
        assert (Kind.LOCATION in found.readings["kind"]) is has_fix


def test_bracket_frames_say_what_their_origin_asserts():
    found = {what: one.readings for what, one in asserted("watch").items()}
    assert found["Position.PREFIX_TEMP + 1, 35.29"]["skin_c"][0] == np.float32(35.29)
    assert found['"bloodOxygen", 98']["spo2"][0] == 98
    assert found["Position.KEY_ALARM, Position.ALARM_SOS"]["kind"][0] == Kind.SOS


def test_iw_frames_say_what_their_origin_asserts():
    found = asserted("iw")
    assert len(found) == 5
    [place] = [one.readings for what, one in found.items() if what.startswith("position(")]
    assert place["time_ms"].tolist() == [1_211_609_910_000]
    assert (place["lat"][0], place["lon"][0]) == pytest.approx((22.54968, 114.08226), abs=1e-5)
    assert found["Position.KEY_HEART_RATE, 68"].readings["bpm"].tolist() == [68]
    assert found['"pressureDiastolic", 85'].readings["diastolic"].tolist() == [85]
    assert found["Position.KEY_BATTERY_LEVEL, 90"].readings["battery"].tolist() == [90]
    assert found["Position.KEY_STEPS, 5555"].unknown_fields == {"steps since midnight": 1}, "5555 are a whole day's"


def test_iw_positions_are_places_and_the_others_are_what_they_are():
    for entry in captured("iw"):
        found = decoded(entry)
        kinds = [Kind(int(kind)) for kind in found.readings["kind"]]
        what = entry["frame"].removeprefix("IW").removeprefix("TRV")[:4]
        expected = {
            "AP01": [Kind.LOCATION], "AP10": [Kind.LOCATION], "YP03": [Kind.LOCATION], "YP14": [Kind.LOCATION],
            "AP49": [Kind.HEART_RATE], "APHT": [Kind.HEART_RATE], "AP50": [Kind.HEART_RATE], "AP12": [], "AP14": [],
        }.get(what, [Kind.STATUS])  # fmt: skip
        assert kinds == expected, entry["frame"]


def test_phones_say_what_their_json_says():
    for entry in captured("owntracks"):
        said, found = json.loads(entry["frame"]), decoded(entry).readings
        assert found["kind"].tolist() == [Kind.LOCATION]
        assert (found["lat"][0], found["lon"][0], found["time_ms"][0]) == (said["lat"], said["lon"], said["tst"] * 1000)
        for name, column in (("acc", "accuracy_m"), ("vel", "speed_kmh"), ("batt", "battery")):
            value = found[column][0]
            assert value == said[name] if name in said else np.isnan(value)
