import numpy as np
import pytest

from ingest.datum import wgs84_to_gcj02
from ingest.normalise.pipeline import Origin, normalise
from ingest.reading import Datum, Flag, Kind, Readings

ARRIVAL_MS = 1_760_000_000_000
LAT, LON = 22.543, 114.058


def located(lat, lon, watch_speaks, **more):
    row = {"kind": Kind.LOCATION, "lat": lat, "lon": lon, "raw_time_ms": 0, "arrival_ms": ARRIVAL_MS} | more
    origin = Origin(np.zeros(1, np.int64), np.array([watch_speaks], np.int8))
    found = normalise(Readings.of_rows([row]), origin)
    return {name: found[name][0] for name in ("lat", "lon", "datum", "flags", "time_ms")}


def shifted():
    lat, lon = wgs84_to_gcj02(np.array([LAT]), np.array([LON]))
    return lat[0], lon[0]


@pytest.mark.parametrize(("said", "watch_speaks"), [(Datum.GCJ02, Datum.WGS84), (-1, Datum.GCJ02)])
def test_a_position_in_gcj02_becomes_wgs84(said, watch_speaks):
    found = located(*shifted(), watch_speaks, datum=said)
    assert found["lat"] == pytest.approx(LAT, abs=1e-9)
    assert found["lon"] == pytest.approx(LON, abs=1e-9)
    assert found["datum"] == Datum.GCJ02
    assert found["flags"] & Flag.DATUM_CONVERTED


@pytest.mark.parametrize(("said", "watch_speaks"), [(Datum.WGS84, Datum.GCJ02), (-1, Datum.WGS84)])
def test_a_position_in_wgs84_stays_though_it_lies_in_china(said, watch_speaks):
    found = located(LAT, LON, watch_speaks, datum=said)
    assert (found["lat"], found["lon"], found["datum"]) == (LAT, LON, Datum.WGS84)
    assert not found["flags"] & Flag.DATUM_CONVERTED


def test_clock_and_datum_are_both_put_right():
    found = located(*shifted(), Datum.GCJ02)
    assert found["flags"] == Flag.DATUM_CONVERTED | Flag.CLOCK_REPAIRED
    assert found["time_ms"] == ARRIVAL_MS


def test_readings_without_a_position_pass():
    reading = Readings.of_rows([{"kind": Kind.HEART_RATE, "raw_time_ms": ARRIVAL_MS, "arrival_ms": ARRIVAL_MS}])
    assert normalise(reading, Origin(np.zeros(1, np.int64), np.array([1], np.int8))) is reading
