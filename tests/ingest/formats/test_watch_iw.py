from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.formats.alarm import CODES, UnnamedAlarm
from ingest.formats.contract import Message, Reason
from ingest.formats.profile import Profile
from ingest.formats.watch_iw import STANDARD, WatchIW
from ingest.formats.watch_iw_frame import frames
from ingest.reading import Event, Flag, Kind

ARRIVAL_MS = 1_790_000_000_000
FIX = "260921A2232.9806N11404.9355E000.1141320323.8706000908000102"
FIX_MS = 1_790_000_000_000
CELL = "460,0,9520,3671"
ALARM = f"IWAP10{FIX},{CELL},{{code}},zh-cn,00,HOME|74-DE-2B-44-88-8C|97#"


def decoded(payload, profile=STANDARD, watch_id="w1"):
    payload = payload if isinstance(payload, bytes) else payload.encode()
    return WatchIW(profile).decode([Message("iw/w1/up", payload, ARRIVAL_MS, watch_id)])


def kinds(found):
    return [Kind(int(kind)) for kind in found.readings["kind"]]


def dotted(value, digits):
    degrees, minutes = divmod(round(abs(value) * 600_000), 600_000)
    return f"{degrees:0{digits}}{minutes // 10_000:02}.{minutes % 10_000:04}"


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001 - hypothesis takes them without a zone
    st.floats(-89.99, 89.99), st.floats(-179.99, 179.99), st.floats(0, 300), st.integers(0, 100),
    st.sampled_from(["IWAP01", "TRVAP01", "TRVYP03", "TRVYP14"]),
)  # fmt: skip
def test_a_position_comes_back_as_it_was_said(when, lat, lon, speed, battery, head):
    ns, ew = "S" if lat < 0 else "N", "W" if lon < 0 else "E"
    fix = (
        f"{when:%y%m%d}A{dotted(lat, 2)}{ns}{dotted(lon, 3)}{ew}{speed:05.1f}{when:%H%M%S}323.87060009{battery:03}00102"
    )
    found = decoded(f"{head}{fix},{CELL}#")
    assert found.refusals == []
    ms = int(when.replace(microsecond=0, tzinfo=UTC).timestamp() * 1000)
    assert (found.readings["time_ms"][0], found.readings["battery"][0]) == (ms, battery)
    if round(lat * 600_000) or round(lon * 600_000):
        assert kinds(found) == [Kind.LOCATION]
        assert found.readings["lat"][0] == pytest.approx(lat, abs=1e-6)
        assert found.readings["lon"][0] == pytest.approx(lon, abs=1e-6)
        assert found.readings["speed_kmh"][0] == np.float32(f"{speed:.1f}")


@given(st.integers(1, 300), st.integers(50, 250), st.integers(20, 200), st.integers(50, 100), st.integers(100, 450))
def test_a_measurement_comes_back_as_it_was_said(bpm, high, low, spo2, tenths):
    found = decoded(f"IWAPHP,{bpm},{high},{low},{spo2},90,{tenths / 10},,,,,,,#").readings
    if bpm >= 20:
        assert found["bpm"][0] == bpm
    assert [found[name][0] for name in ("systolic", "diastolic", "spo2")] == [high, low, spo2]
    assert found["skin_c"][0] == np.float32(tenths / 10)


@pytest.mark.parametrize(("code", "emergency"), [("01", Kind.SOS), ("05", Kind.FALL), ("06", Kind.FALL)])
def test_life_comes_first(code, emergency):
    found = decoded(ALARM.format(code=code))
    assert kinds(found) == [emergency, Kind.LOCATION]
    assert found.readings["time_ms"].tolist() == [FIX_MS, FIX_MS]
    assert [answer.payload for answer in found.answers] == [b"IWBP10#"]


def test_no_other_known_code_is_an_emergency():
    for code in CODES.keys() - {"01", "05", "06"}:
        assert not {Kind.SOS, Kind.FALL} & set(kinds(decoded(ALARM.format(code=code)))), code


def test_the_watch_taken_off_is_an_event_and_a_state():
    found = decoded(ALARM.format(code="03")).readings
    assert (found["event"].tolist(), found["worn"].tolist()) == ([Event.REMOVED, -1], [0, -1])


def test_a_code_that_nobody_mapped_alerts_and_names_where_to_map_it():
    found = decoded(ALARM.format(code="77"))
    assert kinds(found) == [Kind.SOS, Kind.LOCATION]
    assert found.readings["flags"][0] & Flag.UNDECODABLE
    assert "alarm code 77" in found.refusals[0].detail
    assert "[alarm_codes]" in found.refusals[0].detail
    calm = Profile("watch_iw", unnamed_alarm=UnnamedAlarm.IGNORE, alarm_codes=STANDARD.alarm_codes)
    found = decoded(ALARM.format(code="77"), calm)
    assert (kinds(found), found.refusals, found.unknown_fields) == ([Kind.LOCATION], [], {"alarm code 77": 1})


