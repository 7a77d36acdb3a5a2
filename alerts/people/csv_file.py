"""A residents.csv as text, and what is wrong with a cell of it, so that whoever keeps the sheet can put it right."""

from __future__ import annotations

import csv
import difflib
import io
from dataclasses import dataclass

ENCODINGS = ("utf-8-sig", "gb18030")
"""UTF-8 with or without a byte order mark, then what Chinese Excel saves."""

REQUIRED = ("watch_id", "name")
OPTIONAL = (
    "born",
    "sex",
    "address",
    "community",
    "phone",
    "language",
    "latitude",
    "longitude",
    "datum",
    "home_radius_m",
    "contact_name",
    "contact_phone",
    "contact_relation",
    "notes",
)


@dataclass(frozen=True, slots=True)
class RowProblem:
    """`line` as an editor counts them, from 1; 0: the whole file."""

    line: int
    column: str
    value: str
    remedy: str

    def __str__(self) -> str:
        where = f"line {self.line}, " if self.line else ""
        return f"{where}column {self.column}: {self.value!r}: {self.remedy}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a file as (line, column -> text), and the names of the columns that are limits."""

    rows: tuple[tuple[int, dict[str, str]], ...]
    limits: tuple[str, ...]
    problems: tuple[RowProblem, ...]


def decoded(body: bytes) -> str | RowProblem:
    """The text of the file, or what is wrong with it."""
    for encoding in ENCODINGS:
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    return RowProblem(0, "(file)", "", "neither UTF-8 nor GB18030; save it as CSV UTF-8")


def read_sheet(text: str, known_limits: frozenset[str] | None) -> Sheet:
    """Split into cells. A wrong heading is the only problem named; else each row that cannot be split is.

    `known_limits`: names of the limits that the rules know; None takes any further column as a limit.
    """
    lines = csv.reader(io.StringIO(text, newline=""))
    rows: list[tuple[int, dict[str, str]]] = []
    problems: list[RowProblem] = []
    limits: tuple[str, ...] = ()
    try:
        header = [name.strip() for name in next(lines, [])]
        limits = tuple(name for name in header if name not in REQUIRED + OPTIONAL)
        problems = _heading_problems(header, limits, known_limits)
        if problems:
            return Sheet((), limits, tuple(problems))
        line = lines.line_num + 1
        for cells in lines:
            row = _row(line, header, cells)
            if isinstance(row, RowProblem):
                problems.append(row)
            elif any(row.values()):
                rows.append((line, row))
            line = lines.line_num + 1
    except csv.Error as error:
        problems.append(RowProblem(lines.line_num, "(row)", "", f"{error}; save it as CSV UTF-8 again"))
    return Sheet(tuple(rows), limits, tuple(problems))


def _row(line: int, header: list[str], cells: list[str]) -> dict[str, str] | RowProblem:
    if len(cells) > len(header):
        remedy = "more cells than the heading has columns; put text that holds a comma in quotes"
        return RowProblem(line, "(after the last)", ",".join(cells[len(header) :]), remedy)
    padded = cells + [""] * (len(header) - len(cells))
    return {name: cell.strip() for name, cell in zip(header, padded, strict=True)}


def _heading_problems(
    header: list[str], limits: tuple[str, ...], known_limits: frozenset[str] | None
) -> list[RowProblem]:
    missing = [
        RowProblem(1, name, "", f"the heading lacks this column; it begins {','.join(REQUIRED + OPTIONAL[:4])},...")
        for name in REQUIRED
        if name not in header
    ]
    twice = [
        RowProblem(1, name, name, "the heading names this column twice; keep one")
        for name in dict.fromkeys(header)
        if header.count(name) > 1
    ]
    known = () if known_limits is None else known_limits
    unknown = [
        RowProblem(1, name, name, f"no such column or limit{_nearest(name, [*REQUIRED, *OPTIONAL, *known])}")
        for name in limits
        if not name or (known_limits is not None and name not in known_limits)
    ]
    return missing + twice + unknown


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else "; take it out"
