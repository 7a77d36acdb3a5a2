from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats import DECODERS, decoder_for
from ingest.formats.alarm import UnnamedAlarm
from ingest.formats.contract import Message, Reason
from ingest.formats.profile import Profile, ProfileError, load_profile, load_profiles
from ingest.formats.watch_3g import STANDARD, Watch3G
from ingest.formats.watch_3g_frame import frames
from ingest.reading import Datum, Event, Flag, Kind
from tests.effort import examples

ARRIVAL_MS = 1_760_000_000_000
ROOT = Path(__file__).parents[3]
POSITION = "091025,085300,{fix},22.543210,N,114.058765,E,3.60,12.0,25.0,9,80,77,4321,0,{status},0,0,0,0.0"


def decoded(payload, profile=STANDARD):
    payload = payload if isinstance(payload, bytes) else payload.encode()
    return Watch3G(profile).decode([Message("3g/x/up", payload, ARRIVAL_MS)])


def position(kind="UD", status="00000000", fix="A"):
    return f"[3G*7700000001*0000*{kind},{POSITION.format(fix=fix, status=status)}]"


def kinds(found):
    return [Kind(int(kind)) for kind in found.readings["kind"]]


def bit(number):
    return f"{1 << number:08X}"


@pytest.mark.parametrize("fix", ["A", "V"])
@pytest.mark.parametrize("kind", ["AL", "UD", "UD2", "AL_LTE", "WT", "ALCUSTOMER1"])
@pytest.mark.parametrize(("number", "emergency"), [(16, Kind.SOS), (21, Kind.FALL)])
def test_an_emergency_bit_alerts_in_whatever_frame_it_comes(kind, number, emergency, fix):
    found = decoded(position(kind, bit(number), fix))
    assert kinds(found) == [emergency, Kind.LOCATION if fix == "A" else Kind.STATUS]
    assert found.readings["flags"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("number", "event"),
    [(0, Event.BATTERY_LOW), (17, Event.BATTERY_LOW), (14, Event.POWER_OFF), (20, Event.REMOVED)],
)
def test_other_bits_are_events(number, event):
    found = decoded(position("AL", bit(number)))
    assert found.readings["event"].tolist() == [event, -1]
    assert found.readings["worn"].tolist() == [0 if event is Event.REMOVED else -1, -1]


def test_no_other_bit_is_an_emergency():
    for number in set(range(64)) - {16, 21}:
        found = decoded(position("AL", f"{1 << number:X}"))
        assert not {Kind.SOS, Kind.FALL} & set(kinds(found))


def test_alarms_are_answered_and_positions_are_not():
    [answer] = decoded(position("AL_LTE", bit(16))).answers
    assert (answer.watch_id, answer.payload, answer.message) == ("7700000001", b"[3G*7700000001*0002*AL]", 0)
    assert decoded(position("UD")).answers == []


@pytest.mark.parametrize("status", ["", "zz", "0x01", "-1", "1" * 17])
def test_an_alarm_whose_status_cannot_be_read_alerts(status):
    found = decoded(position("AL", status))
    assert kinds(found)[0] is Kind.SOS
    assert found.readings["flags"][0] & Flag.UNDECODABLE
    assert found.refusals[0].reason is Reason.BAD_FRAME
    assert decoded(position("UD", status)).refusals[0].reason is Reason.BAD_FRAME


def test_an_alarm_without_a_cause_is_what_the_profile_says():
    assert kinds(decoded(position("AL"))) == [Kind.LOCATION]
    strict = Profile("watch_3g", unnamed_alarm=UnnamedAlarm.SOS, status_bits=STANDARD.status_bits)
    assert kinds(decoded(position("AL"), strict)) == [Kind.SOS, Kind.LOCATION]
    assert kinds(decoded(position("UD"), strict)) == [Kind.LOCATION]


def test_the_frame_time_is_utc_unless_the_profile_says_otherwise():
    east = Profile("watch_3g", utc_offset_min=480)
    assert decoded(position()).readings["time_ms"][0] == 1_759_999_980_000
    assert decoded(position(), east).readings["time_ms"][0] == 1_759_999_980_000 - 8 * 3_600_000


@pytest.mark.parametrize(
    ("tail", "expected"),
    [("0,0,0,25.5", 25.5), ("0,0,0,25", 25), ("1,1,460,0,9,8,7,0,30.0", 30), ("1,1,460,0,9,8,7,1,Net,aa:bb,-60,12", 12),
     ("0,5,a,b,-1,c,d,-2,7.5", 7.5), ("1,1,460,0,9,8,7", None), ("0,1,,,,00", None), ("0,1,0,0,,10", None),
     ("0,0", None), ("0,0,0,0.0", None), ("1,1,460,0,9,8,7,1,Net,aa:bb,-60", None)],
)  # fmt: skip
def test_a_final_number_is_the_accuracy(tail, expected):
    found = decoded(position().replace("0,0,0,0.0", tail)).readings["accuracy_m"][0]
    assert np.isnan(found) if expected is None else found == expected


def test_a_place_of_zero_zero_is_none():
    assert kinds(decoded(position().replace("22.543210", "0.0").replace("114.058765", "0.0"))) == [Kind.STATUS]


def test_a_bad_field_costs_only_itself():
    found = decoded(position().replace(",77,", ",lots,").replace("3.60", "fast"))
    assert kinds(found) == [Kind.LOCATION]
    assert np.isnan(found.readings["battery"][0])


