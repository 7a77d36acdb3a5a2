"""Rules and people change while alerts run: each version holds from a record on, for ever."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from alerts.adopt import adopt_settings
from alerts.catch_up import PipelineError
from alerts.engine.contract import SettingsDocument
from alerts.judge import NUMPY_ENGINE, Judge, NoSettingsError
from alerts.people.residents import import_residents
from alerts.pipeline import PipelineOptions
from alerts.rules.problems import RuleError
from alerts.store.settings_versions import all_versions
from alerts.store.tables import alert, settings_version
from ingest.log.contract import Batch
from ingest.log.sqlite import SqliteLog
from ingest.reading import Readings
from tests.alerts.duty_office import RESIDENTS, START_NS
from tests.alerts.pipeline.watched_home import RULES, START_MS, Alerts, Home, contents

ONE_MINUTE_FALL = RULES.replace('wait = "30 s"', 'wait = "60 s"')


def versions(alerts):
    with alerts.store.reading() as connection:
        return all_versions(connection)


def adopt(alerts, rules):
    return adopt_settings(alerts.store, rules, "Asia/Shanghai", alerts.watches, START_NS)


def fired(alerts):
    with alerts.store.reading() as connection:
        return [(row.rule, (row.fired_ms - START_MS) / 1000) for row in connection.execute(select(alert))]


def test_the_same_settings_again_are_no_new_version(alerts):
    adopt(alerts, RULES)
    assert [document.version for document in versions(alerts)] == [1]


def test_wrong_rules_are_refused_and_the_old_ones_hold(alerts):
    with pytest.raises(RuleError):
        adopt(alerts, RULES.replace("on_sos", "on_soss"))
    assert [document.rules_toml for document in versions(alerts)] == [RULES]


def test_new_rules_hold_from_the_next_record_on(home, alerts):
    home.ticks(0, 3)
    alerts.work()
    adopted = adopt(alerts, ONE_MINUTE_FALL)
    assert adopted.from_offset == alerts.pipeline.health.place.offset
    home.falls(4)
    home.ticks(5, 70)
    alerts.work()
    assert fired(alerts) == [("fall", 64.0)]


def test_rules_that_came_while_records_were_judged_hold_after_them(home, alerts, monkeypatch):
    home.falls(1)
    home.ticks(2, 40)
    write = alerts.pipeline._write

    def change_then_write() -> None:
        adopt(alerts, ONE_MINUTE_FALL)
        write()

    monkeypatch.setattr(alerts.pipeline, "_write", change_then_write)
    alerts.pipeline.catch_up()
    alerts.pipeline.step(home.log.read(0, 10))
    monkeypatch.undo()
    newest = versions(alerts)[-1]
    assert newest.rules_toml == ONE_MINUTE_FALL
    assert newest.from_offset == 10


def test_a_restart_meets_each_version_where_it_held(tmp_path, home):
    alerts = Alerts(tmp_path, home, PipelineOptions(snapshot_records=15))
    home.falls(1)
    home.ticks(2, 20)
    alerts.work()
    adopt(alerts, ONE_MINUTE_FALL)
    home.falls(25, watch=1)
    home.ticks(26, 50)
    alerts.work()
    alerts.die()
    again = Alerts(tmp_path, home)
    adopt(again, ONE_MINUTE_FALL)
    home.ticks(50, 100)
    again.work()
    assert sorted(fired(again)) == [("fall", 31.0), ("fall", 85.0)]
    again.die()


def test_a_watch_that_speaks_for_the_first_time_brings_its_wearers_limits(home, alerts):
    assert versions(alerts)[-1].people == {}
    home.heart(1, 70)
    home.ticks(2, 15)
    alerts.work()
    newest = versions(alerts)[-1]
    assert newest.people[0].home_lat == 22.55
    assert newest.from_offset > 0


def test_an_import_while_running_reaches_the_engine(home, alerts):
    home.heart(1, 70)
    alerts.work()
    head, first, *_ = RESIDENTS.splitlines()
    import_residents(alerts.store, f"{head},hr_very_high\n{first},125\n".encode(), START_NS)
    alerts.pipeline.people_changed()
    home.ticks(2, 4)
    alerts.work()
    assert versions(alerts)[-1].people[0].limits == {"hr_very_high": 125.0}


def test_a_log_that_ends_before_the_stores_place_is_another_log(tmp_path, home, alerts):
    home.ticks(0, 5)
    alerts.work()
    (tmp_path / "other").mkdir()
    other = SqliteLog(tmp_path / "other" / "readings.sqlite")
    other.append(Batch(Readings.empty(), START_MS))
    alerts.pipeline._reader = other
    with pytest.raises(PipelineError, match="the log ends at record 1, and the store has met 5 records"):
        alerts.pipeline.catch_up()
    other.close()


def test_a_store_without_rules_says_so(home, alerts):
    home.ticks(0, 2)
    with alerts.store.transaction() as connection:
        connection.execute(settings_version.delete())
    alerts.pipeline.catch_up()
    with pytest.raises(NoSettingsError, match="carewatch rules check"):
        alerts.pipeline.step(home.log.read(0, 1))


def test_a_record_that_cannot_be_judged_keeps_no_alert_back_that_came_before(home, alerts, monkeypatch):
    home.sos(1)
    home.ticks(2, 4)
    alerts.pipeline.catch_up()
    judge = alerts.pipeline._judge.judge

    def out_of_memory_at_two(record):
        if record.offset == 2:
            raise MemoryError
        return judge(record)

    monkeypatch.setattr(alerts.pipeline._judge, "judge", out_of_memory_at_two)
    with pytest.raises(MemoryError):
        alerts.pipeline.step(home.log.read(0, 3))
    assert fired(alerts) == [("sos", 1.0)]


async def test_running_it_follows_the_log_and_outlives_a_failing_store(tmp_path):
    home = Home(tmp_path)
    home.sos(1)
    home.ticks(2, 6)
    alerts = Alerts(tmp_path, home)
    problems: list[str] = []

    async def follow(after: int):
        while records := home.log.read(after, 2):
            yield records
            after = records[-1].offset

    def refuse(_connection, _cursor, statement, *_) -> None:
        if len(problems) < 3 and statement.startswith("INSERT INTO engine_place"):
            problems.append(statement)
            raise OperationalError(statement, {}, OSError("disk full"))

    event.listen(alerts.store._writer, "before_cursor_execute", refuse)
    running = asyncio.create_task(alerts.pipeline.run(follow))
    while not running.done():
        await asyncio.sleep(0.001)
        if alerts.pipeline.health.problem:
            assert "disk full" in alerts.pipeline.health.problem
            await alerts.clock.step_to(alerts.clock.now_ns() + 10**9)
    await running
    assert len(problems) == 3
    assert alerts.pipeline.health.problem == ""
    assert alerts.pipeline.health.place.offset == 5
    assert fired(alerts) == [("sos", 1.0)]
    assert len(contents(alerts.store)["message"]) == 2
    alerts.die()
    home.close()


@pytest.mark.parametrize(("offset", "rules"), [(0, "a"), (1, "a"), (10, "a"), (11, "c"), (12, "c"), (13, "d")])
def test_a_version_holds_from_the_record_after_its_offset(offset, rules):
    documents = [
        SettingsDocument(1, 0, "a"),
        SettingsDocument(2, 10, "b"),
        SettingsDocument(3, 10, "c"),
        SettingsDocument(4, 12, "d"),
    ]
    assert Judge(NUMPY_ENGINE, documents)._version_at(offset).rules_toml == rules
