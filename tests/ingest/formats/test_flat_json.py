import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.formats import DECODERS, decoder_for
from ingest.formats.contract import Message, Reason
from ingest.formats.flat_json import FlatJson
from ingest.formats.profile import load_profiles, read_profile
from ingest.reading import COLUMN, PAYLOAD_COLUMNS, Event, Flag, Kind, Source

ARRIVAL_MS = 1_790_000_000_000
SHIPPED = load_profiles(Path(__file__).parents[3] / "config" / "devices")
PHONE = "atom/g616/status/861234567890123"
PLAIN = """
format = "flat_json"
[message]
time = "t"
time_form = "epoch_ms"
[[reading]]
kind = "heart_rate"
bpm = "hr"
"""


def decoded(profile, content, topic="x/w1/up", watch_id="w1"):
    profile = read_profile(profile, "x.toml") if isinstance(profile, str) else profile
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    return FlatJson(profile).decode([Message(topic, payload, ARRIVAL_MS, watch_id)])


def mapped(line, kind="heart_rate"):
    """A map of one column, of elements without a time."""
    return f'format = "flat_json"\n[[reading]]\nkind = "{kind}"\n{line}\n'


def kinds(found):
    return [Kind(int(kind)) for kind in found.readings["kind"]]


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001 - hypothesis takes them without a zone
    st.integers(20, 300), st.integers(0, 100), st.floats(-90, 90), st.floats(-180, 180), st.booleans(),
)  # fmt: skip
def test_a_phone_watch_of_strings_comes_back(when, bpm, battery, lat, lon, sos):
    when = when.replace(microsecond=0, tzinfo=UTC)
    said = {
        "time": f"{when + timedelta(hours=8):%Y-%m-%d %H:%M:%S}", "heart": str(bpm), "battery": str(battery),
        "location": f"{lon:.7f},{lat:.7f}", "sos": "1" if sos else "0",
    }  # fmt: skip
    found = decoded(SHIPPED["g616"], said, PHONE, None)
    assert found.refusals == []
    has_place = f"{lon:.7f},{lat:.7f}".strip("-") not in ("0.0000000,0.0000000", "0.0000000,-0.0000000")
    assert kinds(found) == [*[Kind.SOS] * sos, Kind.HEART_RATE, *[Kind.LOCATION] * has_place]
    assert set(found.readings["time_ms"].tolist()) == {int(when.timestamp() * 1000)}
    assert set(found.readings["battery"].tolist()) == {battery}
    assert found.readings["bpm"][int(sos)] == bpm
    if has_place:
        assert (found.readings["lat"][-1], found.readings["lon"][-1]) == (float(f"{lat:.7f}"), float(f"{lon:.7f}"))


@given(st.integers(1_577_836_800, 4_000_000_000), st.integers(20, 300), st.integers(50, 100), st.integers(100, 450))
def test_a_band_behind_a_gateway_comes_back(time_s, bpm, spo2, tenths):
    values = {"heartRate": bpm, "spo2": spo2, "temperature": tenths / 10}
    said = {"type": "MeasureData", "values": values, "time": time_s}
    found = decoded(SHIPPED["gateway"], said, "iot/AA:BB:CC/w7/data", "AA:BB:CC")
    assert (found.refusals, found.watch_ids, kinds(found)) == ([], ["w7"], [Kind.HEART_RATE])
    row = {name: found.readings[name][0] for name in ("time_ms", "bpm", "spo2", "skin_c")}
    assert row == {"time_ms": time_s * 1000, "bpm": bpm, "spo2": spo2, "skin_c": np.float32(tenths / 10)}


@pytest.mark.parametrize("said", ["1", 1, True, "true", "2", "pressed", 7.5])
def test_whatever_is_no_no_is_an_sos(said):
    assert kinds(decoded(SHIPPED["g616"], {"sos": said}, PHONE)) == [Kind.SOS]


