"""The import of residents.csv (WIRE.md section 6): every row good, or nothing imported and every bad cell named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alerts.people import cells
from alerts.people.csv_file import RowProblem, decoded, read_sheet
from alerts.store.people import put_resident

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alerts.people.csv_file import Sheet
    from alerts.store.database import Store


@dataclass(frozen=True, slots=True)
class ResidentRow:
    """One resident as the sheet gives them. Home in WGS-84 degrees; None: not known."""

    watch_id: str
    name: str
    born: int | None = None
    sex: str = ""
    address: str = ""
    community: str = ""
    phone: str = ""
    language: str = "zh"
    latitude: float | None = None
    longitude: float | None = None
    home_radius_m: float | None = None
    contact_name: str = ""
    contact_phone: str = ""
    contact_relation: str = ""
    notes: str = ""
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResidentImport:
    """What became of a file. `imported` is 0 if there were problems and bad rows were not to be skipped."""

    rows: tuple[ResidentRow, ...]
    problems: tuple[RowProblem, ...]
    imported: int = 0


def read_residents(body: bytes, known_limits: frozenset[str] | None = None) -> ResidentImport:
    """Read and check a residents.csv. Pure: nothing is kept.

    Parameters
    ----------
    body
        The file: UTF-8 with or without a byte order mark, or GB18030.
    known_limits
        Names of the limits that the rules know; None takes any further column as a limit.
    """
    text = decoded(body)
    if isinstance(text, RowProblem):
        return ResidentImport((), (text,))
    sheet = read_sheet(text, known_limits)
    rows: list[ResidentRow] = []
    problems = list(sheet.problems)
    first_line: dict[str, int] = {}
    for line, row in sheet.rows:
        resident = _resident(line, row, sheet, first_line, problems)
        if resident is not None:
            rows.append(resident)
    return ResidentImport(tuple(rows), tuple(sorted(problems, key=lambda problem: problem.line)))


def import_residents(
    store: Store, body: bytes, now_ns: int, *, skip_bad: bool = False, known_limits: frozenset[str] | None = None
) -> ResidentImport:
    """Read, check and keep. The wearer of a watch that is known is changed, never doubled.

    The engine learns of new homes and limits by a new settings version: see alerts.people.wearers.
    """
    checked = read_residents(body, known_limits)
    if checked.problems and not skip_bad:
        return checked
    keep_residents(store, checked.rows, now_ns)
    return ResidentImport(checked.rows, checked.problems, imported=len(checked.rows))


def keep_residents(store: Store, rows: tuple[ResidentRow, ...], now_ns: int) -> None:
    """Write rows that are known good, in one transaction."""
    with store.transaction() as connection:
        for row in rows:
            columns: dict[str, Any] = {name: getattr(row, name) for name in ResidentRow.__slots__}
            del columns["watch_id"]
            columns["limits"] = dict(row.limits)
            put_resident(connection, row.watch_id, columns, now_ns)


def _resident(
    line: int, row: dict[str, str], sheet: Sheet, first_line: dict[str, int], problems: list[RowProblem]
) -> ResidentRow | None:
    """The resident of a row, or None and what is wrong with it."""
    read = cells.RowReader(line, row)
    watch_id = read.watch_id()
    if watch_id and first_line.setdefault(watch_id, line) != line:
        read.refuse("watch_id", f"line {first_line[watch_id]} has this watch already; a watch has one wearer")
    latitude, longitude = read.home()
    resident = ResidentRow(
        watch_id=watch_id,
        name=read.required("name"),
        born=read.year("born"),
        sex=read.word("sex", cells.SEXES, ""),
        address=read.text("address"),
        community=read.text("community"),
        phone=read.phone("phone"),
        language=read.word("language", cells.LANGUAGES, "zh"),
        latitude=latitude,
        longitude=longitude,
        home_radius_m=read.number("home_radius_m", 20, 100_000),
        contact_name=read.text("contact_name"),
        contact_phone=read.phone("contact_phone"),
        contact_relation=read.text("contact_relation"),
        notes=read.text("notes"),
        limits={name: value for name in sheet.limits if (value := read.number(name)) is not None},
    )
    problems += read.problems
    return None if read.problems else resident
