"""Officers and their weekly shifts (config/roster.toml), and who is on duty at a moment. Pure."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import msgspec

from alerts.people.phones import PhoneError, e164

if TYPE_CHECKING:
    from pathlib import Path

NS_PER_S = 1_000_000_000
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class RosterError(Exception):
    """roster.toml is wrong; the text names every place, its value and the remedy, a line each."""


class Officer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the staff. `phone` in E.164. `role`: what they may do at the board."""

    login: str
    name: str
    phone: str = ""
    email: str = ""
    language: Literal["zh", "en"] = "zh"
    role: Literal["officer", "chief", "admin", "viewer", "wall"] = "officer"


class Shift(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """The same hours on some days of the week, site time. `end` at or before `start`: it ends on the next day."""

    name: str
    days: tuple[Day, ...]
    start: str
    end: str
    first: tuple[str, ...]
    backup: tuple[str, ...] = ()
    lead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """Who is on duty, in the order in which they are asked. All empty: a gap in cover."""

    first: tuple[Officer, ...] = ()
    backup: tuple[Officer, ...] = ()
    lead: tuple[Officer, ...] = ()

    @property
    def everyone(self) -> tuple[Officer, ...]:
        """Each once, in order."""
        return tuple(dict.fromkeys(self.first + self.backup + self.lead))


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody is first from `start_minute` to `end_minute` of the week (Monday 00:00 is 0, site time)."""

    start_minute: int
    end_minute: int

    def __str__(self) -> str:
        return f"nobody is on duty from {_week_time(self.start_minute)} to {_week_time(self.end_minute)}"


@dataclass(frozen=True, slots=True)
class Roster:
    """Checked: every login that a shift names is an officer with a phone number or an email address."""

    officers: tuple[Officer, ...]
    shifts: tuple[Shift, ...]

    def officer(self, login: str) -> Officer:
        """The officer of this login. KeyError if there is none."""
        for officer in self.officers:
            if officer.login == login:
                return officer
        raise KeyError(login)


def on_duty(roster: Roster, now_ns: int, time_zone: str) -> Chain:
    """Who is on duty at `now_ns`; the shifts that cover the moment are joined in the file's order."""
    here = datetime.fromtimestamp(now_ns // NS_PER_S, UTC).astimezone(ZoneInfo(time_zone))
    covering = [shift for shift in roster.shifts if _covers(shift, here)]

    def named(step: str) -> tuple[Officer, ...]:
        logins = [login for shift in covering for login in getattr(shift, step)]
        return tuple(roster.officer(login) for login in dict.fromkeys(logins))

    return Chain(named("first"), named("backup"), named("lead"))


def gaps_in_cover(roster: Roster) -> tuple[Gap, ...]:
    """The stretches of the week in which nobody is first."""
    covered = bytearray(7 * 24 * 60)
    for shift in roster.shifts:
        start, length = _minute(shift.start), _length_min(shift)
        for day in shift.days if shift.first else ():
            for minute in range(start, start + length):
                covered[(DAYS.index(day) * 1440 + minute) % len(covered)] = 1
    return tuple(_stretches(covered))


def load_roster(path: Path) -> Roster:
    """Read and check roster.toml. Raises `RosterError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        place = path if path.is_absolute() else f"{path} in {path.cwd()}"
        raise RosterError(f"{place}: cannot be read: {error}; setting roster_file names the roster") from None
    return parse_roster(text, file=str(path))


def parse_roster(text: str, *, file: str) -> Roster:
    """The roster of a TOML text. Raises `RosterError` naming `file`."""
    try:
        raw = msgspec.convert(tomllib.loads(text), _File)
    except tomllib.TOMLDecodeError as error:
        raise RosterError(f"{file}: not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise RosterError(f"{file}: {error}") from None
    officers, problems = _checked_officers(raw.officer)
    problems += _shift_problems(raw.shift, {officer.login: officer for officer in officers})
    if problems:
        raise RosterError("\n".join(f"{file}: {problem}" for problem in problems))
    return Roster(tuple(officers), raw.shift)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    officer: tuple[Officer, ...]
    shift: tuple[Shift, ...]


def _checked_officers(officers: tuple[Officer, ...]) -> tuple[list[Officer], list[str]]:
    checked: list[Officer] = []
    problems: list[str] = []
    for officer in officers:
        if any(officer.login == other.login for other in checked):
            problems.append(f"officer {officer.login!r} stands twice; keep one")
        try:
            phone = e164(officer.phone) if officer.phone else ""
        except PhoneError as error:
            problems.append(f"officer {officer.login!r}: phone {officer.phone!r}: {error}; write it as +8613800138000")
            phone = ""
        if officer.email and "@" not in officer.email:
            problems.append(f"officer {officer.login!r}: email {officer.email!r}: is not an address")
        checked.append(msgspec.structs.replace(officer, phone=phone))
    return checked, problems


def _shift_problems(shifts: tuple[Shift, ...], officers: dict[str, Officer]) -> list[str]:
    problems = []
    for shift in shifts:
        for name, text in (("from", shift.start), ("to", shift.end)):
            if _minute(text) < 0:
                problems.append(f"shift {shift.name!r}: {name} = {text!r}: write a time of day as 08:00")
        for login in dict.fromkeys(shift.first + shift.backup + shift.lead):
            officer = officers.get(login)
            if officer is None:
                problems.append(f"shift {shift.name!r}: {login!r} is no officer; one of {', '.join(officers)}")
            elif not officer.phone and not officer.email:
                problems.append(f"shift {shift.name!r}: {login!r} cannot be told; give a phone or an email")
    return problems


def _minute(text: str) -> int:
    """Minutes since midnight of `HH:MM` (24:00 is 1440); -1 if it is none."""
    hour, colon, minute = text.partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal() and len(minute) == 2):
        return -1
    total = int(hour) * 60 + int(minute)
    return total if int(minute) < 60 and total <= 1440 else -1


def _length_min(shift: Shift) -> int:
    return (_minute(shift.end) - _minute(shift.start) - 1) % 1440 + 1


def _covers(shift: Shift, here: datetime) -> bool:
    """Wall-clock hours: on the day that the clocks change a night is an hour shorter or longer."""
    minute = here.hour * 60 + here.minute
    start, length = _minute(shift.start), _length_min(shift)
    today, yesterday = DAYS[here.weekday()], DAYS[(here - timedelta(days=1)).weekday()]
    return (today in shift.days and start <= minute < start + length) or (
        yesterday in shift.days and minute + 1440 < start + length
    )


def _stretches(covered: bytearray) -> list[Gap]:
    found: list[Gap] = []
    start = covered.find(0)
    while start >= 0:
        end = covered.find(1, start)
        end = len(covered) if end < 0 else end
        found.append(Gap(start, end))
        start = covered.find(0, end)
    return found


def _week_time(minute: int) -> str:
    day, rest = divmod(minute, 1440)
    return f"{DAYS[day % 7]} {rest // 60:02d}:{rest % 60:02d}"