@pytest.mark.parametrize("said", ["0", 0, False, "false", "", " 0 ", None, 0.0, "No"])
def test_a_no_is_no_sos(said):
    assert Kind.SOS not in kinds(decoded(SHIPPED["g616"], {"sos": said}, PHONE))


@pytest.mark.parametrize("time", [None, "tomorrow", 5, {}, "2026-13-01 00:00:00"])
def test_an_sos_needs_no_time(time):
    found = decoded(SHIPPED["g616"], {"sos": "1", "time": time, "heart": "70"}, PHONE)
    assert kinds(found) == [Kind.SOS]
    assert found.readings["flags"][0] & Flag.TIME_MISSING
    assert found.refusals, "the heart rate cannot be placed in time, and somebody should know"


def test_an_sos_cut_off_alerts_and_a_calm_payload_cut_off_does_not():
    whole = json.dumps({"time": "2026-09-21 22:13:20", "sos": "1", "heart": "72", "location": "1,2"}).encode()
    for cut in range(whole.index(b'"1"') + 3, len(whole)):
        found = decoded(SHIPPED["g616"], whole[:cut], PHONE)
        assert kinds(found) == [Kind.SOS], whole[:cut]
        assert found.readings["flags"][0] & Flag.UNDECODABLE
        assert found.refusals[0].reason is Reason.NOT_JSON
        assert kinds(decoded(SHIPPED["g616"], whole[:cut].replace(b'"1"', b'"0"'), PHONE)) == []


def test_an_sos_of_nobody_alerts_under_a_stand_in():
    found = decoded(SHIPPED["g616"], {"sos": "1", "imei": "8612 3456"}, "atom/g616/status", None)
    assert (kinds(found), found.watch_ids[0][:7]) == ([Kind.SOS], "bad-id.")
    assert found.refusals[0].reason is Reason.BAD_WATCH_ID


def test_a_flag_that_the_watch_is_worn_is_believed_only_when_false():
    found = [
        decoded(SHIPPED["g616"], {"time": "2026-09-21 22:13:20", "heart": "70", "wear": said}, PHONE) for said in "01"
    ]
    assert [one.readings["worn"].tolist() for one in found] == [[0], [-1]]


@pytest.mark.parametrize(
    ("line", "value", "column", "expected"),
    [('skin_c = { path = "v", unit = "F" }', 97.7, "skin_c", 36.5),
     ('skin_c = { path = "v", scale = 0.1 }', "365", "skin_c", 36.5),
     ('skin_c = { path = "v", scale = 0.1, offset = -10, unit = "K" }', 3196.5, "skin_c", 36.5),
     ('skin_c = { path = "v", scale = 0.1, offset = 32, unit = "F" }', 657, "skin_c", 36.5),
     ('systolic = { path = "v", unit = "kPa" }', 16, "systolic", 120.00987),
     ('spo2 = "v.0.x"', [{"x": 97}], "spo2", 97),
     ('spo2 = { path = "v", unit = "0..1" }', 0.97, "spo2", 97),
     ('bpm = ["nope", "v"]', "72.0", "bpm", 72),
     ('battery = { path = "v", absent = ["-1"] }\nbpm = "hr"', -1, "battery", None)],
)  # fmt: skip
def test_units_scales_and_paths(line, value, column, expected):
    found = decoded(mapped(line), {"v": value, "hr": 70})
    assert found.refusals == []
    got = found.readings[column].tolist()
    assert np.isnan(got[0]) if expected is None else got == [pytest.approx(expected, rel=1e-6)]


