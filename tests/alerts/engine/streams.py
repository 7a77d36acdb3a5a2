"""Random streams of a few sticky watches, as a log would hold them: rows and ticks, with everything that goes wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np

from alerts.engine.contract import Person, SettingsDocument
from alerts.engine.settings import EngineSettings
from alerts.rules.rule_file import load_rules
from ingest.log.contract import Record, RecordKind
from ingest.reading import Event, Flag, Kind, Readings

RULES = """
[limit]
high = 100
low = 100.3
[signal]
rest = "since(steps > 0) >= 20 * second"
[[rule]]
name = "a_high"
severity = "emergency"
when = "rest and maybe(worn) and bpm >= limit.high"
hold = "15 s"
max_gap = "20 s"
clear = "bpm < limit.high - 6"
clear_hold = "12 s"
expire = "90 s"
reopen_within = "60 s"
[[rule]]
name = "b_low"
severity = "warning"
when = "bpm < limit.low and not (worn and charging)"
hold = "8 s"
clear_hold = "6 s"
expire = "2 min"
[[rule]]
name = "c_at_once"
severity = "notice"
when = "delta(bpm) > 4 or rate(bpm) >= 60 or previous(bpm) + 3 < bpm / (battery - 50)"
max_gap = "15 s"
expire = "1 min"
reopen_within = "0 s"
[[rule]]
name = "d_other_kinds"
severity = "notice"
on = "heart_rate"
when = "(last.location.accuracy_m > 30 and age(location) < 20 * second) or after(fall) < 25 * second"
hold = "4 s"
max_gap = "5 intervals"
clear = "unknown(last.location.accuracy_m) or last.location.accuracy_m <= 20 or unknown(bpm)"
[[rule]]
name = "e_location"
severity = "notice"
when = 'source in ("gps", "wifi") and (accuracy_m < 40 if speed_kmh > 3 else since(speed_kmh > 3) < 10 * second)'
hold = "5 s"
max_gap = "30 s"
[[rule]]
name = "f_battery"
severity = "notice"
on = "status"
when = 'battery <= 50 and (event == "online" or unknown(event)) and local_minute != 3'
clear = "battery > 50"
hold = "3 s"
clear_hold = "3 s"
[[rule]]
name = "g_fall"
severity = "emergency"
event = true
when = "on_fall and maybe(not cancelled)"
wait = "15 s"
unless = "cancelled"
sooner = "still_s >= 20 or confidence >= 0.9 or watch.counts_down"
same_within = "40 s"
reopen_within = "60 s"
[[rule]]
name = "h_sos"
severity = "emergency"
event = true
when = "on_sos and maybe(not cancelled)"
unless = "cancelled"
same_within = "20 s"
[[rule]]
name = "i_jump"
severity = "notice"
event = true
when = "bpm > 108 and since(bpm <= 108) < 3 * second"
wait = "5 s"
same_within = "10 s"
[[rule]]
name = "j_silent"
severity = "warning"
absent = "any"
wait = "40 s"
unless = "known_cause"
reopen_within = "60 s"
[[rule]]
name = "k_no_place"
severity = "notice"
absent = "location"
wait = "3 min"
"""
RULESET = load_rules(RULES, file="random.toml")
WATCHES = 6
PEOPLE = {
    0: Person(limits={"high": 104}),
    1: Person(facts={"counts_down": 1.0}),
    2: Person(facts={"counts_down": 0.0, "interval_s": 90}),
}
SETTINGS = EngineSettings(SettingsDocument(1, 0, RULES, people=PEOPLE), RULESET)
ORACLE_PEOPLE = {number: PEOPLE.get(number, Person()) for number in range(WATCHES)}
START = 1_767_571_200_000  # 2026-01-05 00:00 UTC


@dataclass
class Life:
    """A watch that changes its mind seldom."""

    bpm: float = 80
    steps: bool = False
    worn: int = 1
    behind_s: float = 0
    quiet_until: int = 0
    clock_off: int = 0
    backlog: list = field(default_factory=list)


class Stream:
    """`items`: rows (dict), or ("tick", log, deaf), ("step", log, by), ("deaf_rows",) before a row."""

    def __init__(self, seed, rows):
        self.rng = random.Random(seed)  # noqa: S311 - seeded, no secret
        self.log = START
        self.lives = [Life(bpm=self.rng.choice((80, 99, 104, 112))) for _ in range(WATCHES)]
        self.items = []
        while sum(isinstance(item, dict) for item in self.items) < rows:
            self.pass_time()
            for _ in range(self.rng.randint(0, 4)):
                self.speak(self.rng.randrange(WATCHES))

    def pass_time(self):
        rng = self.rng
        self.log += rng.choice((0, 250, 1000, 1000, 2000, 4000, 7000))
        chance = rng.random()
        if chance < 0.006:
            self.log += rng.choice((10_500, 30_000, 100_000, 250_000))  # too long since the last record: deaf
        elif chance < 0.012:
            self.items.append(("tick", self.log, True))
        elif chance < 0.016:
            by = rng.choice((-20_000, 5000, 90_000))
            self.log += by
            self.items.append(("step", self.log, by))
        elif chance < 0.30:
            self.items.append(("tick", self.log, False))
        elif chance < 0.31:
            self.items.append(("deaf_rows",))
        elif chance < 0.315:
            # Everybody falls silent while ticks go on: silences and expiry.
            for _ in range(rng.choice((12, 30))):
                self.log += 8000
                self.items.append(("tick", self.log, False))

    def speak(self, number):
        life, rng = self.lives[number], self.rng
        if self.log < life.quiet_until:
            return
        if rng.random() < 0.01:
            life.quiet_until = self.log + rng.choice((20_000, 60_000, 150_000))
        self.change(life)
        flags = 0
        if rng.random() < 0.004:
            life.clock_off -= rng.choice((15_000, 60_000))
            flags = int(Flag.CLOCK_SET)
        if rng.random() < 0.01:
            life.clock_off = 0
        event = self.log + life.clock_off - int(1000 * rng.choice((0, 0, 0, 0.5, 3, 9, life.behind_s)))
        row = {"watch": number, "time_ms": event, "arrival_ms": self.log, "flags": flags}
        if rng.random() < 0.05:
            row["arrival_ms"] -= rng.choice((1, 1500))
        row |= self.cells(life)
        self.items.append(row)
        if rng.random() < 0.05:
            self.items.append({**row, "flags": 0})  # the same time again

    def change(self, life):
        rng = self.rng
        if rng.random() < 0.10:
            life.bpm = rng.choice((80, 93, 95, 99, 100.25, 100.5, 103, 104, 110, 112))
        if rng.random() < 0.04:
            life.steps = not life.steps
        if rng.random() < 0.03:
            life.worn = rng.choice((1, 1, 0, -1))
        if rng.random() < 0.04:
            life.behind_s = rng.choice((0, 0, 9.999, 10, 10.001, 25, 70))

    def cells(self, life):
        rng = self.rng
        cells = {"worn": life.worn} if rng.random() < 0.5 else {}
        if rng.random() < 0.2:
            cells["battery"] = rng.choice((4, 50, 51, 80))
        if rng.random() < 0.05:
            cells["charging"] = rng.choice((0, 1))
        kind = rng.choices(list(Kind), (12, 0.7, 3, 0.7, 2))[0]
        cells["kind"] = kind
        maybe = {
            Kind.HEART_RATE: {"bpm": life.bpm, "steps": 10.0 * life.steps},
            Kind.FALL: {"still_s": rng.choice((0, 5, 30)), "confidence": rng.choice((0.5, 0.95))},
            Kind.LOCATION: {
                "accuracy_m": rng.choice((10, 25, 35, 60)),
                "speed_kmh": rng.choice((0, 0, 5)),
                "source": rng.choice((0, 1, 2)),
                "lat": 22.5,
                "lon": 114.0,
            },
            Kind.SOS: {},
            Kind.STATUS: {"event": int(rng.choice(list(Event))), "steps": 10.0 * life.steps},
        }[kind]
        cells |= {name: value for name, value in maybe.items() if rng.random() < 0.85}
        if kind.is_emergency and rng.random() < 0.5:
            cells["cancelled"] = rng.choice((0, 1))
        if kind is Kind.FALL and rng.random() < 0.6:
            cells["still_s"], cells["confidence"] = 0, 0.5
        return cells

    def records(self, cut):
        """The stream as records; `cut(rng)` tells how many rows a record may hold."""
        records, group, deaf = [], [], False
        sizes = random.Random(self.log)  # noqa: S311 - seeded, no secret

        def close():
            nonlocal group, deaf
            if group:
                log = max(self._high, *(row["arrival_ms"] for row in group))
                self._high = log
                readings = Readings.of_rows(group)
                records.append(Record(len(records) + 1, RecordKind.READINGS, log, deaf, readings=readings))
                group, deaf = [], False

        self._high = 0
        size = cut(sizes)
        for item in self.items:
            if isinstance(item, dict):
                group.append(item)
                if len(group) >= size:
                    close()
                    size = cut(sizes)
                continue
            close()
            if item[0] == "deaf_rows":
                deaf = True
                continue
            is_step = item[0] == "step"
            self._high = item[1] if is_step else max(self._high, item[1])
            if is_step:
                records.append(Record(len(records) + 1, RecordKind.CLOCK_STEP, self._high, step_ms=item[2]))
            else:
                records.append(Record(len(records) + 1, RecordKind.TICK, self._high, item[2] or deaf))
                deaf = False
        close()
        return records


def told_by(transitions):
    """As the oracle tells them."""
    return [
        (t.at_ms, t.watch, t.rule, t.change, t.why, t.started_ms, t.event_ms, t.arrival_ms, t.late, t.reopened)
        for t in transitions
    ]


def in_order(told):
    """By (at, watch, rule); records that end in one millisecond hand over equal times in two portions."""
    return sorted(told, key=lambda each: each[:3])


def open_in(state):
    """(watch, rule, started) of everything that fires, as the oracle tells it."""
    found = set()
    levels = state.levels
    for rule, watch, alert in zip(levels.rule, levels.watch, levels.fields["alert"], strict=True):
        if alert > 0:
            found.add((int(watch), SETTINGS.rules[rule].name, int(alert)))
    for rule, watch, episodes in state.episodes.items():
        found |= {(watch, SETTINGS.rules[rule].name, each.started_ms) for each in episodes if each.phase == "fired"}
    for rule in SETTINGS.rules:
        if rule.mode.value == "absent":
            firing = np.flatnonzero(state.columns.filled(f"absent.{rule.name}.decision")[0] == 1)
            started = state.columns.filled(f"absent.{rule.name}.started")[0]
            found |= {(int(watch), rule.name, int(started[watch])) for watch in firing}
    return found