@given(st.integers(0, 200))
def test_an_alarm_cut_off_anywhere_behind_its_type_alerts(cut):
    whole = ALARM.format(code="01").encode()
    assert Kind.SOS in kinds(decoded(whole[: 6 + cut]))


def test_an_alarm_within_a_frame_that_was_cut_off_alerts():
    assert Kind.SOS in kinds(decoded(f"IWAP0126092{ALARM.format(code='01')}"))


def test_an_alarm_without_a_fix_and_with_a_bad_clock_alerts():
    blind = ALARM.format(code="06").replace("A2232.9806N11404.9355E", "V0000.0000N00000.0000E")
    assert kinds(decoded(blind)) == [Kind.FALL, Kind.STATUS]
    found = decoded(ALARM.format(code="06").replace("260921A", "269921A"))
    assert kinds(found) == [Kind.FALL]
    assert found.readings["time_ms"].tolist() == [ARRIVAL_MS]
    assert found.refusals[0].reason is Reason.BAD_TIME


def test_names_of_wlans_hold_anything():
    found = decoded(f"IWAP01{FIX},{CELL},a#b|74|97&IW#AP|74|97&#|1|2#IWAP49,68#")
    assert (kinds(found), found.refusals) == ([Kind.LOCATION, Kind.HEART_RATE], [])


def test_a_login_is_answered_with_the_time_and_the_zone_of_the_profile():
    east = Profile("watch_iw", zone_h=8)
    [answer] = decoded("IWAP00353456789012345#", east).answers
    assert (answer.watch_id, answer.payload) == ("w1", b"IWBP00,20260921141320,8#")
    assert decoded("TRVAP00353456789012345#").answers[0].payload == b"TRVBP00#"


@pytest.mark.parametrize("frame", ["IWAP12,080835,+49#", "IWAPXL,080835#", "IWAP33,123456,1#", "IWAPZZ,000001#"])
def test_what_a_watch_says_back_to_a_command_is_counted_and_never_answered(frame):
    found = decoded(frame)
    assert (len(found.readings), found.refusals, found.answers) == (0, [], [])
    assert len(found.unknown_fields) == 1


@pytest.mark.parametrize(
    ("payload", "watch_id", "named"),
    [("IWAP49,68#", "w1", ["w1"]), ("IWAP00353456789012345#IWAP49,68#", "w1", ["w1", "w1"]),
     ("IWAP00353456789012345#IWAP49,68#", None, ["353456789012345"] * 2),
     ("IWAPWR,353456789012345,0,1790000000#", None, ["353456789012345"]), ("IWAP49,68#", None, []),
     ("IWAP49,68#", "w 1", [])],
)  # fmt: skip
def test_the_topic_names_the_watch_or_a_frame_that_says_its_imei(payload, watch_id, named):
    found = decoded(payload, watch_id=watch_id)
    assert found.watch_ids == named
    assert all(refusal.reason is Reason.BAD_WATCH_ID for refusal in found.refusals)


@pytest.mark.parametrize("watch_id", [None, "w 1", ""])
@pytest.mark.parametrize("frame", [ALARM.format(code="01"), "IWAPFD,x,1790000000#"])
def test_an_alarm_of_nobody_alerts_under_a_stand_in(frame, watch_id):
    found = decoded(frame, watch_id=watch_id)
    assert kinds(found)[0].is_emergency
    assert found.watch_ids[0].startswith("bad-id.")
    assert found.refusals[0].reason is Reason.BAD_WATCH_ID


def test_the_clock_of_a_model_may_be_ahead_of_utc():
    east = Profile("watch_iw", utc_offset_min=480, alarm_codes=STANDARD.alarm_codes)
    assert decoded(f"IWAP01{FIX}#", east).readings["time_ms"].tolist() == [FIX_MS - 8 * 3_600_000]


def test_a_payload_of_beginnings_and_ends_takes_linear_time():
    assert len(list(frames(b"IWAP49#" * 10_000))) == 10_000
    assert len(list(frames(b"IWAP49," + b"#" * 60_000))) <= 2
    assert len(list(frames(b"#IWAP1" * 10_000))) <= 20_000
    assert len(list(frames(b"IWAP10260921A" * 40_000))) == 40_000
    assert len(list(frames(b"IWAP49,68#" * 80_000))) == 80_000
