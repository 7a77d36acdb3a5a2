"""Whenever the process dies, each episode is exactly one alert, and every message is owed exactly once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from alerts.pipeline import PipelineOptions
from tests.alerts.pipeline.watched_home import Alerts, Home, a_troubled_hour, contents

pytestmark = pytest.mark.slow


OFTEN = PipelineOptions(snapshot_records=40)


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - where to die, not a secret


class Crash(BaseException):
    """Stands for kill -9: nothing in the program catches it."""


class CrashAt:
    """Dies at the n-th statement or commit that the store is asked for."""

    def __init__(self, alerts: Alerts, countdown: int) -> None:
        self.left = countdown
        engine = alerts.store._writer
        event.listen(engine, "before_cursor_execute", self.statement)
        event.listen(engine, "commit", self.commit)

    def statement(self, *_: object) -> None:
        self._count()

    def commit(self, _connection: object) -> None:
        self._count()

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Crash


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A troubled hour's log, and what the store holds when nobody died."""
    folder = tmp_path_factory.mktemp("undisturbed")
    home = Home(folder)
    a_troubled_hour(home)
    alerts = Alerts(folder, home)
    alerts.work()
    expected = contents(alerts.store)
    alerts.die()
    assert len(expected["alert"]) >= 5
    assert len(expected["message"]) >= 8
    yield home, expected
    home.close()


def survived(folder: Path, home: Home, countdowns: list[int], options: PipelineOptions = OFTEN) -> dict:
    """The store's contents after a life that ends at each of these, one after the other, and a last quiet one."""
    for countdown in countdowns:
        alerts = Alerts(folder, home, options)
        CrashAt(alerts, countdown)
        with contextlib.suppress(Crash):
            alerts.work()
        alerts.die()
    alerts = Alerts(folder, home, options)
    alerts.work()
    found = contents(alerts.store)
    alerts.die()
    return found


def test_reading_the_log_in_other_portions_gives_the_same(tmp_path, undisturbed):
    home, expected = undisturbed
    for number, at_a_time in enumerate((1, 3, 1000)):
        folder = tmp_path / str(number)
        folder.mkdir()
        alerts = Alerts(folder, home)
        alerts.work(at_a_time)
        assert contents(alerts.store) == expected
        alerts.die()


def test_dying_at_statements_all_over_the_hour_changes_nothing(tmp_path, undisturbed):
    home, expected = undisturbed
    rng = seeded(7)
    for life in range(3):
        folder = tmp_path / str(life)
        folder.mkdir()
        countdowns = [rng.randrange(1, 250) for _ in range(8)]
        assert survived(folder, home, countdowns) == expected, countdowns


def test_dying_at_each_statement_of_the_first_emergency_changes_nothing(tmp_path):
    home = Home(tmp_path)
    home.sos(1)
    home.ticks(2, 3)
    quiet = Alerts(tmp_path, home)
    counted = CrashAt(quiet, 10**9)
    quiet.work()
    expected, statements = contents(quiet.store), 10**9 - counted.left
    quiet.die()
    assert statements > 30
    for countdown in range(1, statements + 1):
        folder = tmp_path / str(countdown)
        folder.mkdir()
        assert survived(folder, home, [countdown]) == expected, countdown
    home.close()


def test_dying_between_engine_and_transaction_and_after_it_changes_nothing(tmp_path, undisturbed, monkeypatch):
    home, expected = undisturbed
    for number, step in enumerate(("_write", "_look_for_people", "keep_snapshot")):
        folder = tmp_path / str(number)
        folder.mkdir()
        alerts = Alerts(folder, home, OFTEN)
        done = {"calls": 0}

        def die(*_: object, done=done) -> None:
            raise Crash

        alerts.pipeline.catch_up()
        alerts.pipeline.step(home.log.read(0, 90))
        monkeypatch.setattr(alerts.pipeline, step, die)
        alerts.pipeline._options = PipelineOptions(snapshot_records=1)
        alerts.pipeline.people_changed()
        with pytest.raises(Crash):
            alerts.pipeline.step(home.log.read(90, 20))
        alerts.die()
        assert survived(folder, home, []) == expected, step


