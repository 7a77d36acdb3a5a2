"""What /healthz says of ingest: what is wrong, since when, and what to do."""

from __future__ import annotations

from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from carewatch.roles.ingest_problems import HOUR_MS, MINUTE_MS, IngestProblems
from ingest.log.room import MB, Room, RoomState
from ingest.log.sqlite import SqliteLog
from ingest.mqtt.link import Link, LinkState
from ingest.mqtt.outcomes import Trouble
from ingest.pipeline import LogTrouble
from ingest.prepare import MOST_UNKNOWN
from ingest.tally import Tally
from ingest.watches import Watch, Watches

NOW_MS = 1_790_000_000_000
DAY_MS = 86_400_000


@pytest.fixture
def parts() -> Any:
    up = LinkState(Link.UP, 0, connection=1)
    ingest = SimpleNamespace(links=[up, up], tally=Tally(), trouble=LogTrouble())
    watches = Watches([Watch(0, "w0"), Watch(1, "w1"), Watch(2, "w2")])
    reading_log = SimpleNamespace(cap=SimpleNamespace(over=0))
    aging = SimpleNamespace(refused="", damaged="")
    room = SimpleNamespace(state=RoomState())
    return SimpleNamespace(ingest=ingest, watches=watches, reading_log=reading_log, aging=aging, room=room)


def told(problems: IngestProblems, now_ms: int = NOW_MS) -> list[tuple[str, str, int]]:
    return [(one.part, one.what, one.since_ms) for one in problems.found(None, now_ms)]


def test_nothing_is_wrong(parts):
    assert told(IngestProblems(parts)) == []


def test_a_refused_subscription_is_told_apart_from_no_link(parts):
    partly = LinkState(Link.PARTIAL, NOW_MS * 1_000_000, Trouble.SUBSCRIPTION_REFUSED, "3g/+/up", 1)
    parts.ingest.links[1] = partly
    [problem] = IngestProblems(parts).found(None, NOW_MS)
    assert problem.what == "not all readings are heard: the broker refuses a subscription 3g/+/up"
    assert "ACL" in problem.remedy
    assert problem.is_grave


def test_lost_readings_are_told_while_they_rise_and_for_an_hour(parts):
    parts.ingest.tally.lost = 70
    problems = IngestProblems(parts)
    assert told(problems) == [], "what was lost before we looked is no news"
    parts.ingest.tally.lost = 73
    assert [part for part, *_ in told(problems, NOW_MS + 1000)] == ["lost"]
    parts.ingest.tally.lost = 75
    [(part, what, since_ms)] = told(problems, NOW_MS + MINUTE_MS)
    assert (part, since_ms) == ("lost", NOW_MS + 1000)
    assert what.startswith("5 readings were given up")
    [(_, what, _)] = told(problems, NOW_MS + 1000 + HOUR_MS)
    assert what.startswith("2 readings were given up")
    assert told(problems, NOW_MS + MINUTE_MS + HOUR_MS) == []


def test_two_watches_of_one_id_are_named_for_an_hour(parts):
    parts.ingest.tally.two_senders = {2: NOW_MS, 0: NOW_MS - MINUTE_MS}
    problems = IngestProblems(parts)
    [(part, what, since_ms)] = told(problems)
    assert (part, what, since_ms) == ("watches", "two watches seem to share an id: w0, w2", NOW_MS - MINUTE_MS)
    [(_, what, _)] = told(problems, NOW_MS + HOUR_MS - MINUTE_MS)
    assert what == "two watches seem to share an id: w2"
    assert told(problems, NOW_MS + HOUR_MS) == []


def test_a_full_registry_of_strangers_is_told(parts):
    parts.watches.provisional = MOST_UNKNOWN
    problems = IngestProblems(parts)
    [(part, what, since_ms)] = told(problems)
    assert (part, since_ms) == ("watches", NOW_MS)
    assert what.startswith("10000 watches that nobody registered")
    assert told(problems, NOW_MS + 5)[0][2] == NOW_MS


