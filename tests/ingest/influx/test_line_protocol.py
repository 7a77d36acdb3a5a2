"""Readings become lines by WIRE.md section 4."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from ingest.influx.line_protocol import AlertPoint, alert_lines, body, lines, tags_of, times_ns
from ingest.reading import COLUMN, Event, Flag, Kind, Readings, Source
from ingest.watches import Watch
from tests.ingest.log.batches import T0_MS, random_readings

STAMP = f"{T0_MS}000007"
WATCHES = [Watch(0, "W0"), Watch(1, "W1", site="east"), *(Watch(n, f"W{n}") for n in range(2, 9))]
TAGS = tags_of(WATCHES)


def text_of(*rows: dict[str, float], site: str = "") -> str:
    common = {"watch": 0, "time_ms": T0_MS, "arrival_ms": T0_MS + 250, "seq": 7}
    return body(lines(Readings.of_rows([{**common, **row} for row in rows]), tags_of(WATCHES, site))).decode()


def test_a_heart_rate() -> None:
    row = {"kind": Kind.HEART_RATE, "bpm": 72, "quality": 0.97, "steps": 12, "worn": 1, "charging": 0, "battery": 80.5}

    assert text_of(row) == (
        "heart_rate,watch=W0 battery=80.5,worn=true,charging=false,bpm=72,quality=0.97,steps=12i,arrival_s=0.25 "
        f"{T0_MS}000007\n"
    )


def test_a_position_a_fall_an_sos_and_a_status() -> None:
    assert text_of(
        {"kind": Kind.LOCATION, "lat": 22.543096, "lon": -114.057865, "accuracy_m": 12, "source": Source.WIFI},
        {"kind": Kind.FALL, "impact_g": 3.25, "still_s": 40, "cancelled": 0, "flags": Flag.FROM_BACKLOG},
        {"kind": Kind.SOS},
        {"kind": Kind.STATUS, "event": Event.BATTERY_LOW, "steps": 0},
        site="main",
    ).splitlines() == [
        f"fall,watch=W0,site=main flags=32768i,impact_g=3.25,still_s=40,cancelled=false,arrival_s=0.25 {T0_MS}000007",
        f'location,watch=W0,site=main lat=22.543096,lon=-114.057865,accuracy_m=12,source="wifi",arrival_s=0.25 {STAMP}',
        f"sos,watch=W0,site=main arrival_s=0.25 {T0_MS}000007",
        f'status,watch=W0,site=main steps=0i,event="battery_low",arrival_s=0.25 {T0_MS}000007',
    ]


def test_a_watchs_own_site_goes_before_the_default() -> None:
    assert text_of({"kind": Kind.SOS, "watch": 1}, site="main").startswith("sos,watch=W1,site=east ")


def test_a_site_with_spaces_commas_and_line_breaks_stays_one_tag() -> None:
    assert text_of({"kind": Kind.SOS}, site="福田 街道,a=b\nc\\").startswith(r"sos,watch=W0,site=福田\ 街道\,a\=b\ c/ ")


def test_a_column_that_is_not_the_kinds_own_is_not_written() -> None:
    assert "bpm" not in text_of({"kind": Kind.LOCATION, "bpm": 80, "lat": 22, "lon": 114})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_is_left_out(value: float) -> None:
    assert text_of({"kind": Kind.HEART_RATE, "bpm": value, "steps": value}) == (
        f"heart_rate,watch=W0 arrival_s=0.25 {T0_MS}000007\n"
    )


def test_every_float32_and_float64_reads_back_as_the_same_number() -> None:
    rng = np.random.default_rng(4)
    skin = rng.integers(0, 2**32, 2000, dtype=np.uint32).view(np.float32)
    lat = rng.integers(0, 2**64, 2000, dtype=np.uint64).view(np.float64)
    whole = {name: np.zeros(2000, COLUMN[name].dtype) for name in ("watch", "time_ms", "arrival_ms")}
    for name, kind, values in (("skin_c", Kind.HEART_RATE, skin), ("lat", Kind.LOCATION, lat)):
        finite = np.isfinite(values)
        readings = Readings({**whole, "kind": np.full(2000, kind, np.int8), name: values}).take(finite)
        texts = [line.split(f"{name}=")[1].split(",")[0] for line in lines(readings, TAGS).to_pylist()]
        assert np.array([float(text) for text in texts], values.dtype).tobytes() == values[finite].tobytes()


def test_lines_stand_series_by_series_and_then_as_they_came_and_slices_are_whole_lines() -> None:
    readings = random_readings(np.random.default_rng(0), 500)

    made = lines(readings, TAGS)

    keys = [(line.split(" ")[0], int(line.rsplit(" ", 1)[1]) % 1_000_000) for line in made.to_pylist()]
    order = {kind.topic: kind for kind in Kind}
    assert keys == sorted(keys, key=lambda key: (order[key[0].split(",")[0]], key))
    assert sorted(seq for _series, seq in keys) == list(range(1, 501))
    assert b"".join(body(made[start : start + 7]) for start in range(0, 500, 7)) == body(made)
    assert body(made[100:103]).count(b"\n") == 3


def test_a_word_of_a_later_version_is_left_out() -> None:
    assert text_of({"kind": Kind.STATUS, "event": 99, "battery": 50}) == (
        f"status,watch=W0 battery=50,arrival_s=0.25 {STAMP}\n"
    )


def test_no_readings_are_no_lines() -> None:
    assert lines(Readings.empty(), TAGS).equals(pa.array([], pa.string()))
    assert body(lines(Readings.empty(), TAGS)) == b""


def test_two_readings_of_one_millisecond_both_live_with_and_without_seq() -> None:
    rows = [{"kind": Kind.HEART_RATE, "time_ms": T0_MS, "seq": seq, "bpm": bpm} for seq, bpm in ((5, 70), (6, 70))]
    rows += [{"kind": Kind.HEART_RATE, "time_ms": T0_MS, "seq": seq, "bpm": bpm} for seq, bpm in ((0, 70), (-1, 71))]

    assert len(set(times_ns(Readings.of_rows(rows)).tolist())) == 4


def test_a_time_without_seq_depends_on_the_reading_alone() -> None:
    one = {"kind": Kind.HEART_RATE, "time_ms": T0_MS, "bpm": 71.5, "worn": 1}
    other = {"kind": Kind.LOCATION, "time_ms": T0_MS, "lat": 22.5, "lon": 114.0, "seq": 3}
    alone = times_ns(Readings.of_rows([one]))[0]

    assert times_ns(Readings.of_rows([other, one, {**one, "flags": 4, "arrival_ms": 9}]))[1:].tolist() == [alone] * 2
    assert alone == T0_MS * 1_000_000 + 864_813  # for ever: a resend by any later version overwrites this point


def test_seq_beyond_a_million_stays_within_its_millisecond() -> None:
    rows = [{"kind": Kind.SOS, "time_ms": T0_MS, "seq": 4_294_967_295}]

    assert times_ns(Readings.of_rows(rows)).tolist() == [T0_MS * 1_000_000 + 967_295]


def test_an_alert() -> None:
    point = AlertPoint("W1", "east side", "heart rate, high", "emergency", "firing", 'v"2', T0_MS, 3_000_004)

    assert alert_lines([point]) == [
        rb"alert,watch=W1,site=east\ side,rule=heart\ rate\,\ high,severity=emergency "
        rb'state="firing",rule_version="v\"2" ' + f"{T0_MS}000004\n".encode()
    ]
