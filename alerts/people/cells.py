"""The cells of one row of residents.csv, each read to its type or named as a problem with a remedy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alerts.people.csv_file import RowProblem
from alerts.people.phones import PhoneError, e164
from ingest.datum import gcj02_to_wgs84
from ingest.watches import WATCH_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

SEXES = {"male": "male", "m": "male", "男": "male", "female": "female", "f": "female", "女": "female"}
LANGUAGES = {"zh": "zh", "en": "en"}
DATUMS = {"wgs84": "wgs84", "gcj02": "gcj02"}
OLDEST_BIRTH, NEWEST_BIRTH = 1880, 2100


class RowReader:
    """Reads cell after cell and gathers what is wrong; a bad cell reads as empty."""

    def __init__(self, line: int, row: Mapping[str, str]) -> None:
        self._line = line
        self._row = row
        self.problems: list[RowProblem] = []

    def refuse(self, column: str, remedy: str) -> None:
        """Name a cell as bad."""
        self.problems.append(RowProblem(self._line, column, self.text(column), remedy))

    def text(self, column: str) -> str:
        """As it stands; empty if the sheet has no such column."""
        return self._row.get(column, "")

    def required(self, column: str) -> str:
        """Some text."""
        if not self.text(column):
            self.refuse(column, "is empty; every row needs one")
        return self.text(column)

    def watch_id(self) -> str:
        """The id as the watch's topic has it."""
        text = self.required("watch_id")
        if text and not WATCH_ID.fullmatch(text):
            self.refuse("watch_id", "1 to 64 of A-Z a-z 0-9 . _ -, as in the watch's topic")
        return text

    def word(self, column: str, words: Mapping[str, str], default: str) -> str:
        """One of `words`."""
        text = self.text(column).lower()
        if text and text not in words:
            self.refuse(column, f"one of {', '.join(words)}")
        return words.get(text, default)

    def number(self, column: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        """A number from `low` to `high`; None if the cell is empty."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            self.refuse(column, "is not a number; write it with digits and a point")
            return None
        if not math.isfinite(value) or not low <= value <= high:
            self.refuse(column, f"out of range; from {low:g} to {high:g}")
            return None
        return value

    def year(self, column: str) -> int | None:
        """A year of birth; of a date (1941-05-03) its year."""
        text = self.text(column)
        if not text:
            return None
        year = text[:4]
        if not (year.isascii() and year.isdigit() and OLDEST_BIRTH <= int(year) <= NEWEST_BIRTH):
            self.refuse(column, "not a year of birth; write 1941 or 1941-05-03")
            return None
        return int(year)

    def phone(self, column: str) -> str:
        """In E.164; empty if the cell is."""
        text = self.text(column)
        try:
            return e164(text) if text else ""
        except PhoneError as error:
            self.refuse(column, f"{error}; write it as it is dialled, e.g. 13800138000 or +8613800138000")
            return ""

    def home(self) -> tuple[float | None, float | None]:
        """Latitude and longitude in WGS-84; both, or neither. `datum` says what the sheet has (empty: wgs84)."""
        latitude, longitude = self.number("latitude", -90, 90), self.number("longitude", -180, 180)
        datum = self.word("datum", DATUMS, "wgs84")
        if bool(self.text("latitude")) != bool(self.text("longitude")):
            self.refuse("longitude" if self.text("latitude") else "latitude", "a home needs both, or neither")
        if latitude is None or longitude is None:
            return None, None
        if datum == "gcj02":
            lat, lon = gcj02_to_wgs84(np.array([latitude]), np.array([longitude]))
            return float(lat[0]), float(lon[0])
        return latitude, longitude
