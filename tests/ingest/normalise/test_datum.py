import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.datum import gcj02_to_wgs84, wgs84_to_gcj02

METRES_PER_DEGREE = 111_320.0


def metres(lat_a, lon_a, lat_b, lon_b):
    north = (lat_a - lat_b) * METRES_PER_DEGREE
    east = (lon_a - lon_b) * METRES_PER_DEGREE * np.cos(np.radians(lat_a))
    return np.hypot(north, east)


def at(lat, lon):
    return np.array([lat]), np.array([lon])


def test_the_datums_lie_606_m_apart_at_shenzhen():
    lat, lon = at(22.543, 114.058)
    assert metres(lat, lon, *wgs84_to_gcj02(lat, lon))[0] == pytest.approx(606, abs=3)


@given(lat=st.floats(18.0, 53.5), lon=st.floats(73.5, 134.8))
def test_the_inverse_is_exact_to_a_micrometre(lat, lon):
    lat, lon = at(lat, lon)
    there = wgs84_to_gcj02(lat, lon)
    assert metres(lat, lon, *gcj02_to_wgs84(*there))[0] < 1e-6


def test_outside_the_shifted_box_positions_stay():
    lat, lon = at(48.8566, 2.3522)
    assert wgs84_to_gcj02(lat, lon) == (lat, lon)
    assert gcj02_to_wgs84(lat, lon) == (lat, lon)


def test_an_unknown_position_stays_unknown():
    lat, lon = gcj02_to_wgs84(np.array([np.nan, 22.5]), np.array([114.0, np.nan]))
    assert np.isnan(lat[0])
    assert np.isnan(lon[1])