def test_the_shipped_profile_is_the_standard_one():
    shipped = load_profiles(ROOT / "config" / "devices")
    assert shipped["watch_3g"].status_bits == STANDARD.status_bits
    assert shipped["watch_3g"].unnamed_alarm == STANDARD.unnamed_alarm
    assert shipped["watch_3g"].datum is Datum.WGS84
    assert shipped["native"].format == "native"


@pytest.mark.parametrize(
    ("text", "named"),
    [("format = 3", "format"), ('format = "a"\ndatum = "mars"', "datum"), ("x", "Expected"),
     ('format = "a"\nx = 1', "x"),
     ('format = "a"\n[status_bits]\n1 = "dance"', "status_bits")],
)  # fmt: skip
def test_a_bad_profile_is_named(tmp_path, text, named):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ProfileError, match=f"bad.toml.*{named}"):
        load_profile(file)
    with pytest.raises(ProfileError, match=r"missing\.toml"):
        load_profile(tmp_path / "missing.toml")


def test_a_format_is_found_by_its_name():
    assert decoder_for("native") is DECODERS["native"]
    assert decoder_for("watch_3g", STANDARD).profile is STANDARD
    with pytest.raises(ValueError, match="one of flat_json, native, owntracks, watch_3g, watch_iw"):
        decoder_for("morse")
    with pytest.raises(ValueError, match="profile is of format 'watch_3g'"):
        decoder_for("native", STANDARD)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001 - hypothesis takes them without a zone
    st.floats(-90, 90), st.floats(-180, 180),
    st.tuples(st.integers(0, 300), st.integers(0, 100), st.integers(1, 99_999)), st.booleans(),
    st.sampled_from(["", "N", "S"]), st.sets(st.sampled_from([16, 20, 21])),
)  # fmt: skip
def test_a_position_comes_back_as_it_was_said(when, lat, lon, numbers, signed, spare, bits):
    speed, battery, accuracy = numbers
    ns, ew = (spare, "E") if signed else ("S" if lat < 0 else "N", "W" if lon < 0 else "E")
    y, x = (f"{value:.7f}" if signed else f"{abs(value):.7f}" for value in (lat, lon))
    if signed and spare == "S" and lat >= 0:
        ns = "N"  # of a place without a sign the hemisphere counts
    word = sum(1 << bit for bit in bits)
    fields = f"{when:%d%m%y,%H%M%S},A,{y},{ns}, {x},{ew},{speed},0,0,9,80,{battery},0,0,{word:08x},0,0,0,{accuracy}.0"
    found = decoded(f"[CS*7700000001*0001*00aa*UD_LTE,{fields}]")
    assert found.refusals == []
    rows = found.readings
    events = {16: Kind.SOS, 21: Kind.FALL, 20: Kind.STATUS}
    has_place = float(y) != 0 or float(x) != 0
    alone = [Kind.LOCATION] if has_place else [] if 20 in bits else [Kind.STATUS]
    assert kinds(found) == [kind for bit, kind in events.items() if bit in bits] + alone
    assert set(rows["time_ms"].tolist()) == {int(when.replace(microsecond=0, tzinfo=UTC).timestamp() * 1000)}
    assert set(rows["battery"].tolist()) == {battery}
    if has_place:
        assert (rows["lat"][-1], rows["lon"][-1]) == (float(f"{lat:.7f}"), float(f"{lon:.7f}"))
        assert (rows["speed_kmh"][-1], rows["accuracy_m"][-1]) == (speed, accuracy)


@given(st.integers(20, 300), st.integers(50, 250), st.integers(20, 200), st.integers(50, 100), st.integers(100, 450))
def test_measurements_come_back_as_they_were_said(bpm, high, low, spo2, tenths):
    said = f"bphrt,{high},{low},{bpm},,,, heart,{bpm} oxygen,0,{spo2} btemp2,1,{tenths / 10} TEMP,{tenths / 10}".split()
    found = decoded("".join(f"[3G*7700000001*0000*{content}]" for content in said))
    rows, warm = found.readings, np.float32(tenths / 10)
    assert (found.refusals, rows["bpm"].tolist()[:2]) == ([], [bpm, bpm])
    assert (rows["systolic"][0], rows["diastolic"][0], rows["spo2"][2]) == (high, low, spo2)
    assert rows["skin_c"][3:].tolist() == [warm, warm]


SEEDS = [position("AL", bit(16)), position("UD_LTE"), "[ZJ*1*0001*0002*LK,1,2,3]", "[3G*1*0000*bphrt,120,80,70]"]


@settings(max_examples=examples(500))
@given(st.lists(st.sampled_from(SEEDS), min_size=1, max_size=3), st.data())
def test_no_mutated_payload_raises(seeds, data):
    payload = bytearray("".join(seeds).encode())
    for _ in range(data.draw(st.integers(0, 5))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    decoded(bytes(payload[: data.draw(st.integers(0, len(payload)))]))


@given(st.integers(0, 200))
def test_an_alarm_cut_off_anywhere_behind_its_type_alerts(cut):
    whole = position("AL", bit(16)).encode()
    start = whole.index(b"AL,") + 3
    assert Kind.SOS in kinds(decoded(whole[: start + cut]))


@given(st.binary(max_size=300))
def test_no_bytes_raise(payload):
    assert decoded(payload).refusals or not payload.strip(b" \t\r\n\0") or list(frames(payload))


def test_a_payload_of_beginnings_takes_linear_time():
    many = list(frames(b"[3G*1*" * 10_000))
    assert len(many) == 10_000
