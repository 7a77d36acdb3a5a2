"""The oracle's absent rules."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.engine.contract import Change, Why

HOLD_BACK = 120_000
OFFLINE = 2


@dataclass
class Silence:
    newest: int | None = None
    due: int | None = None
    grace: int = 0
    decision: str = "none"
    started: int | None = None
    cause: bool = False
    resolved: int | None = None


class AbsentRules:
    """Part of the oracle."""

    def decide(self, number, watch, rule):
        silence = watch.silences.get(rule.name)
        if silence is None or silence.due is None or silence.decision != "none":
            return
        due = max(silence.due, silence.grace, self.hold_until)
        if due > self.log:
            return
        silence.started = silence.newest
        silence.decision = "called_off" if silence.cause else "firing"
        change, why = (Change.CALLED_OFF, Why.UNLESS) if silence.cause else (Change.FIRING, Why.ABSENT)
        reopened = silence.resolved is not None and due - silence.resolved <= rule.reopen_within_ms
        self.tell(number, rule, change, why, silence.newest, due, event=silence.newest, reopened=reopened)

    def hear(self, number, watch, rule, row, *, set_back):
        silence = watch.silences.setdefault(rule.name, Silence())
        heard = row.get("event") != OFFLINE and rule.on in (None, row["kind"])
        if not heard and (not set_back or silence.newest is None):
            return
        first, before = silence.newest is None or set_back, silence.newest
        if first or row["event_ms"] >= silence.newest:
            silence.newest = row["event_ms"]
            silence.due = row["event_ms"] + rule.wait_ms + self.deaf_since(row["event_ms"])
            if heard:
                silence.cause = rule.unless is not None and watch.expressions.truth(rule.unless) is True
        if silence.decision == "firing":
            if silence.due > self.log:
                silence.decision, silence.resolved = "none", self.log
                self.tell(number, rule, Change.RESOLVED, Why.HEARD_AGAIN, silence.started, self.log, row)
        elif first or (silence.decision == "called_off" and row["event_ms"] > before):
            silence.decision = "none"
            silence.grace = self.log + min(HOLD_BACK, rule.wait_ms)
