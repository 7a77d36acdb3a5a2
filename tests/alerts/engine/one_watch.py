"""A watch and a log that tests write as one would tell it: readings and ticks at times of a day."""

from __future__ import annotations

from alerts.engine.apply import EngineSettings, apply, new_state
from alerts.engine.contract import Person, SettingsDocument
from ingest.log.contract import Record, RecordKind
from ingest.reading import Flag, Kind, Readings

MIDNIGHT = 1_767_542_400_000  # 2026-01-05 00:00 in Shanghai, a Monday
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000


def at(clock: str) -> int:
    """Milliseconds of 08:00, 08:00:30 or 08:00:30.2 of the day."""
    hours, minutes, *seconds = clock.split(":")
    return MIDNIGHT + int(hours) * HOUR + int(minutes) * MINUTE + round(float(seconds[0]) * SECOND if seconds else 0)


class Log:
    """Records go in one by one; `told` gathers what comes out."""

    def __init__(self, rules: str, people: dict[int, Person] | None = None) -> None:
        self.settings = EngineSettings.of(SettingsDocument(1, 0, rules, people=people or {}))
        self.state = new_state(self.settings)
        self.told = []
        self.now = 0

    def _take(self, kind: RecordKind, log_ms: int, **more) -> list:
        self.now = log_ms if kind is RecordKind.CLOCK_STEP else max(self.now, log_ms)
        record = Record(self.state.offset + 1, kind, self.now, **more)
        self.state, told = apply(self.state, record, self.settings)
        self.told += told
        return told

    def hear(self, kind: Kind, clock: str, arrives: str = "", watch: int = 0, flags: Flag = Flag(0), **cells) -> list:  # noqa: B008 - an immutable flag
        """One reading of `clock`, after the ticks that lie before its arrival."""
        arrival = at(arrives or clock)
        self.tick_to(arrival - 1)
        row = {"watch": watch, "kind": kind, "time_ms": at(clock), "arrival_ms": arrival, "flags": flags, **cells}
        return self._take(RecordKind.READINGS, arrival, readings=Readings.of_rows([row]))

    def heart(self, clock: str, bpm: float | None = None, steps: float | None = None, **more) -> list:
        cells = {"bpm": bpm, "steps": steps}
        return self.hear(
            Kind.HEART_RATE, clock, **{name: value for name, value in cells.items() if value is not None}, **more
        )

    def tick_to(self, until_ms: int | str) -> None:
        """Ticks every second, as a live log has them."""
        until_ms = at(until_ms) if isinstance(until_ms, str) else until_ms
        while self.now and self.now + SECOND <= until_ms:
            self.tick(self.now + SECOND)

    def tick(self, log_ms: int | str, *, deaf: bool = False) -> list:
        return self._take(RecordKind.TICK, at(log_ms) if isinstance(log_ms, str) else log_ms, deaf=deaf)

    def step(self, log_ms: int | str, by_ms: int) -> list:
        """The wall clock stepped."""
        log_ms = at(log_ms) if isinstance(log_ms, str) else log_ms
        return self._take(RecordKind.CLOCK_STEP, log_ms, step_ms=by_ms)

    def story(self, rule: str = "") -> list[str]:
        """`change why clock` of everything told so far."""
        return [f"{t.change} {t.why} {clock_of(t.at_ms)}" for t in self.told if rule in ("", t.rule)]


def clock_of(time_ms: int) -> str:
    """08:00:30, with a fraction where there is one."""
    ms = time_ms - MIDNIGHT
    fraction = f".{ms % SECOND:03}".rstrip("0") if ms % SECOND else ""
    return f"{ms // HOUR:02}:{ms % HOUR // MINUTE:02}:{ms % MINUTE // SECOND:02}{fraction}"