def test_a_consumer_that_stands_still_for_a_week_is_named_with_its_file(parts, tmp_path):
    with closing(SqliteLog(tmp_path / "readings.sqlite")) as log:
        parts.reading_log = log
        problems = IngestProblems(parts)
        log.tick(NOW_MS)
        log.keep_place("influx", 1)
        log.tick(NOW_MS + DAY_MS)
        log.tick(NOW_MS + 8 * DAY_MS)
        problems.look(NOW_MS + 8 * DAY_MS)
        assert told(problems) == [], "seven days and not more"
        log.tick(NOW_MS + 8 * DAY_MS + 1)
        problems.look(NOW_MS + 8 * DAY_MS + 1000)
        assert told(problems) == [], "it is looked at each minute"
        problems.look(NOW_MS + 8 * DAY_MS + MINUTE_MS)
        [problem] = problems.found(None, NOW_MS)
        assert (problem.part, problem.what, problem.since_ms) == (
            "consumer",
            "influx has 3 records before it, 7 days",
            NOW_MS + DAY_MS,
        )
        assert f"delete {log.path}.place.influx" in problem.remedy
        log.keep_place("influx", log.end())
        problems.look(NOW_MS + 9 * DAY_MS)
        assert told(problems) == []


def test_a_disk_that_fills_is_told_and_shedding_is_grave(parts):
    problems = IngestProblems(parts)
    parts.room.state = RoomState(Room.LOW, 1500 * MB, NOW_MS - 9, has_ballast=True)
    [low] = problems.found(None, NOW_MS)
    assert (low.part, low.is_grave, low.since_ms) == ("disk", False, NOW_MS - 9)
    assert low.what == "1500 MB free on the log's disk, less than log.warn_free_mb"
    parts.room.state = RoomState(Room.SHEDDING, 300 * MB, NOW_MS - 5, has_ballast=True)
    [shedding] = problems.found(None, NOW_MS)
    assert (shedding.is_grave, shedding.since_ms) == (True, NOW_MS - 5)
    assert shedding.what == "300 MB free: readings are shed, only emergencies are kept"
    parts.room.state = RoomState(Room.SHEDDING, 0, NOW_MS - 5, has_ballast=False)
    [empty] = problems.found(None, NOW_MS)
    assert empty.what.endswith("; the ballast for them is used up")


def test_a_full_quarantine_is_told_while_it_turns_messages_away(parts):
    problems = IngestProblems(parts)
    assert told(problems) == []
    parts.reading_log.cap.over = 12
    [(part, what, since_ms)] = told(problems, NOW_MS + 1)
    assert (part, since_ms) == ("quarantine", NOW_MS + 1)
    assert what.startswith("quarantine is full: 12 messages")
    assert told(problems, NOW_MS + 1 + HOUR_MS) == []


def test_merging_that_fails_or_meets_damage_is_told_since_it_began(parts):
    problems = IngestProblems(parts)
    parts.aging.refused = "no room"
    assert told(problems, NOW_MS) == [("merging", "old records are not merged, so the log grows: no room", NOW_MS)]
    assert [since_ms for *_, since_ms in told(problems, NOW_MS + 5000)] == [NOW_MS]
    parts.aging.refused, parts.aging.damaged = "", "record 7"
    assert told(problems, NOW_MS + 9000) == [
        ("merging", "a record is damaged and left as it is: record 7", NOW_MS + 9000)
    ]


def test_a_place_that_cannot_be_read_is_told_and_the_rest_is_told_all_the_same(parts, tmp_path):
    with closing(SqliteLog(tmp_path / "readings.sqlite")) as log:
        parts.reading_log = log
        problems = IngestProblems(parts)
        place = log.path.with_name("readings.sqlite.place.influx")
        place.write_text("nonsense", encoding="ascii")
        parts.aging.refused = "no room"
        problems.look(NOW_MS)
        merging, consumer = told(problems)
        assert merging[0] == "merging"
        assert consumer[0] == "consumer"
        assert "holds no offset. Delete it" in consumer[1]
        place.unlink()
        problems.look(NOW_MS + 1)
        assert [part for part, *_ in told(problems)] == ["merging"]
