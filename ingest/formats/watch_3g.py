"""Bracket text of makers 3G, SG, CS, ZJ (WIRE.md section 3), facts from the captured frames of traccar's tests.

Choices where the format leaves room:
- Measurements and LK carry no time: their time is the arrival, flagged `TIME_MISSING`.
- LK and positions count steps since midnight. "Since the previous reading" cannot be known from one frame, so steps
  are left out; rules see them as unknown. An LK of two numbers does not say which is the battery: it says none.
- V means no fix: no place, but battery and alarms count, in a status reading.
- Voice, pictures and what a watch says back to a command are counted (watch_3g_others.py).
- An AL frame whose status cannot be read alerts as SOS, flagged `UNDECODABLE`. One that sets no known bit is counted,
  or an SOS, as the profile says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.formats.alarm import BITS, EMERGENCIES, EVENTS, Alarm, UnnamedAlarm
from ingest.formats.contract import Answer, Decoded, Message, Reason, Refusal
from ingest.formats.identity import is_watch_id, stand_in_id
from ingest.formats.profile import Profile
from ingest.formats.rows import Rows, shown
from ingest.formats.watch_3g_frame import Frame, frames
from ingest.formats.watch_3g_others import NOT_READINGS, answer_to
from ingest.formats.watch_3g_position import Position, number, read_position
from ingest.reading import Event, Flag, Kind, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

STANDARD = Profile("watch_3g", status_bits=BITS)
_MEASURED = {
    "heart": ("bpm",),
    "pulse": ("bpm",),
    "blood": ("systolic", "diastolic", "bpm"),
    "bphrt": ("systolic", "diastolic", "bpm"),
    "btemp2": ("", "skin_c"),
    "oxygen": ("", "spo2"),
    "temp": ("skin_c",),
}
_PLACE = ("lat", "lon", "speed_kmh", "accuracy_m")
"""Fields 1 to 4 of a `Position`, in its order."""
_ANSWERS = {"LK": "LK", "TKQ": "TKQ", "TKQ2": "TKQ2", "INIT": "INIT,1"}


class Watch3G:
    """The decoder; one a profile."""

    name = "watch_3g"

    def __init__(self, profile: Profile = STANDARD) -> None:
        self.profile = profile

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Every frame of every payload: readings, or a refusal with its reason, and its answer. Raises for none."""
        rows = Rows()
        for index, message in enumerate(messages):
            for place, frame in enumerate(frames(message.payload)):
                if isinstance(frame, str):
                    rows.refusals.append(Refusal(index, Reason.BAD_FRAME, frame, place))
                else:
                    _FrameReader(rows, (index, message), place, frame, self.profile).read()
        return rows.finish()


