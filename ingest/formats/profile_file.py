"""A file of config/devices/ being read: every fault with its line and column, not only the first."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, TypeVar

from ingest.file_problems import Problem, nearest
from ingest.toml_places import Place, TomlPlaces

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from enum import Enum

T = TypeVar("T", bound="Enum")


class ProfileError(ValueError):
    """A profile cannot be used; the text names file, line, column and remedy of every fault."""


class ProfileFile:
    """The tables of one file, and the faults found so far. Raises `ProfileError` for what is no TOML at all."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._places = TomlPlaces(text)
        self._problems: list[Problem] = []
        self.document = self._parse(text)

    def _parse(self, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            self._note(self._places.error(error), f"not TOML: {error}", "see toml.io for how it is written")
            raise self._error() from None

    def close(self) -> None:
        """Raises `ProfileError` with every fault, if there is any."""
        if self._problems:
            raise self._error()

    def _error(self) -> ProfileError:
        return ProfileError("\n".join(str(one) for one in sorted(self._problems, key=lambda p: (p.line, p.column))))

    def _note(self, place: Place, what: str, remedy: str) -> None:
        source = self._places.source(place)
        self._problems.append(Problem(self._name, place.line, place.column, what, remedy, source))

    def at_key(self, where: tuple[str, int, str], what: str, remedy: str) -> None:
        """A fault at a key: (table, its index, key); the table "" is the file's head."""
        self._note(self._places.key(*where), what, remedy)

    def at_inner(self, where: tuple[str, int, str, str], what: str, remedy: str) -> None:
        """A fault at a key of an inline table."""
        self._note(self._places.inner(*where), what, remedy)

    def at_table(self, name: str, index: int, what: str, remedy: str) -> None:
        """A fault of a table as a whole."""
        self._note(self._places.table(name, index), what, remedy)

    def check_keys(self, where: tuple[str, int], table: Mapping[str, Any], known: Collection[str]) -> None:
        """Names what is not known there, with the nearest right name."""
        for key, value in table.items():
            if key not in known:
                remedy = nearest(key, known)
                if isinstance(value, dict | list) and where[0] == "" and (key, 0) in self._places.tables:
                    self.at_table(key, 0, f"unknown table {key!r}", remedy)
                else:
                    self.at_key((*where, key), f"unknown key {key!r}", remedy)

    def word(self, where: tuple[str, int, str], value: object, words: Mapping[str, T]) -> T | None:
        """One of `words`; None after noting the fault."""
        if isinstance(value, str) and value in words:
            return words[value]
        self.at_key(where, f"{where[2]} = {value!r}", nearest(str(value), words))
        return None

    def whole(self, key: str, bounds: tuple[int, int]) -> int:
        """A whole number of the file's head within `bounds`; 0 where it is absent, or after noting the fault."""
        value = self.document.get(key, 0)
        low, high = bounds
        if type(value) is int and low <= value <= high:
            return value
        self.at_key(("", 0, key), f"{key} = {value!r}", f"write a whole number from {low} to {high}")
        return 0

    def table(self, name: str) -> dict[str, Any]:
        """`[name]`; empty where it is absent, or after noting that it is none."""
        found = self.document.get(name, {})
        if isinstance(found, dict):
            return found
        self.at_key(("", 0, name), f"{name} is no table", f"write [{name}] on a line of its own")
        return {}

    def tables(self, name: str) -> list[dict[str, Any]]:
        """Every `[[name]]`; empty after noting that they are none."""
        found = self.document.get(name, [])
        if isinstance(found, list) and all(isinstance(one, dict) for one in found):
            return found
        self.at_table(name, 0, f"{name} is no list of tables", f"write [[{name}]] before each")
        return []
