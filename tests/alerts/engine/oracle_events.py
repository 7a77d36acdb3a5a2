"""The oracle's event rules."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.engine.contract import Change, Why


@dataclass
class Episode:
    phase: str
    started: int
    newest: int
    event: int
    arrival: int
    due: int
    touched: int
    late: bool
    reopened: bool = False


class EventRules:
    """Part of the oracle."""

    def end_timers(self, number, watch, rule):
        for each in watch.episodes.get(rule.name, []):
            if each.phase == "pending" and each.due <= self.log:
                each.phase, each.touched = "fired", each.due
                more = {"event": each.event, "arr": each.arrival, "late": each.late, "reopened": each.reopened}
                self.tell(number, rule, Change.FIRING, Why.TIMER, each.started, each.due, **more)

    def event(self, number, watch, rule, row, *, late):
        truth, event = watch.expressions.truth, row["event_ms"]
        episodes = watch.episodes.setdefault(rule.name, [])

        def tell(each, change, why):
            late_ = late or each.late
            self.tell(number, rule, change, why, each.started, self.log, row, late=late_, reopened=each.reopened)

        if truth(rule.when):
            mine = self.join(rule, row, episodes, tell) or self.open_episode(rule, row, episodes, tell, late=late)
            if mine.phase == "pending" and rule.sooner is not None and truth(rule.sooner):
                mine.phase, mine.touched = "fired", self.log
                tell(mine, Change.FIRING, Why.SOONER)
        if rule.unless is not None and truth(rule.unless):
            self.call_off(rule, event, episodes, tell)
        done = [each for each in episodes if each.phase != "pending"]
        for each in done[:-8]:
            episodes.remove(each)

    def join(self, rule, row, episodes, tell):
        event = row["event_ms"]
        open_ = [each for each in episodes if each.phase in ("pending", "fired")]
        joined = [each for each in open_ if abs(event - each.started) <= rule.same_within_ms]
        if not joined:
            return None
        mine = joined[-1]
        mine.newest, mine.touched = max(mine.newest, event), self.log
        mine.event, mine.arrival = event, row["arrival_ms"]
        if mine.phase == "fired":
            tell(mine, Change.REPEATED, Why.SAME)
        return mine

    def open_episode(self, rule, row, episodes, tell, *, late):
        event = row["event_ms"]
        resolved = [each.touched for each in episodes if each.phase == "resolved"]
        reopened = bool(resolved) and self.log - max(resolved) <= rule.reopen_within_ms
        due = self.log + rule.wait_ms
        mine = Episode("pending", event, event, event, row["arrival_ms"], due, self.log, late, reopened)
        episodes.append(mine)
        if rule.wait_ms:
            tell(mine, Change.PENDING, Why.RUN_BEGAN)
        else:
            mine.phase = "fired"
            tell(mine, Change.FIRING, Why.EVENT)
        return mine

    def call_off(self, rule, event, episodes, tell):
        for each in episodes:
            if event < each.newest:
                continue
            if each.phase == "pending":
                each.phase, each.touched = "called_off", self.log
                tell(each, Change.CALLED_OFF, Why.UNLESS)
            elif each.phase == "fired" and event - each.started <= rule.same_within_ms:
                each.phase, each.touched = "resolved", self.log
                tell(each, Change.RESOLVED, Why.UNLESS)
