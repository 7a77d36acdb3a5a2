"""`[[sources]]` and `carewatch decode`: which decoder, which profile, whose watch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from carewatch.replay.decoding import Wanted, decoded_file
from carewatch.settings import Settings
from carewatch.settings_sources import SettingsError
from carewatch.sources import ConfiguredSources
from ingest.formats.profile import ProfileError
from ingest.reading import Datum

ROOT = Path(__file__).parents[2]
NOW_MS = 1_790_000_000_000
GATEWAY = {"filter": "iot/+/+/data", "format": "flat_json", "profile": "gateway"}
BAND = '{"type": "MeasureData", "time": 1790000000, "values": {"hr": 70}}'
RECORDED = json.dumps({"at": 1, "topic": "iw/w8/up", "payload": "IWAP49,68#"})
CAPTURED = json.dumps({"protocol": "iw", "frame": "IWAP49,68#"})
IW_ALARM = "IWAP10260921V2232.9806N11404.9355E000.1141320323.8706000908000102,460,0,9520,3671,05,zh-cn,00#"


def settings(*sources, **more):
    return Settings(sources=list(sources), devices_folder=ROOT / "config" / "devices", **more)


def shown(wanted, *lines, sources=()):
    found = decoded_file(wanted, [line.encode() for line in lines], settings(*sources), NOW_MS)
    return [{key: line[key] for key in ("kind", "watch", "refused") if key in line} for line in found]


def test_the_map_of_a_model_says_which_level_of_the_topic_is_the_watch():
    route = ConfiguredSources.of(settings(GATEWAY)).sources.route("iot/AA:BB:CC/w7/data")
    assert (route.watch_id, route.stray, route.profile) == ("w7", None, "gateway")
    phone = {"filter": "atom/g616/status/#", "format": "flat_json", "profile": "g616"}
    configured = ConfiguredSources.of(settings(phone))
    assert configured.sources.route("atom/g616/status/w7/x").watch_id == "w7"
    assert configured.datum_of(configured.sources.route("atom/g616/status/w7"), Datum.WGS84) is Datum.GCJ02


@pytest.mark.parametrize(
    ("source", "said"),
    [({**GATEWAY, "profile": ""}, "needs profile"),
     ({**GATEWAY, "profile": "watch_3g"}, "profile is of format 'watch_3g'"),
     ({**GATEWAY, "filter": "band/+/+/data"}, "is not the topic 'iot/{gateway}/{watch}/data'"),
     ({**GATEWAY, "profile": "gatway"}, "no such file in devices_folder"),
     ({**GATEWAY, "format": "flat"}, "is not known")],
)  # fmt: skip
def test_a_source_that_cannot_work_is_named_at_the_start(source, said):
    with pytest.raises(SettingsError, match=said):
        ConfiguredSources.of(settings(source))


def test_a_fault_in_a_map_is_named_at_the_start_with_its_line(tmp_path):
    (tmp_path / "band.toml").write_text('format = "flat_json"\n[[reading]]\nkind = "heart_rate"\nbmp = "hr"\n')
    with pytest.raises(ProfileError, match=r"band\.toml:4:1: unknown column 'bmp'\n    bmp = \"hr\"\n    \^\n"):
        ConfiguredSources.of(Settings(devices_folder=tmp_path))


@pytest.mark.parametrize(
    ("wanted", "line", "expected"),
    [(Wanted("watch_iw"), "IWAP49,68#", {"kind": "heart_rate", "watch": "unnamed"}),
     (Wanted("watch_iw", "iw/w9/up"), "IWAP49,68#", {"kind": "heart_rate", "watch": "w9"}),
     (Wanted("watch_iw", profile="watch_iw_v3"), IW_ALARM, {"kind": "status", "watch": "unnamed"}),
     (Wanted("watch_iw"), RECORDED, {"kind": "heart_rate", "watch": "w8"}),
     (Wanted("watch_iw"), CAPTURED, {"kind": "heart_rate", "watch": "unnamed"}),
     (Wanted("owntracks"), '{"_type": "lwt", "tid": "JJ", "tst": 1}', {"kind": "status", "watch": "JJ"}),
     (Wanted("owntracks", "owntracks/jane/phone"), '{"_type": "lwt", "tst": 1}', {"kind": "status", "watch": "jane"}),
     (Wanted("flat_json", "iot/g1/w7/data", "gateway"), BAND, {"kind": "heart_rate", "watch": "w7"}),
     (Wanted("flat_json", profile="gateway"), BAND, {"kind": "heart_rate", "watch": "unnamed"}),
     (Wanted("flat_json", "band/w6/sos", "gateway"), "hello", {"kind": "sos", "watch": "w6"})],
)  # fmt: skip
def test_decode_shows_a_payload_of_any_format(wanted, line, expected):
    assert shown(wanted, line)[0] == expected


def test_decode_goes_through_the_sources_of_the_settings():
    strict = {"filter": "hospital/+/ward/+", "format": "watch_iw", "profile": "watch_iw_v3"}
    line = json.dumps({"at": 1, "topic": "hospital/w5/ward/3", "payload": IW_ALARM})
    assert shown(Wanted("watch_iw"), line, sources=[strict]) == [{"kind": "status", "watch": "w5"}]
    assert shown(Wanted("watch_iw", profile="watch_iw"), line, sources=[strict])[0] == {"kind": "fall", "watch": "w5"}
    assert shown(Wanted("flat_json", "iot/AA:BB/w7/data"), BAND, sources=[GATEWAY]) == [
        {"kind": "heart_rate", "watch": "w7"}
    ]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [(Wanted("flat_json"), "say whose with --profile, one of g616, gateway"),
     (Wanted("flat_json", profile="g61"), "did you mean 'g616'"), (Wanted("watch_4g"), "is not known"),
     (Wanted("watch_3g", profile="gateway"), "profile is of format 'flat_json'")],
)  # fmt: skip
def test_decode_says_what_cannot_be_wanted(wanted, said):
    with pytest.raises(SettingsError, match=said):
        shown(wanted, "{}")


def test_decode_shows_places_as_they_are_kept_and_says_which_were_shifted():
    line = b'{"time": "2026-09-21 22:13:20", "location": "114.057868,22.543099"}'
    [shifted] = decoded_file(Wanted("flat_json", profile="g616"), [line], settings(), NOW_MS)
    assert (shifted["datum"], shifted["flags"]) == ("gcj02", ["datum_converted"])
    assert (shifted["lat"], shifted["lon"]) == pytest.approx((22.5458, 114.0528), abs=1e-4)
    place = b'{"_type": "location", "lat": 22.543099, "lon": 114.057868, "tst": 1790000000, "tid": "JJ"}'
    [kept] = decoded_file(Wanted("owntracks"), [place], settings(site={"datum": "gcj02"}), NOW_MS)
    assert ("datum" in kept, "flags" in kept, kept["lat"]) == (False, False, 22.543099), "its profile says wgs84"
