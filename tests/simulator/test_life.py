"""Ordinary days are plausible and cry no wolf; episodes show what the rules look for; all of it from the seed."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from itertools import pairwise, takewhile

import numpy as np
import pytest

from simulator.episodes import Episode, Scenario
from simulator.life import Begin, LifeItem, Power, Reading, live
from simulator.options import DEMO, EpisodeRates, SimulationOptions
from simulator.town import Resident, build_town

MINUTE_MS = 60_000
DAY_MS = 1440 * MINUTE_MS
LOCAL_MS = 8 * 60 * MINUTE_MS
SOME = 12


def life_of(resident: Resident, options: SimulationOptions, days: float = 1.0) -> list[LifeItem]:
    end_ms = options.start_ms + days * DAY_MS
    return list(takewhile(lambda item: item.time_ms < end_ms, live(resident, options)))


def bytes_of(options: SimulationOptions) -> bytes:
    items = [item for resident in build_town(options).residents for item in life_of(resident, options)]
    return json.dumps([asdict(item) for item in items]).encode()


def heart_rates(items: list[LifeItem]) -> list[Reading]:
    return [item for item in items if isinstance(item, Reading) and item.kind == "heart_rate"]


def hour_of(time_ms: int) -> float:
    return (time_ms + LOCAL_MS) % DAY_MS / (60 * MINUTE_MS)


def at_rest(readings: list[Reading]) -> list[Reading]:
    """As the rules say it: no step in ten minutes, by steps known."""
    found, last_step = [], readings[0].time_ms
    for reading in readings:
        if reading.values["steps"] > 0:
            last_step = reading.time_ms
        if reading.time_ms - last_step >= 10 * MINUTE_MS:
            found.append(reading)
    return found


def runs_at_rest(items: list[LifeItem], *, at_least: float = 0, at_most: float = 999) -> list[tuple[int, int]]:
    """Start and length in ms of each run of rested heart rates in these bounds."""
    runs: list[tuple[int, int]] = []
    start: int | None = None
    before = 0
    readings = heart_rates(items)
    rested = {reading.time_ms for reading in at_rest(readings)}
    for reading in readings:
        bpm = reading.values["bpm"]
        if reading.time_ms in rested and bpm and at_least <= bpm <= at_most:
            start = reading.time_ms if start is None else start
        elif start is not None:
            runs.append((start, before - start))
            start = None
        before = reading.time_ms
    return runs


ORDINARY = SimulationOptions(residents=SOME, seed=3)
EVENTFUL = SimulationOptions(residents=60, seed=3, episodes=DEMO)


def episodes_and_lives(scenario: Scenario) -> list[tuple[Episode, list[LifeItem]]]:
    rates = EpisodeRates(**{scenario.value: 1.0})
    options = SimulationOptions(residents=SOME, seed=11, episodes=rates)
    found = []
    for resident in build_town(options).residents:
        items = life_of(resident, options, 2)
        begun = [item.episode for item in items if isinstance(item, Begin)]
        found += [(episode, items) for episode in begun if episode.end_ms + 10 * MINUTE_MS < items[-1].time_ms]
    assert len(found) >= 5, f"too few of {scenario} to say anything"
    return found


def between(items: list[LifeItem], start_ms: int, end_ms: int) -> list[Reading]:
    return [item for item in items if isinstance(item, Reading) and start_ms <= item.time_ms < end_ms]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    options = SimulationOptions(residents=4, episodes=DEMO)
    assert bytes_of(options) == bytes_of(options)
    assert bytes_of(options) != bytes_of(SimulationOptions(residents=4, seed=8, episodes=DEMO))


def test_residents_live_the_same_life_in_a_larger_town() -> None:
    small, large = SimulationOptions(residents=3), SimulationOptions(residents=30)
    for few, many in zip(build_town(small).residents, build_town(large).residents, strict=False):
        assert life_of(few, small) == life_of(many, large)


def test_a_life_begins_at_the_start_and_is_the_same_from_wherever_it_is_watched() -> None:
    resident = build_town(ORDINARY).residents[0]
    late_start = SimulationOptions(residents=SOME, seed=3, start_ms=ORDINARY.start_ms + 3 * 60 * MINUTE_MS)
    later = [item for item in life_of(resident, ORDINARY, 0.5) if item.time_ms >= late_start.start_ms]
    assert life_of(resident, late_start, 0.375) == later
    assert heart_rates(life_of(resident, ORDINARY))[0].time_ms - ORDINARY.start_ms < MINUTE_MS


@pytest.mark.parametrize("resident", build_town(ORDINARY).residents[:SOME], ids=lambda resident: resident.watch_id)
def test_an_ordinary_day_is_plausible(resident: Resident) -> None:
    items = life_of(resident, ORDINARY, 2)
    readings = heart_rates(items)
    times = [item.time_ms for item in items]
    assert times == sorted(times)
    assert np.diff([reading.time_ms for reading in readings]).tolist() == [MINUTE_MS] * (2 * 1440 - 1)
    worn = [reading for reading in readings if reading.values["worn"]]
    asleep = [r.values["bpm"] for r in worn if 1 <= hour_of(r.time_ms) < 5 and r.values["steps"] == 0]
    afternoon = [r.values["bpm"] for r in worn if 14 <= hour_of(r.time_ms) < 18]
    assert np.mean(asleep) < np.mean(afternoon) - 4
    steps = sum(reading.values["steps"] for reading in readings) / 2
    assert 1_000 <= steps <= 14_000
    assert all(0 <= reading.values["battery"] <= 100 for reading in readings)
    assert max(r.values["bpm"] for r in worn) <= resident.maximal_bpm
    rested = [r.values["bpm"] for r in at_rest(readings) if r.values["worn"] and 9 < hour_of(r.time_ms) < 19]
    assert abs(np.median(rested) - resident.resting_bpm) < 12


def test_ordinary_days_give_no_rule_a_reason() -> None:
    """Rest and 110, awake below 50, two hours off the wrist, a battery at 20 %: none of it, in anybody."""
    for resident in build_town(ORDINARY).residents:
        items = life_of(resident, ORDINARY, 2)
        readings = heart_rates(items)
        worn = [reading for reading in readings if reading.values["worn"]]
        assert max(r.values["bpm"] for r in at_rest(readings) if r.values["worn"]) < 105
        assert min(r.values["bpm"] for r in worn) >= 44
        assert min(r.values["bpm"] for r in worn if 7 <= hour_of(r.time_ms) < 22) >= 51
        unworn = [r.time_ms for r in readings if not r.values["worn"]]
        assert 0 < len(unworn) <= 2 * 75
        assert min(r.values["battery"] for r in readings) > 25
        assert not any(isinstance(item, Begin | Power) for item in items)


def test_a_heart_has_come_down_ten_minutes_after_a_walk() -> None:
    above_usual = []
    for resident in build_town(ORDINARY).residents:
        readings = heart_rates(life_of(resident, ORDINARY, 2))
        rested = [
            reading for reading in at_rest(readings) if reading.values["worn"] and 9 < hour_of(reading.time_ms) < 19
        ]
        usual = np.median([reading.values["bpm"] for reading in rested])
        for now, at in enumerate(readings):
            walked = now >= 40 and all(r.values["steps"] > 60 for r in readings[now - 30 : now - 10])
            if walked and at in rested and at.time_ms - readings[now - 10].time_ms == 10 * MINUTE_MS:
                above_usual.append(at.values["bpm"] - usual)
    assert len(above_usual) > 3
    assert np.mean(above_usual) < 4


def test_a_watch_on_the_table_says_so_in_every_way() -> None:
    items = life_of(build_town(ORDINARY).residents[1], ORDINARY)
    for reading in heart_rates(items):
        assert reading.values["worn"] == (reading.values["bpm"] > 0)
    events = [item.values["event"] for item in items if isinstance(item, Reading) and item.kind == "status"]
    assert sorted(events) == ["charged", "charging", "removed", "worn"]


def test_walks_leave_home_and_come_back_with_fixes_as_good_as_they_say() -> None:
    furthest, off_by = [], []
    for resident in build_town(ORDINARY).residents:
        for reading in life_of(resident, ORDINARY):
            if isinstance(reading, Reading) and reading.kind == "location":
                north = (reading.values["lat"] - resident.home_lat) * 111_320
                east = (reading.values["lon"] - resident.home_lon) * 111_320 * np.cos(np.radians(resident.home_lat))
                distance = float(np.hypot(north, east))
                if reading.values["source"] == "wifi":
                    off_by.append(distance <= reading.values["accuracy_m"])
                    assert not distance - reading.values["accuracy_m"] > resident.home_radius_m
                else:
                    furthest.append(distance)
    assert 0.6 < np.mean(off_by) < 0.76
    assert 300 < max(furthest) < 1_500


def test_a_fast_heart_at_rest_lasts_long_enough_to_be_an_emergency_in_time() -> None:
    for episode, items in episodes_and_lives(Scenario.HEART_RATE_HIGH):
        due_ms = episode.start_ms + episode.facts.within_s * 1000
        start, length = next(run for run in runs_at_rest(items, at_least=131) if run[0] >= episode.start_ms)
        assert start + 2 * MINUTE_MS <= due_ms
        assert length >= 4 * MINUTE_MS
        assert min(r.values["bpm"] for r in heart_rates(items) if start <= r.time_ms <= start + length) >= 137


def test_a_slow_heart_at_rest_lasts_long_enough_to_be_an_emergency_in_time() -> None:
    for episode, items in episodes_and_lives(Scenario.HEART_RATE_LOW):
        start, length = next(run for run in runs_at_rest(items, at_most=40) if run[0] >= episode.start_ms)
        assert length >= 5 * MINUTE_MS
        assert start + 5 * MINUTE_MS <= episode.start_ms + episode.facts.within_s * 1000


def test_a_heart_is_out_of_order_only_in_its_episodes() -> None:
    for resident in build_town(EVENTFUL).residents:
        items = life_of(resident, EVENTFUL)
        hearts = [
            item.episode
            for item in items
            if isinstance(item, Begin) and item.episode.scenario in {Scenario.HEART_RATE_HIGH, Scenario.HEART_RATE_LOW}
        ]
        for start, _ in runs_at_rest(items, at_least=110) + runs_at_rest(items, at_most=49):
            if 7 <= hour_of(start) < 22:
                assert any(e.start_ms <= start <= e.end_ms + 2 * MINUTE_MS for e in hearts)


def test_falls_are_sure_or_waited_for_or_called_off_in_time() -> None:
    for episode, items in episodes_and_lives(Scenario.FALL_SURE):
        (fall,) = [r for r in between(items, episode.start_ms, episode.end_ms) if r.kind == "fall"]
        assert fall.time_ms == episode.start_ms
        assert fall.values["confidence"] >= 0.9
    for episode, items in episodes_and_lives(Scenario.FALL_WAITED):
        (fall,) = [r for r in between(items, episode.start_ms, episode.end_ms) if r.kind == "fall"]
        assert fall.values["confidence"] < 0.9
        assert "cancelled" not in fall.values
        lying = between(items, episode.start_ms + MINUTE_MS, episode.end_ms)
        assert not any(r.values.get("steps") for r in lying)
    for episode, items in episodes_and_lives(Scenario.FALL_CALLED_OFF):
        fall, off = [r for r in between(items, episode.start_ms, episode.end_ms) if r.kind == "fall"]
        assert fall.values["confidence"] < 0.9
        assert off.values["cancelled"] is True
        assert off.time_ms - fall.time_ms <= 20_000
        assert not episode.facts.must_alert


def test_a_silent_watch_measures_nothing_and_one_switched_off_says_so_first() -> None:
    for scenario, last in ((Scenario.SILENT, None), (Scenario.POWERED_OFF, "power_off")):
        for episode, items in episodes_and_lives(scenario):
            assert between(items, episode.start_ms, episode.end_ms) == []
            powers = [p for p in items if isinstance(p, Power) and p.time_ms in {episode.start_ms, episode.end_ms}]
            assert [(p.on, p.orderly) for p in powers[:1]] == [(False, last is not None)]
            before = between(items, episode.start_ms - MINUTE_MS, episode.start_ms)[-1]
            assert before.values.get("event") == last


def test_taken_off_for_two_hours_must_alert_and_for_less_must_not() -> None:
    for scenario in (Scenario.REMOVED, Scenario.REMOVED_BRIEFLY):
        for episode, items in episodes_and_lives(scenario):
            unworn = 0
            for reading in heart_rates(items):
                if reading.time_ms >= episode.start_ms + MINUTE_MS:
                    if reading.values["worn"]:
                        break
                    unworn += 1
            assert (unworn > 125) == episode.facts.must_alert


def test_episodes_of_one_person_do_not_touch() -> None:
    by_watch = defaultdict(list)
    for resident in build_town(EVENTFUL).residents:
        for item in life_of(resident, EVENTFUL, 3):
            if isinstance(item, Begin):
                by_watch[item.episode.watch].append(item.episode)
    assert sum(len(episodes) for episodes in by_watch.values()) > 60
    for episodes in by_watch.values():
        for one, other in pairwise(episodes):
            assert other.start_ms - one.end_ms >= 30 * MINUTE_MS
