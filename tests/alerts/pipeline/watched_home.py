"""A log of readings and an alert pipeline upon it: what a test writes is what a watch would have sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from alerts.adopt import adopt_settings
from alerts.incidents.contract import Desk
from alerts.people.officers import keep_officers
from alerts.people.residents import import_residents
from alerts.people.roster import parse_roster
from alerts.pipeline import AlertPipeline, PipelineOptions
from alerts.policy.options import EscalationOptions
from alerts.store.database import open_store
from alerts.store.tables import alert, engine_place, incident, message, timeline, transition
from carewatch.clock import SteppedClock
from ingest.log.contract import Batch
from ingest.log.sqlite import SqliteLog
from ingest.reading import Kind, Readings
from ingest.watches import Watch, Watches
from tests.alerts.duty_office import RESIDENTS, ROSTER, START_NS

if TYPE_CHECKING:
    from alerts.judge import Engine
    from alerts.store.database import Store

START_MS = START_NS // 1_000_000
RULES = Path("config/rules.toml").read_text(encoding="utf-8")
TABLES = (alert, incident, message, timeline, transition, engine_place)


class Home:
    """`log` grows by what the test says; time is seconds from the start."""

    def __init__(self, folder: Path) -> None:
        self.log = SqliteLog(folder / "readings.sqlite")
        self.seq = 0

    def hears(self, at_s: float, *readings: dict, watch: int = 0, arrives_s: float | None = None) -> int:
        """One record of readings of the watch."""
        at_ms = START_MS + round(at_s * 1000)
        arrival_ms = at_ms if arrives_s is None else START_MS + round(arrives_s * 1000)
        rows = []
        for reading in readings:
            self.seq += 1
            common = {"watch": watch, "time_ms": at_ms, "raw_time_ms": at_ms, "arrival_ms": arrival_ms}
            rows.append({**common, "boot": 1, "seq": self.seq, **reading})
        known = len(self.log.watches())
        new = [Watch(index, f"w{index + 1}") for index in range(known, watch + 1)]
        return self.log.append(Batch(Readings.of_rows(rows), arrival_ms, new_watches=new))

    def sos(self, at_s: float, watch: int = 0, arrives_s: float | None = None) -> int:
        return self.hears(at_s, {"kind": Kind.SOS}, watch=watch, arrives_s=arrives_s)

    def falls(self, at_s: float, watch: int = 0, **more: float) -> int:
        return self.hears(at_s, {"kind": Kind.FALL, **more}, watch=watch)

    def heart(self, at_s: float, bpm: float, watch: int = 0, **more: float) -> int:
        return self.hears(at_s, {"kind": Kind.HEART_RATE, "bpm": bpm, "steps": 0, "worn": 1, **more}, watch=watch)

    def ticks(self, from_s: int, to_s: int) -> None:
        for at_s in range(from_s, to_s):
            self.log.tick(START_MS + at_s * 1000)

    def close(self) -> None:
        self.log.close()


def a_troubled_hour(home: Home) -> None:
    """Falls, SOS, fast hearts, a silence, an absent hour of ticks: every kind of episode that the rules know."""
    for minute in range(-12, 0):
        home.heart(minute * 60, 72)
        home.heart(minute * 60 + 5, 64, watch=1)
    home.ticks(-2, 3)
    home.falls(3)
    home.ticks(30, 40)
    home.sos(40, watch=1)
    home.falls(50)
    home.falls(55, watch=2, still_s=25)
    for step in range(12):
        home.heart(60 + 30 * step, 140, watch=1)
        home.ticks(61 + 30 * step, 62 + 30 * step)
    home.sos(300, arrives_s=440)
    for step in range(8):
        home.heart(450 + 60 * step, 70, watch=1)
        home.ticks(451 + 60 * step, 470 + 60 * step)
    home.ticks(930, 935)


class Alerts:
    """The alerts process of a home: opens the store, and can die and come back."""

    def __init__(
        self, folder: Path, home: Home, options: PipelineOptions | None = None, engine: Engine | None = None
    ) -> None:
        self.folder = folder
        self.home = home
        self.clock = SteppedClock(START_NS)
        self.roster = parse_roster(ROSTER, file="roster.toml")
        self.store: Store = open_store(f"sqlite:///{folder}/store.sqlite")
        self.watches = Watches(home.log.watches())
        keep_officers(self.store, self.roster, 0)
        with self.store.reading() as connection:
            is_new = connection.execute(select(engine_place)).first() is None
        if is_new:
            import_residents(self.store, RESIDENTS.encode(), START_NS)
        adopt_settings(self.store, RULES, "Asia/Shanghai", self.watches, START_NS)
        desk = Desk(self.roster, EscalationOptions())
        more = {} if engine is None else {"engine": engine}
        self.pipeline = AlertPipeline(self.store, home.log, self.watches, self.clock, desk, options, **more)

    def work(self, at_a_time: int = 7) -> None:
        """Catch up, then take the log to its end."""
        place = self.pipeline.catch_up()
        while records := self.home.log.read(self.pipeline.health.place.offset, at_a_time):
            self.pipeline.step(records)
        assert self.pipeline.health.place.offset >= place.offset

    def die(self) -> None:
        """As a killed process: nothing is written any more."""
        self.store.close()


def contents(store: Store) -> dict[str, list[tuple]]:
    """Every row of the tables that must not depend on how often the process died."""
    with store.reading() as connection:
        return {table.name: sorted(map(tuple, connection.execute(select(table))), key=repr) for table in TABLES}
