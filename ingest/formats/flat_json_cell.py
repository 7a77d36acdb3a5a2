"""One line of a field map: the column it fills, checked against ingest/reading.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.file_problems import nearest
from ingest.formats.flat_json_map import Cell, Pair
from ingest.formats.flat_json_path import Path, paths_of
from ingest.formats.json_payload import text_of
from ingest.formats.units import Unit, units_of
from ingest.reading import COLUMN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.formats.profile_file import ProfileFile
    from ingest.reading import Column

_KEYS = ("path", "value", "unit", "scale", "offset", "words", "absent")
_PAIR_KEYS = ("path", "between", "absent")
_TRUTHS: dict[str, float] = {"true": 1, "1": 1, "false": 0, "0": 0}
_REMEDY = 'write a path ("values.hr"), paths, or { path = "...", unit = "..." }'
Where = tuple[str, int, str]


def read_cell(source: ProfileFile, where: Where, value: object) -> Cell | None:
    """The column `where[2]`; None after noting what is wrong."""
    column = COLUMN[where[2]]
    table = value if isinstance(value, dict) else {"path": value}
    for key in table.keys() - set(_KEYS):
        source.at_inner((*where, key), f"unknown key {key!r}", nearest(key, _KEYS))
    words = _words(source, where, table, column)
    if ("path" in table) is ("value" in table):
        source.at_key(where, f"{column.name} has neither a path nor a value, or both", _REMEDY)
        return None
    if "value" in table:
        constant = _constant(source, where, table["value"], column)
        return None if constant is None else Cell(column.name, constant=constant)
    paths = _paths(source, where, table["path"])
    unit = _unit(source, where, table, column)
    scale, offset = (_number(source, where, table, key, default) for key, default in (("scale", 1.0), ("offset", 0.0)))
    factor = scale * unit.factor
    shift = offset * unit.factor + unit.offset
    absent = _absent(source, where, table)
    return Cell(column.name, paths, None, words, absent, factor, shift, unit.degree_minutes)


def read_pair(source: ProfileFile, where: Where, value: object, columns: tuple[str, str]) -> Pair:
    """Two numbers in one string."""
    table = value if isinstance(value, dict) else {"path": value}
    for key in table.keys() - set(_PAIR_KEYS):
        source.at_inner((*where, key), f"unknown key {key!r}", nearest(key, _PAIR_KEYS))
    between = table.get("between", ",")
    if not isinstance(between, str) or not between or between.isdigit():
        source.at_inner((*where, "between"), f"between = {between!r}", 'write what stands between them, e.g. ","')
        between = ","
    return Pair(columns, _paths(source, where, table.get("path")), between, _absent(source, where, table))


def _paths(source: ProfileFile, where: Where, value: object) -> tuple[Path, ...]:
    paths = paths_of(value)
    if not paths:
        source.at_key(where, f"{where[2]} = {value!r} is no path", _REMEDY)
    return paths


def _known_words(column: Column) -> dict[str, float]:
    if column.words is not None:
        return {word.name.lower(): int(word) for word in column.words}
    return _TRUTHS if column.is_flag else {}


def _words(source: ProfileFile, where: Where, table: Mapping[str, Any], column: Column) -> dict[str, float] | None:
    """Texts of the maker -> values of a word column or a flag; ours stand for themselves. None: it holds numbers."""
    known = _known_words(column)
    said = table.get("words")
    if said is None:
        return known or None
    if not known or not isinstance(said, dict):
        what = f"words = {said!r}" if known else f"{column.name} holds numbers, no words"
        source.at_inner((*where, "words"), what, "leave words out" if not known else 'write { "1" = "gps" }')
        return known or None
    found: dict[str, float] = {}
    for text, word in said.items():
        ours = known.get(str(text_of(word)))
        if ours is None:
            source.at_inner(
                (*where, "words"), f"words: {word!r} is no word of {column.name}", nearest(str(word), known)
            )
        else:
            found[text.strip().lower()] = ours
    return found


def _constant(source: ProfileFile, where: Where, value: object, column: Column) -> float | None:
    known = _known_words(column)
    if known:
        found = known.get(str(text_of(value)))
    else:
        found = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if found is None:
        remedy = nearest(str(value), known) if known else "write a number"
        source.at_inner((*where, "value"), f"value = {value!r} is none of {column.name}", remedy)
    return found


def _unit(source: ProfileFile, where: Where, table: Mapping[str, Any], column: Column) -> Unit:
    units = units_of(column)
    name = table.get("unit", column.unit if column.unit in units else next(iter(units)))
    if name not in units:
        source.at_inner((*where, "unit"), f"unit = {name!r} is no unit of {column.name}", nearest(str(name), units))
        return next(iter(units.values()))
    return units[name]


def _number(source: ProfileFile, where: Where, table: Mapping[str, Any], key: str, default: float) -> float:
    value = table.get(key, default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and abs(value) < 1e12 and (value or key != "scale"):
        return float(value)
    source.at_inner((*where, key), f"{key} = {value!r}", "write a number that is not 0, e.g. 0.1")
    return default


def _absent(source: ProfileFile, where: Where, table: Mapping[str, Any]) -> frozenset[str]:
    value = table.get("absent", [])
    texts = [text_of(one) for one in value] if isinstance(value, list) else [None]
    if None in texts:
        source.at_inner((*where, "absent"), f"absent = {value!r}", 'write the texts that mean: no value, e.g. ["-1"]')
    return frozenset({"", *(text for text in texts if text is not None)})
