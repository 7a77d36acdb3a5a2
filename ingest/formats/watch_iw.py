"""`IWAP..#` and `TRVAP..#` text (WIRE.md section 3); sources of its facts in watch_iw_frame.py.

Whose it is: the level of the topic that the source's first `+` matches. By TCP a watch says its IMEI once, at login;
what carries its frames to MQTT must name the watch in the topic. Where it does not, the IMEI of a frame that has one.

Choices where the format leaves room:
- Only positions (and APJK, APWR, APFD) tell a time; the others' time is the arrival, flagged `TIME_MISSING`.
- Dates are yymmdd. V, and a place of 0, 0, mean no fix: no place, but battery and alarm count.
- An alarm's code means what the model's profile says. A code that nobody mapped, and an alarm whose code cannot be
  read, alert as SOS, flagged `UNDECODABLE`, and are refused with the code, until the profile names it or ignores it.
- AP03 counts steps since midnight. "Since the previous reading" cannot be known from one frame: they are counted.
- APWR is believed only when it says that the watch is off. 0 of a heart rate says the same, of other values nothing.
- A frame that is the answer to a command (six digits of a journal first), voice, pictures, Bluetooth, versions, sleep
  and ECG are no readings: counted, answered where the watch waits for it, not kept.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingest.formats.alarm import CODES, EMERGENCIES, EVENTS, Alarm, UnnamedAlarm
from ingest.formats.contract import Answer, Decoded, Message, Reason, Refusal
from ingest.formats.identity import is_watch_id, stand_in_id
from ingest.formats.profile import Profile
from ingest.formats.rows import Rows, shown
from ingest.formats.times import time_ms_of_digits, two_digit_time_ms
from ingest.formats.watch_3g_position import number
from ingest.formats.watch_iw_frame import Fix, Frame, frames, read_fix
from ingest.reading import Event, Flag, Kind, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

STANDARD = Profile(
    "watch_iw",
    unnamed_alarm=UnnamedAlarm.SOS,
    alarm_codes=CODES,
)
_MEASURED = {
    "AP49": ("bpm",),
    "APHT": ("bpm", "systolic", "diastolic"),
    "APHP": ("bpm", "systolic", "diastolic", "spo2", "", "skin_c"),
    "AP50": ("skin_c", "battery"),
}
_HEALTH = {"1": ("diastolic", "systolic"), "2": ("bpm",), "3": ("skin_c",), "4": ("spo2",)}
"""What APJK measures by its second field: several values stand apart by `|`."""
_POSITIONS = frozenset({"AP01", "AP10", "YP03", "YP14"})
_COUNTED = frozenset({"AP05", "AP07", "AP42", "AP51", "AP94", "AP97", "APBL", "APHD", "APRR", "APVR", "APWT"})
_UNANSWERED = frozenset({"AP12", "AP14", "AP33", "AP34", "AP40", "AP76", "AP77", "AP84", "AP85", "AP86", "AP87"}) | {
    "APVR",
    "APWR",
    "APWT",
}
_JOURNAL = re.compile(r",\d{6}(?:,.*)?", re.ASCII | re.DOTALL)
_STATE = re.compile(r"\d{6}(\d{3})\d{5}", re.ASCII)
_LONG_STATE = re.compile(r"\d{6}(\d{3})\d{5,30}", re.ASCII)
_HEX_STATE = re.compile(r"[0-9A-Fa-f]{4}([0-9A-Fa-f]{2})[0-9A-Fa-f]{4}", re.ASCII)
_CHARGER = re.compile(r"\d{27}([0-2])\d{1,10}", re.ASCII)
"""CP01: 14 digits of state, interval, alarms, blocked, then power (1: on the charger, 2: not, 0: not known)."""
_IMEI = re.compile(r"\d{14,17}", re.ASCII)
_CODE_FIELD = 5


class WatchIW:
    """The decoder; one a profile."""

    name = "watch_iw"

    def __init__(self, profile: Profile = STANDARD) -> None:
        self.profile = profile

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Every frame of every payload: readings, or a refusal with its reason, and its answer. Raises for none."""
        rows = Rows()
        for index, message in enumerate(messages):
            imei = ""
            for place, frame in enumerate(frames(message.payload)):
                if isinstance(frame, str):
                    rows.refusals.append(Refusal(index, Reason.BAD_FRAME, frame, place))
                else:
                    imei = _imei(frame) or imei
                    named = message.watch_id or imei
                    _FrameReader(rows, (index, message), place, frame, named, self.profile).read()
        return rows.finish()


def _imei(frame: Frame) -> str:
    """Of login, and of frames that say it in their first fields."""
    said = frame.field(0) or frame.field(1)
    return said if _IMEI.fullmatch(said) and frame.type in ("AP00", "APWR", "APFD", "APBL", "APVR", "AP42") else ""


