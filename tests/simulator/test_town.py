from __future__ import annotations

import csv
import io

import phonenumbers
import pytest

from simulator.datum import wgs84_to_gcj02
from simulator.faults import DeadZone, Faults
from simulator.options import EpisodeRates, SimulationOptions, morning_of
from simulator.town import build_town, residents_csv


def test_the_residents_file_has_a_reachable_row_for_each_watch() -> None:
    options = SimulationOptions(residents=50)
    rows = list(csv.DictReader(io.StringIO(residents_csv(build_town(options), options))))
    assert [row["watch_id"] for row in rows] == [f"w{n:04d}" for n in range(1, 51)]
    for row in rows:
        for phone in (row["phone"], row["contact_phone"]):
            assert phonenumbers.is_valid_number(phonenumbers.parse(phone))
        assert 65 <= 2026 - int(row["born"]) <= 95
        assert abs(float(row["latitude"]) - 22.54) < 0.03
    assert len({row["phone"] for row in rows}) == 50


def test_homes_are_told_in_the_datum_of_the_watches() -> None:
    homes = {}
    for datum in ("wgs84", "gcj02"):
        options = SimulationOptions(residents=1, datum=datum)
        (row,) = csv.DictReader(io.StringIO(residents_csv(build_town(options), options)))
        assert row["datum"] == datum
        homes[datum] = (float(row["latitude"]), float(row["longitude"]))
    north_m = (homes["gcj02"][0] - homes["wgs84"][0]) * 111_320
    east_m = (homes["gcj02"][1] - homes["wgs84"][1]) * 102_800
    assert 550 < (north_m**2 + east_m**2) ** 0.5 < 660


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [  # the published test points of eviltransform
        ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
        ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
        ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
    ],
)
def test_gcj02_agrees_with_the_published_points(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    assert wgs84_to_gcj02(*wgs84) == pytest.approx(gcj02, abs=1e-9)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda: SimulationOptions(residents=0), "residents: 0"),
        (lambda: SimulationOptions(seed=-1), "seed: -1"),
        (lambda: SimulationOptions(residents=3, connections=4), "connections: 4"),
        (lambda: SimulationOptions(capacity=0), "capacity: 0"),
        (lambda: SimulationOptions(settle_s=-1), "settle_s: -1"),
        (lambda: EpisodeRates(sos=11), "sos: 11"),
        (lambda: Faults(drop_pct=101), "drop_pct: 101"),
        (lambda: Faults(delay_ms=-5), "delay_ms: -5"),
        (lambda: DeadZone(start_ms=5, end_ms=5), "end_ms 5"),
    ],
)
def test_an_impossible_option_is_named_with_its_value(wrong, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        wrong()


def test_the_morning_of_an_evening_is_the_same_local_day() -> None:
    evening_ms = 1_772_409_600_000 + 13 * 3_600_000  # 21:00 in Shenzhen, 13:00 UTC
    assert morning_of(evening_ms) == 1_772_409_600_000
    assert morning_of(evening_ms, hour=9) == 1_772_409_600_000 + 3_600_000
