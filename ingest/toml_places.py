"""Where things stand in a TOML file: tomllib gives values without places, and an error without a place is a riddle."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tomllib import TOMLDecodeError

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_-]+)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^(\s*)(?:([A-Za-z0-9_-]+)|"([^"]*)"|'([^']*)')\s*=\s*""")
_AT = re.compile(r"at line (\d+), column (\d+)")
_QUOTES = ('"""', "'''")


@dataclass(frozen=True, slots=True)
class Place:
    """A line (from 1) and a column (from 1)."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class _Entry:
    key: Place
    value: Place
    opening: str


class TomlPlaces:
    """Places of tables and keys: `("rule", 2)` is the third `[[rule]]`, `("limit", 0)` the table `[limit]`."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.tables: dict[tuple[str, int], Place] = {}
        self._entries: dict[tuple[str, int, str], _Entry] = {}
        self._scan()

    def _scan(self) -> None:
        table, counts, within = ("", 0), dict[str, int](), ""
        for number, line in enumerate(self.lines, start=1):
            if within:
                within = "" if within in line else within
                continue
            if header := _HEADER.match(line):
                name = header[2]
                table = (name, counts.get(name, 0))
                counts[name] = table[1] + 1
                self.tables[table] = Place(number, line.index("[") + 1)
            elif key := _KEY.match(line):
                within = self._note(table, number, line, key)

    def _note(self, table: tuple[str, int], number: int, line: str, key: re.Match[str]) -> str:
        rest = line[key.end() :]
        opening = next((q for q in (*_QUOTES, '"', "'") if rest.startswith(q)), "")
        entry = _Entry(Place(number, len(key[1]) + 1), Place(number, key.end() + 1), opening)
        self._entries.setdefault((*table, key[2] or key[3] or key[4] or ""), entry)
        return opening if opening in _QUOTES and opening not in rest[3:] else ""

    def error(self, error: TOMLDecodeError) -> Place:
        """Where `tomllib` stopped reading; the last line if it names no place."""
        found = _AT.search(str(error))
        return Place(int(found[1]), int(found[2])) if found else Place(max(1, len(self.lines)), 1)

    def table(self, name: str, index: int) -> Place:
        """Of the table's header; the file's start if it has none."""
        return self.tables.get((name, index), Place(1, 1))

    def key(self, name: str, index: int, key: str) -> Place:
        """Of a key; of its table if it stands elsewhere."""
        entry = self._entries.get((name, index, key))
        return self.table(name, index) if entry is None else entry.key

    def inner(self, name: str, index: int, key: str, inner: str) -> Place:
        """Of a key within the inline table that is the value of `key`; of `key` if it is not found there."""
        entry = self._entries.get((name, index, key))
        if entry is None:
            return self.table(name, index)
        quoted = re.escape(inner)
        pattern = re.compile(rf"""[{{,]\s*(?:{quoted}|"{quoted}"|'{quoted}')\s*=""")
        found = pattern.search(self.lines[entry.value.line - 1], entry.value.column - 1)
        if found is None:
            return entry.key
        return Place(entry.value.line, found.start() + len(found[0]) - len(found[0][1:].lstrip()) + 1)

    def within(self, name: str, index: int, key: str, where: tuple[int, int]) -> Place:
        """Of (line from 1, column from 0) in the text that is the key's value."""
        entry = self._entries.get((name, index, key))
        if entry is None:
            return self.table(name, index)
        line, column = where
        first_line = self.lines[entry.value.line - 1]
        begins_below = entry.opening in _QUOTES and len(first_line) == entry.value.column - 1 + len(entry.opening)
        if begins_below:
            return Place(entry.value.line + line, column + 1)
        if line > 1:
            return Place(entry.value.line + line - 1, column + 1)
        return Place(entry.value.line, entry.value.column + len(entry.opening) + column)

    def source(self, place: Place) -> str:
        """The line of a place."""
        return self.lines[place.line - 1] if 0 < place.line <= len(self.lines) else ""