class _FrameReader:
    """One frame being read into `rows`."""

    def __init__(
        self, rows: Rows, message: tuple[int, Message], place: int, frame: Frame, named: str, profile: Profile
    ) -> None:
        self.rows = rows
        self.message = message
        self.place = place
        self.frame = frame
        self.profile = profile
        self.named = named
        self.watch_id = named if is_watch_id(named) else stand_in_id(named)

    def read(self) -> None:
        """What the frame says, and the answer that its watch waits for."""
        what = self.frame.type
        is_fall = what == "APFD" and not self.frame.field(0)
        if self.watch_id != self.named:
            detail = f'{shown(self.named)}: no watch; name it in the topic: filter = "iw/+/up"'
            self._refuse(Reason.BAD_WATCH_ID, detail)
            if what != "AP10" and not is_fall:
                return
        if self._is_acknowledgement():
            self.rows.count_unknown(f"{what} answer to a command")
            return
        self._answer()
        if what in _POSITIONS or (what == "APFD" and not is_fall):
            self._position(read_fix(self.frame.field(0)))
        elif is_fall:
            self._timed(Kind.FALL, self.frame.field(2))
        elif what in _MEASURED:
            self._measurement(_MEASURED[what], self.frame.fields[1:], None)
        else:
            self._other(what)

    def _is_acknowledgement(self) -> bool:
        """Positions and measurements never look like one, except that a heart rate could: they are asked first."""
        known = self.frame.type in _POSITIONS or self.frame.type in _MEASURED
        return not known and (_JOURNAL.fullmatch(self.frame.content) is not None)

    def _other(self, what: str) -> None:
        if what == "AP00":
            self.rows.put(self._open(Kind.STATUS), "event", Event.ONLINE)
        elif what in ("AP02", "AP06"):
            self._open(Kind.STATUS)  # cells and WLANs: it lives, and says no place
        elif what in ("AP03", "CP01"):
            self._state(self.frame.field(1))
        elif what == "APJK":
            self._health()
        elif what == "APWR":
            self._worn(self.frame.field(2))
        elif what in _COUNTED or what in _UNANSWERED:
            self.rows.count_unknown(f"{what} frame")
        else:
            self._refuse(Reason.NOT_A_READING, f"type {shown(what)}")

    def _refuse(self, reason: Reason, detail: str) -> None:
        self.rows.refusals.append(Refusal(self.message[0], reason, detail, self.place))

    def _open(self, kind: Kind, time_ms: int | None = None, flags: int = 0) -> int:
        return self.rows.open(self.message, self.watch_id, kind, time_ms, flags, self.place)

    def _answer(self) -> None:
        frame, content = self.frame, ""
        if frame.type in _UNANSWERED and not (frame.maker == "TRV" and frame.type == "AP14"):
            return
        if frame.type == "AP00" and frame.maker == "IW":
            utc = datetime.fromtimestamp(self.message[1].arrival_ms / 1000, UTC)
            content = f",{utc:%Y%m%d%H%M%S},{self.profile.zone_h}"
        elif frame.type == "AP14":
            content = ",0.000,0.000"  # it asks where it is, and nobody knows
        elif frame.type == "APJK":
            content = f",{frame.field(2)[:8]}"
        self.rows.answers.append(Answer(self.message[0], self.watch_id, frame.answer(content)))

    def _position(self, fix: Fix | None) -> None:
        """Life safety first: emergencies, then what happened to the watch, then where it is."""
        alarm = self._alarm() if self.frame.type == "AP10" else None
        time_ms = None
        if fix is not None:
            day = fix.day[4:] + fix.day[2:4] + fix.day[:2]
            time_ms = two_digit_time_ms(day, fix.clock, self.profile.utc_offset_min)
        battery = None if fix is None else fix.battery
        if alarm is not None and alarm[0] in EMERGENCIES:
            self._battery(self._open(EMERGENCIES[alarm[0]], time_ms, alarm[1]), battery)
        if fix is None or time_ms is None:
            reason = Reason.BAD_FRAME if fix is None else Reason.BAD_TIME
            self._refuse(reason, f"{self.frame.type}: {shown(self.frame.field(0))} is no yymmddAddmm.mmmmN...")
            return
        event = None if alarm is None else EVENTS.get(alarm[0])
        if event is not None:
            self._event(event, time_ms, battery)
        if fix.lat is not None:
            self._place(fix, time_ms)
        elif event is None:
            self._battery(self._open(Kind.STATUS, time_ms), battery)

    def _alarm(self) -> tuple[Alarm, int]:
        """What the frame's code means, and the flags of an alarm that it does not say."""
        code = self.frame.field(_CODE_FIELD).strip()
        meant = self.profile.alarm_codes.get(code)
        if meant is not None:
            if meant not in EMERGENCIES and meant not in EVENTS:
                self.rows.count_unknown("alarm without a cause" if meant is Alarm.NONE else meant)
            return meant, 0
        if re.fullmatch(r"\d\d", code, re.ASCII) is None:
            self._refuse(Reason.BAD_FRAME, f"AP10: an alarm whose code cannot be read: {shown(code)}")
            return Alarm.SOS, Flag.UNDECODABLE
        if self.profile.unnamed_alarm is UnnamedAlarm.IGNORE:
            self.rows.count_unknown(f"alarm code {code}")
            return Alarm.NONE, 0
        remedy = f'write {code} = "..." into [alarm_codes] of its profile in config/devices/'
        self._refuse(Reason.OUT_OF_RANGE, f"AP10: nobody said what alarm code {code} means; {remedy}")
        return Alarm.SOS, Flag.UNDECODABLE

    def _event(self, event: Event, time_ms: int | None, battery: float | None) -> None:
        row = self._open(Kind.STATUS, time_ms)
        self.rows.put(row, "event", event)
        if event is Event.REMOVED:
            self.rows.put(row, "worn", 0)
        self._battery(row, battery)

    def _place(self, fix: Fix, time_ms: int) -> None:
        row = self._open(Kind.LOCATION, time_ms)
        self.rows.put(row, "source", Source.GPS)
        if fix.lat is not None and fix.lon is not None:
            self.rows.put(row, "lat", fix.lat)
            self.rows.put(row, "lon", fix.lon)
        self.rows.put(row, "speed_kmh", fix.speed_kmh)
        self._battery(row, fix.battery)

    def _battery(self, row: int, battery: float | None) -> None:
        if battery is not None:
            self.rows.put(row, "battery", battery)

    def _state(self, state: str) -> None:
        """Heartbeats; power of CP01."""
        row = self._open(Kind.STATUS)
        is_long = self.frame.type == "CP01"
        if (digits := (_LONG_STATE if is_long else _STATE).fullmatch(state)) is not None:
            self.rows.put(row, "battery", float(digits[1]))
            charger = _CHARGER.fullmatch(state) if is_long else None
            if charger is not None and charger[1] != "0":
                self.rows.put(row, "charging", 1 if charger[1] == "1" else 0)
        elif (hexadecimal := _HEX_STATE.fullmatch(state)) is not None:
            self.rows.put(row, "battery", int(hexadecimal[1], 16))
        else:
            self.rows.count_unknown(f"{self.frame.type} state")
        if self.frame.type == "AP03" and self.frame.field(2):
            self.rows.count_unknown("steps since midnight")

    def _measurement(self, names: Sequence[str], texts: Sequence[str], time_ms: int | None) -> None:
        """Values in the order of `names`. 0 says that it was not measured; of a heart rate, that it is not worn."""
        said = [(name, text.strip()) for name, text in zip(names, texts, strict=False) if name and text.strip()]
        if not said:
            self._refuse(Reason.BAD_FRAME, f"{self.frame.type} without a value")
            return
        row = self._open(Kind.HEART_RATE, time_ms)
        for name, text in said:
            value = number(text)
            if value is None:
                self.rows.empty_field(row, name, Reason.WRONG_TYPE, text)
            elif value or name == "bpm":
                self.rows.put(row, name, value)

    def _health(self) -> None:
        """`APJK,time,what,value`."""
        time_ms = self._time_ms(self.frame.field(1))
        names = _HEALTH.get(self.frame.field(2).strip())
        if names is None or time_ms is None:
            reason = Reason.BAD_TIME if names else Reason.NOT_A_READING
            self._refuse(reason, f"APJK: {shown(self.frame.fields[1:3])} is no time and one of 1, 2, 3, 4")
            return
        self._measurement(names, self.frame.field(3).split("|"), time_ms)

    def _worn(self, said: str) -> None:
        if said.strip() == "0":
            self._event(Event.REMOVED, self._time_ms(self.frame.field(3)), None)
            return
        self._open(Kind.STATUS, self._time_ms(self.frame.field(3)))
        self.rows.count_unknown("APWR: worn")

    def _timed(self, kind: Kind, said: str) -> None:
        """An emergency that says its time and nothing else."""
        time_ms = self._time_ms(said)
        row = self._open(kind, time_ms)
        if said and time_ms is None:
            self.rows.empty_field(row, "time", Reason.BAD_TIME, said)

    def _time_ms(self, text: str) -> int | None:
        return time_ms_of_digits(text, self.profile.utc_offset_min)
