"""Cases small enough to be judged by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from simulator.alerts_file import Alert, read_alerts
from simulator.episodes import FACTS, Episode, Scenario
from simulator.faults import DeadZone
from simulator.options import SimulationOptions
from simulator.score import score, what_of_rule
from simulator.town import build_town
from simulator.truth import Truth, read_truth, truth_of, truth_of_dead_zone, write_truth

if TYPE_CHECKING:
    from pathlib import Path

MINUTE = 60_000


def truth(name: str = "e1", what: str = "fall", start: int = 10 * MINUTE, **more: Any) -> Truth:
    given = {
        "resident": 0,
        "watch": "w1",
        "end": start + 10 * MINUTE,
        "must_alert": True,
        "severity": "emergency",
        "within_s": 60,
    }
    return Truth(episode=name, what=what, start=start, **{**given, **more})


def alert(rule: str = "fall", started: int = 10 * MINUTE, after_s: int = 5, **more: Any) -> Alert:
    given = {"watch": "w1", "severity": "emergency", "fired": started + after_s * 1000}
    return Alert(rule=rule, started=started, **{**given, **more})


def test_an_alert_in_time_is_right() -> None:
    result = score([truth()], [alert()])
    assert (result.emergencies, result.emergencies_alerted, result.emergencies_missed) == (1, 1, 0)
    assert result.false_emergencies == 0
    (rule,), (episode,) = result.rules, result.episodes
    assert (rule.rule, rule.fired, rule.right, rule.wrong, rule.precision) == ("fall", 1, 1, 0, 1.0)
    assert (episode.recall, episode.late, episode.delay_s_p50, episode.delay_s_worst) == (1.0, (), 5.0, 5.0)


def test_a_late_alert_is_found_and_named_as_late() -> None:
    (episode,) = score([truth()], [alert(after_s=61)]).episodes
    assert (episode.recall, episode.late, episode.missed) == (1.0, ("e1",), ())


@pytest.mark.parametrize(
    "wrong",
    [
        alert(watch="w2"),
        alert(rule="sos"),
        alert(started=10 * MINUTE - 91_000),
        alert(started=20 * MINUTE + 61_000),
    ],
    ids=["another watch", "another trouble", "long before", "long after"],
)
def test_an_alert_of_something_else_is_false_and_the_episode_missed(wrong: Alert) -> None:
    result = score([truth()], [wrong])
    assert result.emergencies_missed == 1
    assert result.false_emergencies == 1
    assert result.episodes[0].missed == ("e1",)
    assert result.rules[0].precision == 0.0


def test_a_warning_does_not_count_as_the_alert_of_an_emergency_nor_as_wrong() -> None:
    result = score([truth()], [alert(severity="warning")])
    assert result.emergencies_missed == 1
    assert result.rules[0].wrong == 0


def test_an_alert_of_a_fall_that_was_called_off_is_a_false_emergency() -> None:
    result = score([truth(must_alert=False)], [alert()], resident_days=50.0)
    assert (result.emergencies, result.false_emergencies) == (0, 1)
    assert result.false_emergencies_per_100_resident_days == 2.0


def test_of_a_called_off_and_a_real_fall_close_together_the_alert_speaks_of_the_real_one() -> None:
    off = truth("off", must_alert=False, start=9 * MINUTE)
    assert score([off, truth()], [alert()]).false_emergencies == 0


def test_an_episode_not_due_when_watching_ended_is_asked_of_nobody() -> None:
    asked_late = truth()
    assert score([asked_late], [], ended_ms=asked_late.due_ms).emergencies_missed == 1
    result = score([asked_late], [], ended_ms=asked_late.due_ms - 1)
    assert (result.emergencies, result.emergencies_missed) == (0, 0)
    assert score([asked_late], [alert()], ended_ms=asked_late.due_ms - 1).false_emergencies == 0


def test_two_alerts_of_one_episode_count_once_and_the_first_tells_the_time() -> None:
    (episode,) = score([truth()], [alert(after_s=40), alert(rule="fall_then_no_movement", after_s=9)]).episodes
    assert (episode.alerted, episode.delay_s_worst) == (1, 9.0)


def test_a_rule_that_the_truth_knows_nothing_of_is_not_judged() -> None:
    result = score([], [alert(rule="no_morning_activity", severity="notice")])
    assert (result.rules, result.not_judged) == ((), {"no_morning_activity": 1})
    assert json.loads(result.as_json())["not_judged"] == {"no_morning_activity": 1}


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("sos", "sos"),
        ("fall_then_no_movement", "fall"),
        ("heart_rate_very_high_at_rest", "heart_rate_high"),
        ("heart_rate_low_awake", "heart_rate_low"),
        ("not_worn_by_day", "removed"),
        ("silent", "silent"),
        ("battery_low", "battery_flat"),
        ("unknown", None),
    ],
)
def test_rules_are_known_by_their_names(rule: str, what: str | None) -> None:
    assert what_of_rule(rule) == what


@pytest.mark.parametrize("scenario", list(Scenario))
def test_the_truth_file_has_a_line_for_each_episode_as_the_wire_has_it(scenario: Scenario, tmp_path: Path) -> None:
    later = Episode("w0001-1", 0, "w0001", scenario, 5_000, 9_000)
    sooner = Episode("w0002-1", 1, "w0002", scenario, 1_000, 9_000)
    path = tmp_path / "truth.jsonl"
    write_truth(path, [truth_of(later), truth_of(sooner)])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["episode"] for line in lines] == ["w0002-1", "w0001-1"]
    fields = "episode resident watch what start end must_alert severity within_s why_hard"
    assert list(lines[0]) == fields.split()
    assert list(read_truth(path)) == [truth_of(sooner), truth_of(later)]
    assert FACTS[scenario].must_alert or FACTS[scenario].why_hard


def test_a_dead_zone_is_a_silence_when_it_is_long_enough() -> None:
    (resident,) = build_town(SimulationOptions(residents=1)).residents
    long = truth_of_dead_zone(DeadZone(0, 40 * MINUTE), resident)
    short = truth_of_dead_zone(DeadZone(0, 20 * MINUTE), resident)
    assert (long.what, long.must_alert, short.must_alert) == ("silent", True, False)


def test_a_broken_line_is_named_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    good = '{"watch": "w1", "rule": "sos", "severity": "emergency", "started": 1, "fired": 2, "resolved": null}'
    path.write_text(f"{good}\n\n{good.replace('emergency', 'grave')}\n")
    with pytest.raises(ValueError, match=r"alerts\.jsonl:3: not an alert.*grave"):
        list(read_alerts(path))
    with pytest.raises(ValueError, match=r"alerts\.jsonl:1: not a line of truth"):
        list(read_truth(path))
