"""The rules one reading at a time, in plain Python: the meaning of RULES.md sections 3 and 4, slowly.

Shares with the engine the parsed rules and nothing else: every stamp here is log time, and moves when time was deaf.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from alerts.engine.contract import Change, Why
from alerts.rules.rule import Mode
from ingest.log.contract import RecordKind
from ingest.reading import Flag, Kind
from tests.alerts.engine.oracle_events import EventRules
from tests.alerts.engine.oracle_silence import HOLD_BACK, AbsentRules
from tests.alerts.engine.oracle_values import Expressions, memories

MINUTE = 60_000
CLAMP = 10_000


@dataclass
class Level:
    set_start: int | None = None
    set_last: int | None = None
    clear_start: int | None = None
    clear_last: int | None = None
    alert: int | None = None
    resolved: int | None = None


@dataclass
class OneWatch:
    expressions: Expressions
    lanes: dict = field(default_factory=dict)
    heard: dict = field(default_factory=dict)
    intervals: dict = field(default_factory=dict)
    levels: dict = field(default_factory=dict)
    episodes: dict = field(default_factory=dict)
    silences: dict = field(default_factory=dict)


class Oracle(EventRules, AbsentRules):
    def __init__(self, ruleset, people, zone="Asia/Shanghai", deaf_gap=10_000):
        self.rules, self.limits, self.people, self.zone, self.gap = (
            ruleset.rules,
            ruleset.limits,
            people,
            zone,
            deaf_gap,
        )
        nodes = {}
        for rule in self.rules:
            for node in rule.expressions:
                for each in memories(node):
                    nodes.setdefault(repr(each), each)
        self.nodes = list(nodes.values())
        self.watches, self.told = {}, []
        self.log, self.deaf_times, self.hold_until = None, [], 0

    # -- time

    def take(self, record):
        rows = rows_of(record.readings)
        if self.log is None:
            self.log = rows[0]["arrival_ms"] if rows else record.log_time_ms
        if record.kind is RecordKind.CLOCK_STEP:
            before = self.log
            self.log = max(self.log + record.step_ms, record.log_time_ms)
            self.shift(self.log - before)
            self.deaf_times, self.hold_until = [], self.log + HOLD_BACK
            return
        deaf = record.deaf
        for row in rows:
            self.advance(row["arrival_ms"], deaf=deaf)
            deaf = False
            self.read(row)
        self.advance(record.log_time_ms, deaf=deaf)

    def advance(self, to, *, deaf):
        to = max(self.log, to)
        if deaf or to - self.log > self.gap:
            self.shift(to - self.log)
            self.deaf_times.append((self.log, to))
            self.hold_until = to + HOLD_BACK
        self.log = to
        for number, watch in self.watches.items():
            self.deadlines(number, watch)

    def shift(self, by):
        self.hold_until += by
        for watch in self.watches.values():
            for kind in watch.heard:
                watch.heard[kind] += by
            for state in (*watch.levels.values(), *watch.silences.values()):
                state.resolved = None if state.resolved is None else state.resolved + by
            for silence in watch.silences.values():
                silence.due = None if silence.due is None else silence.due + by
                silence.grace += by
            for episodes in watch.episodes.values():
                for each in episodes:
                    each.due += by
                    each.touched += by

    def deaf_since(self, event):
        return sum(max(0, end - max(start, event)) for start, end in self.deaf_times)

    def deadlines(self, number, watch):
        for rule in self.rules:
            if rule.mode is Mode.LEVEL:
                self.expire(number, watch, rule)
            elif rule.mode is Mode.EVENT:
                self.end_timers(number, watch, rule)
            else:
                self.decide(number, watch, rule)

    # -- telling

    def tell(self, number, rule, change, why, started, at, row=None, *, late=False, reopened=False, event=-1, arr=-1):
        if row is not None:
            event, arr = row["event_ms"], row["arrival_ms"]
        self.told.append((at, number, rule.name, change, why, started, event, arr, late, reopened))

    # -- one reading

    def read(self, row):
        number = row["watch"]
        person = self.people[number]
        if number not in self.watches:
            self.watches[number] = OneWatch(Expressions(self.nodes, self.limits, person, self.zone))
        watch = self.watches[number]
        row["event_ms"] = min(row["time_ms"], row["arrival_ms"])
        set_back = bool(row["flags"] & Flag.CLOCK_SET)
        if set_back:
            watch.lanes.clear()
            watch.expressions.forget()
            for interval in watch.intervals.values():
                interval["count"] = 0
        kind, event = row["kind"], row["event_ms"]
        lane = watch.lanes[kind] = max(event, watch.lanes.get(kind, event))
        late = lane - event > CLAMP
        row["lane_ms"] = event if late else lane
        watch.expressions.read(row, late=late)
        if not late:
            self.measure(watch, kind, lane)
        for rule in self.rules:
            if rule.mode is Mode.LEVEL:
                self.level(number, watch, rule, row, late=late, set_back=set_back)
            elif rule.mode is Mode.EVENT and rule.on == kind:
                self.event(number, watch, rule, row, late=late)
            elif rule.mode is Mode.ABSENT:
                self.hear(number, watch, rule, row, set_back=set_back)
        watch.heard[kind] = self.log

    def measure(self, watch, kind, time):
        interval = watch.intervals.setdefault(kind, {"count": 0, "anchor": None, "newest": None, "older": None})
        if interval["count"] % 4 == 0:
            if interval["count"]:
                mean = min((time - interval["anchor"]) // 4, 20 * MINUTE)
                interval["older"], interval["newest"] = interval["newest"], mean
            interval["anchor"] = time
        interval["count"] += 1

    def max_gap(self, watch, number, rule):
        if rule.max_gap_ms >= 0:
            return rule.max_gap_ms
        interval = watch.intervals.get(rule.on) or {"newest": None, "older": None}
        means = [each for each in (interval["newest"], interval["older"]) if each is not None]
        usual = min(means) if means else min(self.people[number].facts.get("interval_s", 60) * 1000, 20 * MINUTE)
        return max(3 * MINUTE, int(rule.gap_intervals * usual))

    # -- level rules

    def expire(self, number, watch, rule):
        state = watch.levels.get(rule.name)
        if state is None or (state.set_start is None and state.alert is None):
            return
        due = watch.heard[rule.on] + rule.expire_ms
        if due > self.log:
            return
        if state.alert is not None:
            self.tell(number, rule, Change.RESOLVED, Why.NO_READINGS, state.alert, due)
            state.resolved = due
        else:
            self.tell(number, rule, Change.BROKEN, Why.NO_READINGS, state.set_start, due)
        state.set_start = state.clear_start = state.alert = None

    def level(self, number, watch, rule, row, *, late, set_back):
        state = watch.levels.setdefault(rule.name, Level())
        if set_back:
            if state.set_start is not None and state.alert is None:
                self.tell(number, rule, Change.BROKEN, Why.CLOCK_SET, state.set_start, self.log, row)
            state.set_start = state.clear_start = None
        if late or row["kind"] != rule.on:
            return
        when, clear = watch.expressions.truth(rule.when), watch.expressions.truth(rule.clear)
        if when:
            self.level_true(number, watch, rule, row, state)
        elif when is False or clear:
            if state.set_start is not None and state.alert is None:
                self.tell(number, rule, Change.BROKEN, Why.OPPOSITE, state.set_start, self.log, row)
            state.set_start = None
        if when or clear is False:
            state.clear_start = None
        elif clear:
            self.level_clear(number, watch, rule, row, state)

    def level_true(self, number, watch, rule, row, state):
        now = row["lane_ms"]
        if state.set_start is not None and now - state.set_last > self.max_gap(watch, number, rule):
            if state.alert is None:
                self.tell(number, rule, Change.BROKEN, Why.GAP, state.set_start, self.log, row)
            state.set_start = None
        began = state.set_start is None
        if began:
            state.set_start = now
        state.set_last = now
        if state.alert is not None:
            return
        if now - state.set_start >= rule.hold_ms:
            reopened = state.resolved is not None and self.log - state.resolved <= rule.reopen_within_ms
            self.tell(number, rule, Change.FIRING, Why.HELD, state.set_start, self.log, row, reopened=reopened)
            state.alert = state.set_start
        elif began:
            self.tell(number, rule, Change.PENDING, Why.RUN_BEGAN, state.set_start, self.log, row)

    def level_clear(self, number, watch, rule, row, state):
        now = row["lane_ms"]
        if state.clear_start is None or now - state.clear_last > self.max_gap(watch, number, rule):
            state.clear_start = now
        state.clear_last = now
        if state.alert is not None and now - state.clear_start >= rule.clear_hold_ms:
            self.tell(number, rule, Change.RESOLVED, Why.CLEARED, state.alert, self.log, row)
            state.alert, state.resolved = None, self.log

    def open(self):
        """(watch, rule, started) of everything that fires."""
        found = set()
        for number, watch in self.watches.items():
            for name, level in watch.levels.items():
                found |= {(number, name, level.alert)} if level.alert is not None else set()
            for name, silence in watch.silences.items():
                found |= {(number, name, silence.started)} if silence.decision == "firing" else set()
            for name, episodes in watch.episodes.items():
                found |= {(number, name, each.started) for each in episodes if each.phase == "fired"}
        return found


def rows_of(readings):
    """Rows as dictionaries, empty cells left out, kinds as `Kind`."""
    rows = []
    names = [name for name in readings.present if name != "kind"]
    columns = {name: readings[name].tolist() for name in names}
    for i in range(readings.rows):
        row = {name: columns[name][i] for name in names}
        row = {name: value for name, value in row.items() if value == value and value != -1}  # noqa: PLR0124 - NaN
        rows.append({"flags": 0, **row, "kind": Kind(int(readings["kind"][i]))})
    return rows