def test_a_database_that_refuses_for_a_while_loses_and_doubles_nothing(tmp_path, undisturbed):
    home, expected = undisturbed
    alerts = Alerts(tmp_path, home)
    alerts.pipeline.catch_up()
    refusals = {"left": 40}

    def refuse(*_: object) -> None:
        if refusals["left"] and seeded(refusals["left"]).random() < 0.05:
            refusals["left"] -= 1
            raise OperationalError("INSERT", {}, OSError("disk full"))

    event.listen(alerts.store._writer, "before_cursor_execute", refuse)
    failures = 0
    while records := home.log.read(alerts.pipeline._judge.offset, 11):
        pending = records
        while True:
            try:
                alerts.pipeline.step(pending)
                break
            except OperationalError:
                failures += 1
                pending = [record for record in pending if record.offset > alerts.pipeline._judge.offset]
    assert contents(alerts.store) == expected
    alerts.die()


def test_a_damaged_snapshot_is_passed_over_for_the_one_before(tmp_path, undisturbed):
    home, expected = undisturbed
    alerts = Alerts(tmp_path, home, OFTEN)
    alerts.pipeline.catch_up()
    alerts.pipeline.step(home.log.read(0, 50))
    alerts.pipeline.step(home.log.read(50, 50))
    with alerts.store.transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM engine_snapshot")).scalar() == 2
        connection.execute(text("UPDATE engine_snapshot SET body = x'00' WHERE offset > 60"))
    alerts.die()
    assert survived(tmp_path, home, []) == expected


def test_without_any_snapshot_the_whole_log_is_replayed(tmp_path, undisturbed):
    home, expected = undisturbed
    alerts = Alerts(tmp_path, home)
    alerts.pipeline.catch_up()
    alerts.pipeline.step(home.log.read(0, 130))
    alerts.die()
    assert survived(tmp_path, home, []) == expected


def test_kill_minus_nine_at_random_moments(tmp_path, undisturbed):
    home, expected = undisturbed
    rng = seeded(3)
    kills = 0
    for _ in range(8):
        life = subprocess.Popen(
            [sys.executable, "-m", "tests.alerts.pipeline.one_life", str(tmp_path), str(home.log.path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )
        assert life.stdout is not None
        for _ in range(rng.randrange(1, 12)):
            if not life.stdout.readline():
                break
        life.send_signal(signal.SIGKILL)
        life.stdout.close()
        kills += life.wait() == -signal.SIGKILL
    assert kills >= 4
    assert survived(tmp_path, home, []) == expected


def test_a_restart_knows_bit_for_bit_what_the_dead_process_knew(tmp_path, undisturbed):
    home, _ = undisturbed
    for number, after in enumerate((12, 25, 26, 31, 60, 81)):
        folder = tmp_path / str(number)
        folder.mkdir()
        alerts = Alerts(folder, home)
        alerts.pipeline.catch_up()
        alerts.pipeline.step(home.log.read(0, after))
        alerts.pipeline.keep_snapshot()
        alerts.pipeline.step(home.log.read(after, 3))
        known = alerts.pipeline._judge.snapshot()
        alerts.die()
        again = Alerts(folder, home)
        again.pipeline.catch_up()
        assert again.pipeline._judge.snapshot() == known
        again.die()


def test_a_snapshot_names_the_record_after_which_it_was_taken(tmp_path, undisturbed):
    home, _ = undisturbed
    alerts = Alerts(tmp_path, home)
    alerts.pipeline.catch_up()
    alerts.pipeline.step(home.log.read(0, 33))
    alerts.pipeline.keep_snapshot()
    with alerts.store.reading() as connection:
        assert connection.execute(text("SELECT offset FROM engine_snapshot")).scalars().all() == [33]
    assert home.log.place("alerts") == 33
    alerts.die()