@pytest.mark.parametrize(
    ("line", "content", "expected"),
    [('lon_lat = "p"', {"p": "114.0,22.5"}, (22.5, 114.0)), ('lat_lon = "p"', {"p": "22.5, 114.0"}, (22.5, 114.0)),
     ('lon_lat = { path = "p", between = ";" }', {"p": "114;22.5"}, (22.5, 114.0)),
     ('lon_lat = "p"', {"p": [114, 22.5]}, (22.5, 114.0)),
     ('lat = { path = "y", unit = "ddmm.mmmm" }\nlon = { path = "x", unit = "ddmm.mmmm" }',
      {"y": "2230.0000", "x": -11_430.0}, (22.5, -114.5)),
     ('lat = { path = "y", unit = "microdegrees" }\nlon = { path = "x", unit = "degrees * 1e7" }',
      {"y": 22_500_000, "x": 1_140_000_000}, (22.5, 114.0))],
)  # fmt: skip
def test_places_in_every_writing(line, content, expected):
    found = decoded(mapped(line, "location"), content)
    assert found.refusals == []
    assert (found.readings["lat"][0], found.readings["lon"][0]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("content", [{"p": "0,0"}, {"p": "0.0,-0.0"}, {"p": ""}, {"p": None}, {}])
def test_no_fix_is_no_place(content):
    assert Kind.LOCATION not in kinds(decoded(mapped('lon_lat = "p"', "location"), content))


@pytest.mark.parametrize("place", ["here", "1", "1,2,3", {"x": 1}, "1;2", [1], "NaN,1"])
def test_a_place_that_cannot_be_read_says_so(place):
    [refusal] = decoded(mapped('lon_lat = "p"', "location"), {"p": place}).refusals
    assert (refusal.field, refusal.reason) == ("lon", Reason.WRONG_TYPE)


@pytest.mark.parametrize(
    ("form", "said", "expected_ms"),
    [("epoch_s", 1_790_000_000, 1_790_000_000_000), ("epoch_s", "1790000000.25", 1_790_000_000_250),
     ("epoch_ms", "1790000000007", 1_790_000_000_007), ("rfc3339", "2026-09-21T22:13:20+08:00", 1_790_000_000_000),
     ("%Y-%m-%d %H:%M:%S", "2026-09-21 22:13:20", 1_790_000_000_000),
     ("%d/%m/%Y %H:%M:%S", "21/09/2026 22:13:20", 1_790_000_000_000),
     ("%Y%m%d%H%M%S", "20260921221320", 1_790_000_000_000),
     ("%Y-%m-%dT%H:%M:%S%z", "2026-09-21T14:13:20Z", 1_790_000_000_000)],
)  # fmt: skip
def test_times_in_every_writing(form, said, expected_ms):
    profile = PLAIN.replace("epoch_ms", form).replace('json"', 'json"\nutc_offset_min = 480', 1)
    assert decoded(profile, {"t": said, "hr": 70}).readings["time_ms"].tolist() == [expected_ms]


@pytest.mark.parametrize(("said", "reason"), [(None, Reason.NO_TIME), ("soon", Reason.BAD_TIME), (-1, Reason.BAD_TIME)])
def test_a_time_that_the_map_asks_for_and_that_is_none_is_refused(said, reason):
    found = decoded(PLAIN, {"t": said, "hr": 70})
    assert (len(found.readings), found.refusals[0].reason) == (0, reason)


def test_without_a_time_in_the_map_the_arrival_stands_in():
    found = decoded(mapped('bpm = "hr"'), {"hr": 70}).readings
    assert (found["time_ms"].tolist(), found["raw_time_ms"].tolist()) == ([ARRIVAL_MS], [-1])


def test_words_of_the_maker_become_ours_and_others_are_named():
    line = 'lon_lat = "p"\nsource = { path = "s", words = { "2" = "wifi" } }'
    assert decoded(mapped(line, "location"), {"p": "1,2", "s": 2}).readings["source"].tolist() == [Source.WIFI]
    [refusal] = decoded(mapped(line, "location"), {"p": "1,2", "s": "9"}).refusals
    assert (refusal.field, refusal.detail) == ("source", "source: '9'")


def test_a_state_may_become_an_event():
    text = mapped('event = { value = "battery_low" }\nwhen = { path = "low", is = [true, "1"] }', "status")
    assert decoded(text, {"low": "1"}).readings["event"].tolist() == [Event.BATTERY_LOW]
    assert decoded(text, {"low": "0"}).refusals[0].reason is Reason.NOT_A_READING


def test_elements_stand_for_themselves_and_share_what_the_whole_says():
    text = PLAIN.replace("[message]", '[message]\nelements = "data"\nwatch = "imei"')
    found = decoded(
        text, {"imei": "w9", "t": 1_790_000_000_000, "data": [{"hr": 70}, {"hr": 71, "t": 1_790_000_060_000}, 5]}
    )
    assert (found.watch_ids, found.readings["time_ms"].tolist()) == (["w9"] * 2, [1_790_000_000_000, 1_790_000_060_000])
    assert [(refusal.element, refusal.reason) for refusal in found.refusals] == [(2, Reason.NOT_AN_OBJECT)]


def test_no_elements_say_nothing_and_an_array_of_nothing_is_no_payload():
    text = PLAIN.replace("[message]", '[message]\nelements = "data"')
    assert decoded(text, {"data": []}).unknown_fields == {"no elements": 1}
    assert decoded(text, {"data": []}).refusals == []
    assert decoded(PLAIN, []).refusals[0].reason is Reason.NOT_AN_OBJECT


@pytest.mark.parametrize("content", [{"a": 71, "b": 72}, {"b": 72, "a": 71}, {"a": None, "b": 71}, {"b": 71}])
def test_the_first_path_that_is_there_wins_in_whatever_order_they_come(content):
    assert decoded(mapped('bpm = ["a", "b"]'), content).readings["bpm"].tolist() == [71]


@pytest.mark.parametrize(
    ("wanted", "said", "other"),
    [("true", True, 1), ('"TRUE"', "true", "1"), ("1", "1", True), ('"1"', 1.0, "true"), ("1.5", "1.5", 1)],
)
def test_a_condition_compares_texts_and_keeps_true_and_1_apart(wanted, said, other):
    text = mapped(f'when = {{ path = "e", is = [{wanted}] }}', "sos")
    assert kinds(decoded(text, {"e": said})) == [Kind.SOS]
    assert kinds(decoded(text, {"e": other})) == []


def test_names_that_nobody_mapped_are_counted():
    found = decoded(PLAIN, {"t": 1_790_000_000_000, "hr": 70, "breath": 16, "gps": {"x": 1}})
    assert found.unknown_fields == {"breath": 1, "gps": 1}


def test_a_source_without_a_map_says_what_to_do():
    [refusal] = DECODERS["flat_json"].decode([Message("x/w1/up", b"{}", ARRIVAL_MS, "w1")]).refusals
    assert "names no profile" in refusal.detail
    assert decoder_for("flat_json", SHIPPED["g616"]).field_map is SHIPPED["g616"].field_map


@pytest.mark.parametrize(
    "column", [c for c in PAYLOAD_COLUMNS if c.words is None and not c.is_flag], ids=lambda c: c.name
)
def test_every_column_of_numbers_can_be_mapped(column):
    kind = column.kinds[0]
    value = (column.low + column.high) / 2 or 1
    line = f'{column.name} = "v"'
    if kind is Kind.LOCATION:
        line = f'{line}\nlon_lat = "p"' if column.name not in ("lat", "lon") else 'lat = "v"\nlon = "v"'
    if kind.is_emergency:
        line += '\nwhen = { path = "e", is = [1] }'
    elif column.kinds != COLUMN["bpm"].kinds and kind is Kind.HEART_RATE:
        line += '\nbpm = "hr"' if column.name != "bpm" else ""
    found = decoded(mapped(line, kind.topic), {"v": str(value), "p": "1,2", "e": 1, "hr": 70})
    assert found.refusals == []
    assert found.readings[column.name][0] == pytest.approx(value)
