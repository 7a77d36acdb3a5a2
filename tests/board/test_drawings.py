"""The plot of heart rate and the map: gaps stay gaps, places are where they are."""

import numpy as np
import pytest

from board import heart_plot, place_map
from board.recent import RecentReadings
from board.who import surname
from tests.board.conftest import NOW_NS
from tests.board.evening import heart, walk
from tests.board.scene import Resident

NOW_MS = NOW_NS // 1_000_000
MIN_MS = 60_000


def plot(minutes_ago, bpm, limits=(), run=None):
    times = NOW_MS - np.array(minutes_ago, np.int64) * MIN_MS
    return heart_plot.draw(times, np.array(bpm, np.float32), NOW_MS, limits, run)


def test_a_gap_is_never_joined():
    drawn = plot([50, 49, 48, 30, 29, 10], [70, 71, 72, 80, 81, 90])
    assert [len(line.split()) for line in drawn.lines] == [3, 2]
    assert len(drawn.dots) == 1


def test_a_watch_that_measures_seldom_has_wider_gaps():
    drawn = plot(range(60, 0, -10), [70] * 6)
    assert len(drawn.lines) == 1


def test_the_limit_and_the_run_are_where_they_belong():
    drawn = plot([60, 15, 0], [72, 137, 139], (131.0,), (NOW_MS - 15 * MIN_MS, NOW_MS))
    assert drawn.limits[0].text == "131"
    levels = {level.text: level.at for level in drawn.levels}
    assert levels["160"] < drawn.limits[0].at < levels["120"]
    left, width = drawn.shade
    assert left + width == pytest.approx(drawn.right)
    assert width == pytest.approx((drawn.right - drawn.left) / 4, abs=0.2)
    assert drawn.last == (
        drawn.right,
        pytest.approx(levels["160"] + (160 - 139) / 40 * (levels["120"] - levels["160"]), abs=0.3),
        "139",
    )


def test_no_reading_no_last():
    drawn = plot([], [])
    assert (drawn.lines, drawn.dots, drawn.last) == ((), (), None)


def test_extreme_values_stay_in_the_picture():
    drawn = plot([2, 1], [22, 290])
    ys = [float(point.split(",")[1]) for point in drawn.lines[0].split()]
    assert all(drawn.top <= y <= drawn.bottom for y in ys)


HOME = (22.5551, 114.0593)


def test_distance_and_direction_from_home():
    north_m, east_m = 100.0, -100.0
    lat = np.array([HOME[0], HOME[0] + north_m / 111_320])
    lon = np.array([HOME[1], HOME[1] + east_m / (111_320 * np.cos(np.radians(HOME[0])))])
    drawn = place_map.draw(lat, lon, 25.0, HOME, 150.0)
    assert drawn.away_m == pytest.approx(141.4, abs=0.5)
    assert drawn.here[0] < drawn.home[0]  # west is left
    assert drawn.here[1] < drawn.home[1]  # north is up
    per_m = drawn.scale / drawn.scale_m
    assert drawn.fence == pytest.approx(150 * per_m, abs=0.2)
    assert drawn.accuracy == pytest.approx(25 * per_m, abs=0.2)


@pytest.mark.parametrize("away_m", [5, 140, 1_400, 60_000])
def test_whatever_the_distance_it_is_in_the_picture(away_m):
    lat = np.array([HOME[0], HOME[0] - away_m / 111_320])
    drawn = place_map.draw(lat, np.array([HOME[1]] * 2), float("nan"), HOME, 150.0)
    assert 0 <= drawn.here[0] <= drawn.width
    assert 0 <= drawn.here[1] <= drawn.height
    assert 20 <= drawn.scale <= drawn.width / 4


def test_blurred_there_is_no_track_and_the_place_is_coarse():
    lat = np.array([HOME[0], HOME[0] + 130 / 111_320])
    drawn = place_map.draw(lat, np.array([HOME[1]] * 2), 10.0, HOME, 150.0, blur_m=100.0)
    assert drawn.tracks == ()
    assert drawn.away_m == pytest.approx(100)
    assert drawn.accuracy == pytest.approx(100 * drawn.scale / drawn.scale_m, abs=0.2)


def test_no_position_no_map():
    nothing = np.array([], np.float64)
    assert place_map.draw(nothing, nothing, 1.0, HOME, 150.0) is None


def test_only_this_watch_and_only_the_last_hours_and_what_is_new(scene):
    scene.lives(Resident("w1", "甲", 1940, "", ""))
    scene.lives(Resident("w2", "乙", 1940, "", ""))
    scene.says("w1", heart(NOW_MS - 3 * 60 * MIN_MS, 1, 60))
    scene.says("w1", heart(NOW_MS, 1, 70))
    scene.says("w2", heart(NOW_MS, 2, 120))
    scene.says("w1", walk(NOW_MS, HOME, 140))
    recent = RecentReadings(scene.log)
    first = recent.of(0, NOW_MS)
    assert first.bpm.max() < 85
    assert NOW_MS - 60 * MIN_MS < first.heart_ms.min() <= first.heart_ms.max() == NOW_MS
    assert len(first.lat) == 23
    scene.says("w1", [{"kind": 0, "time_ms": NOW_MS + 1000, "bpm": 99}])
    again = recent.of(0, NOW_MS + 1000)
    assert again.bpm[-1] == 99
    assert len(again.bpm) <= len(first.bpm) + 1


def test_a_link_tells_the_surname_only():
    assert surname("何炳坤") == "何**"
    assert surname("He Bingkun") == "B***"
    assert surname("") == ""