class _FrameReader:
    """One frame being read into `rows`."""

    def __init__(self, rows: Rows, message: tuple[int, Message], place: int, frame: Frame, profile: Profile) -> None:
        self.rows = rows
        self.message = message
        self.place = place
        self.frame = frame
        self.profile = profile
        self.watch_id = frame.device if is_watch_id(frame.device) else stand_in_id(frame.device)

    def read(self) -> None:
        kind = self.frame.type.upper()
        if kind in NOT_READINGS:
            self._other(kind)
            return
        if not self.frame.complete:
            self._refuse(Reason.BAD_FRAME, "the frame has no end")
        if self.watch_id != self.frame.device:
            self._refuse(Reason.BAD_WATCH_ID, f"{shown(self.frame.device)}: an id is 1 to 64 of A-Z a-z 0-9 . _ -")
            if not kind.startswith(("AL", "UD", "WT")):
                return
        if kind.startswith("AL"):
            self._answer("AL")
        elif kind in _ANSWERS:
            self._answer(_ANSWERS[kind])
        if kind.startswith(("AL", "UD", "WT")):
            self._position(read_position(self.frame.fields, self.profile.utc_offset_min), alarm=kind.startswith("AL"))
        elif kind.lower() in _MEASURED:
            self._measurement(_MEASURED[kind.lower()], measured=not self._says_unmeasured(kind))
        elif kind in _ANSWERS:
            self._alive(kind)
        else:
            self._refuse(Reason.NOT_A_READING, f"type {shown(self.frame.type)}")

    def _other(self, kind: str) -> None:
        """Counted, however bad it is, and answered where its watch waits."""
        self.rows.count_unknown(f"{kind} frame")
        answer = answer_to(kind, self.frame.fields)
        if answer is not None and self.watch_id == self.frame.device:
            self._answer(answer)

    def _refuse(self, reason: Reason, detail: str) -> None:
        self.rows.refusals.append(Refusal(self.message[0], reason, detail, self.place))

    def _answer(self, content: str) -> None:
        self.rows.answers.append(Answer(self.message[0], self.watch_id, self.frame.answer(content)))

    def _open(self, kind: Kind, time_ms: int | None = None, flags: int = 0) -> int:
        return self.rows.open(self.message, self.watch_id, kind, time_ms, flags, self.place)

    def _alive(self, kind: str) -> None:
        """LK is `steps, tumbles, battery`; the others say only that the watch is there."""
        row = self._open(Kind.STATUS)
        if kind == "LK" and len(self.frame.fields) >= 3:
            self._put_text(row, "battery", self.frame.fields[2])

    def _says_unmeasured(self, kind: str) -> bool:
        """`btemp2` begins with 0 where no temperature was taken."""
        return kind == "BTEMP2" and number("".join(self.frame.fields[:1])) == 0

    def _measurement(self, names: Sequence[str], *, measured: bool) -> None:
        """Values in the order of `names`. 0 says that it was not measured; of a heart rate, that it is not worn."""
        said = [(name, text) for name, text in zip(names, self.frame.fields, strict=False) if name and text]
        if not said:
            self._refuse(Reason.BAD_FRAME, f"{self.frame.type} without a value")
            return
        row = self._open(Kind.HEART_RATE)
        for name, text in said:
            if name == "bpm" or (measured and number(text) != 0):
                self._put_text(row, name, text)

    def _put_text(self, row: int, name: str, text: str) -> None:
        value = number(text)
        if value is not None:
            self.rows.put(row, name, value)
        elif text:
            self.rows.empty_field(row, name, Reason.WRONG_TYPE, text)

    def _position(self, position: Position, *, alarm: bool) -> None:
        """Life safety first: emergencies, then what happened to the watch, then where it is."""
        alarms = self._alarms(position, alarm=alarm)
        for kind in (EMERGENCIES[a] for a in alarms if a in EMERGENCIES):
            flags = 0 if position.status is not None else Flag.UNDECODABLE
            self._put_battery(self._open(kind, position.time_ms, flags), position)
        if position.time_ms is None:
            self._refuse(Reason.BAD_TIME, f"{self.frame.type}: {shown(self.frame.fields[:2])} is no ddmmyy, hhmmss")
            return
        if position.status is None and not alarm:
            self._refuse(Reason.BAD_FRAME, f"{self.frame.type}: no status word among its fields")
            return
        events = [EVENTS[a] for a in alarms if a in EVENTS]
        for event in events:
            self._event(event, position)
        if position.has_fix:
            self._place(position)
        elif not events:
            self._put_battery(self._open(Kind.STATUS, position.time_ms), position)

    def _alarms(self, position: Position, *, alarm: bool) -> list[Alarm]:
        """In the order of `Alarm`, each once; what no reading can hold is counted."""
        if position.status is None:
            if alarm:
                self._refuse(Reason.BAD_FRAME, f"{self.frame.type}: an alarm whose status cannot be read")
            return [Alarm.SOS] if alarm else []
        word = position.status
        meant = {one for bit, one in self.profile.status_bits.items() if word >> bit & 1} if word else set()
        if not meant:
            if not alarm:
                return []
            self.rows.count_unknown("alarm without a known bit")
            return [Alarm.SOS] if self.profile.unnamed_alarm is UnnamedAlarm.SOS else []
        for other in sorted(meant - EMERGENCIES.keys() - EVENTS.keys()):
            self.rows.count_unknown(other)
        return [known for known in Alarm if known in meant]

    def _event(self, event: Event, position: Position) -> None:
        row = self._open(Kind.STATUS, position.time_ms)
        self.rows.put(row, "event", event)
        if event is Event.REMOVED:
            self.rows.put(row, "worn", 0)
        self._put_battery(row, position)

    def _place(self, position: Position) -> None:
        row = self._open(Kind.LOCATION, position.time_ms)
        self.rows.put(row, "source", Source.GPS)
        for name, value in zip(_PLACE, position[1:5], strict=True):
            if value is not None:
                self.rows.put(row, name, value)
        self._put_battery(row, position)

    def _put_battery(self, row: int, position: Position) -> None:
        if position.battery is not None:
            self.rows.put(row, "battery", position.battery)
