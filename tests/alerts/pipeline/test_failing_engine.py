"""What fails costs itself alone: a reading that breaks the engine, a store or a log that cannot be read for a while."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from alerts.judge import NUMPY_ENGINE
from alerts.pipeline import PipelineOptions
from alerts.store.tables import alert, audit, message
from ingest.log.contract import LogDamagedError
from ingest.reading import Kind
from tests.alerts.pipeline.watched_home import START_MS, Alerts, contents
from tests.servers.waiting import eventually

POISON_BPM = 77


def failing(state, record, settings):
    """Fails half way, as a fault in the engine would: what came before in the record has changed the state."""
    bad = record.readings["bpm"] == POISON_BPM
    if bad.any():
        NUMPY_ENGINE.apply(state, record, settings)
        raise ZeroDivisionError("a fault in the engine")
    return NUMPY_ENGINE.apply(state, record, settings)


FAILING = replace(NUMPY_ENGINE, apply=failing)


def told(alerts):
    with alerts.store.reading() as connection:
        assert len(list(connection.execute(select(message)))) > 0
        return {(row.watch_id, row.rule) for row in connection.execute(select(alert))}


def a_bad_day(home):
    home.heart(1, 71)
    home.sos(2, watch=1)
    bpm = {"kind": Kind.HEART_RATE, "steps": 0, "worn": 1}
    home.hears(3, {**bpm, "bpm": 70}, {**bpm, "bpm": POISON_BPM}, {"kind": Kind.SOS}, watch=2)
    home.falls(4)
    home.ticks(5, 40)
    home.sos(41, watch=0)


def test_one_reading_that_breaks_the_engine_ends_no_other_alert(tmp_path, home):
    a_bad_day(home)
    alerts = Alerts(tmp_path, home, engine=FAILING)
    alerts.work()
    assert told(alerts) == {("w2", "sos"), ("w3", "sos"), ("w1", "fall"), ("w1", "sos")}
    assert alerts.pipeline.health.unjudged == 1
    with alerts.store.reading() as connection:
        (noted,) = connection.execute(select(audit).where(audit.c.what == "readings_not_judged"))
    assert noted.detail == {"offset": 3, "readings": 1}
    alerts.die()


def test_an_sos_that_the_engine_cannot_judge_is_told_unjudged(tmp_path, home):
    home.hears(3, {"kind": Kind.SOS, "bpm": POISON_BPM}, {"kind": Kind.SOS, "bpm": POISON_BPM, "cancelled": 1})
    alerts = Alerts(tmp_path, home, engine=FAILING)
    alerts.work()
    with alerts.store.reading() as connection:
        (found,) = connection.execute(select(alert))
    assert (found.key, found.severity, found.event_ms) == (f"w1:sos:{START_MS + 3000}", "emergency", START_MS + 3000)
    alerts.die()


@pytest.mark.slow
def test_a_restart_takes_the_record_in_the_same_way(tmp_path, home):
    a_bad_day(home)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    once = Alerts(whole, home, engine=FAILING)
    once.work()
    for offset in range(home.log.end() + 1):
        life = Alerts(cut, home, PipelineOptions(snapshot_records=10_000), engine=FAILING)
        life.pipeline.catch_up()
        life.pipeline.step([record for record in home.log.read(offset, 1) if record.offset == offset + 1])
        life.die()
    life = Alerts(cut, home, engine=FAILING)
    assert contents(life.store) == contents(once.store)
    assert life.pipeline.catch_up().offset == home.log.end()
    assert life.pipeline._judge.snapshot() == once.pipeline._judge.snapshot()
    life.die()
    once.die()


def test_a_store_that_cannot_be_read_when_records_come_passes_none_over(tmp_path, home, monkeypatch):
    home.sos(2)
    alerts = Alerts(tmp_path, home)
    alerts.pipeline.catch_up()
    meet, failures = alerts.pipeline._meet_versions, ["disk I/O error"]

    def refuse():
        if failures:
            raise OperationalError("SELECT", {}, OSError(failures.pop()))
        meet()

    monkeypatch.setattr(alerts.pipeline, "_meet_versions", refuse)
    try:
        alerts.pipeline.step(home.log.read(0, 9))
    except OperationalError:
        alerts.pipeline.step(())  # as `run` goes on
    assert told(alerts) == {("w1", "sos")}
    alerts.die()


async def test_a_log_that_cannot_be_read_ends_nothing_and_is_tried_again(tmp_path, home):
    home.sos(2)
    alerts = Alerts(tmp_path, home)
    tries = []

    async def follow(after):
        tries.append(after)
        if len(tries) == 1:
            raise LogDamagedError("record 7: its checksum does not fit")
        yield home.log.read(after, 9)
        await asyncio.Event().wait()

    running = asyncio.create_task(alerts.pipeline.run(follow))
    await eventually(lambda: "checksum" in alerts.pipeline.health.problem)
    await alerts.clock.step_to(alerts.clock.now_ns() + 10_000_000_000)
    await eventually(lambda: alerts.pipeline.health.place.offset == 1)
    await eventually(lambda: alerts.pipeline.health.problem == "")
    assert told(alerts) == {("w1", "sos")}
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    alerts.die()
