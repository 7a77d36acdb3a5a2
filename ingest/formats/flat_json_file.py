"""From a file of config/devices/ to a `FieldMap`: every column, unit, word and path is checked when it is loaded.

    [message]                      about the whole payload; every key may be left out
    topic = "iot/{gateway}/{watch}/data"   a level in braces stands for any; {watch} is the watch's id
    watch = "imei"                 where the payload names the watch; then that is its id
    time = "time"                  without it the arrival stands in
    time_form = "epoch_s"          epoch_s, epoch_ms, rfc3339, or a pattern: "%Y-%m-%d %H:%M:%S"
    elements = "data"              where an array of objects stands, each read by itself
    only = { path = "type", is = ["MeasureData"] }   other payloads are counted, not read
    ignore = ["imsi"]              known and of no use; a name that nobody mapped is counted

    [shared]                       columns for every reading; where there is none they make a status reading
    battery = "bat"

    [[reading]]                    one for each that a payload may hold
    kind = "sos"
    when = { path = "sos", is_not = ["0", ""] }

    [[reading]]
    kind = "heart_rate"            without `when`: made where one of its columns is there
    bpm = ["heart", "hr"]          the first that is there
    skin_c = { path = "temp", unit = "F", absent = ["0"] }

    [[reading]]
    kind = "location"
    lon_lat = "location"           two numbers in one string; or lat_lon, or lat and lon apart

A column is a path ("values.hr": keys inwards), paths, or a table: `path` or `value` (a constant), `unit`, `scale`,
`offset`, `words` (text -> word, true or false), `absent` (texts that mean: no value), `between` (of a pair).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingest.file_problems import nearest
from ingest.formats.flat_json_cell import read_cell, read_pair
from ingest.formats.flat_json_map import FieldMap, Pair, ReadingMap, When
from ingest.formats.flat_json_path import Path, paths_of
from ingest.formats.flat_json_time import Time, TimeForm
from ingest.formats.json_payload import text_of
from ingest.reading import ALL_KINDS, KIND_BY_TOPIC, PAYLOAD_COLUMNS, Kind

if TYPE_CHECKING:
    from ingest.formats.profile_file import ProfileFile

MAP_TABLES = ("message", "shared", "reading")
_MESSAGE = ("topic", "watch", "time", "time_form", "elements", "only", "ignore")
_PAIRS = {"lon_lat": ("lon", "lat"), "lat_lon": ("lat", "lon")}
_IN_EVERY_KIND = tuple(column.name for column in PAYLOAD_COLUMNS if column.kinds == ALL_KINDS)
_FORMS = {form.value: form for form in TimeForm}


def read_map(source: ProfileFile, utc_offset_min: int) -> FieldMap:
    """The map of a file; what is wrong with it is noted in `source`."""
    message = source.table("message")
    source.check_keys(("message", 0), message, _MESSAGE)
    shared = source.table("shared")
    source.check_keys(("shared", 0), shared, _IN_EVERY_KIND)
    cells = [read_cell(source, ("shared", 0, name), value) for name, value in shared.items() if name in _IN_EVERY_KIND]
    readings = [_reading(source, index, table) for index, table in enumerate(source.tables("reading"))]
    if not readings and not cells and "reading" not in source.document:
        source.at_table("reading", 0, "no [[reading]]", "say which values of the payload are which columns")
    only = _when(source, ("message", 0, "only"), message["only"]) if "only" in message else None
    watch = _paths(source, message, "watch")
    elements = _paths(source, message, "elements")
    time = _time(source, message, utc_offset_min)
    ignored = _paths(source, message, "ignore")
    found = tuple(reading for reading in readings if reading is not None)
    whole = tuple(cell for cell in cells if cell is not None)
    return FieldMap(found, whole, time, watch, _topic(source, message), elements, only, ignored + elements)


def _reading(source: ProfileFile, index: int, table: dict[str, Any]) -> ReadingMap | None:
    if "kind" not in table:
        source.at_table("reading", index, "no kind", f"add kind = one of {', '.join(KIND_BY_TOPIC)}")
        return None
    kind = source.word(("reading", index, "kind"), table["kind"], KIND_BY_TOPIC)
    if kind is None:
        return None
    carried = [column.name for column in PAYLOAD_COLUMNS if kind in column.kinds]
    pairs = list(_PAIRS) if kind is Kind.LOCATION else []
    _check_columns(source, index, table, ["kind", "when", *carried, *pairs])
    cells = [
        cell
        for name, value in table.items()
        if name in carried and (cell := read_cell(source, ("reading", index, name), value))
    ]
    pair = _pair(source, index, {name: value for name, value in table.items() if name in pairs})
    when = _when(source, ("reading", index, "when"), table["when"]) if "when" in table else None
    _check_complete(source, index, kind, table)
    deciding = frozenset(cell.column for cell in cells if cell.constant is None and cell.column not in _IN_EVERY_KIND)
    return ReadingMap(kind, tuple(cells), pair, when, deciding)


def _check_columns(source: ProfileFile, index: int, table: dict[str, Any], known: list[str]) -> None:
    """A column of another kind is named with the kinds that carry it."""
    elsewhere = {column.name: column.kinds for column in PAYLOAD_COLUMNS}
    for name in table:
        if name in known:
            continue
        if name in elsewhere:
            kinds = ", ".join(kind.topic for kind in elsewhere[name])
            remedy = f"put it into a [[reading]] of {kinds}"
            source.at_key(("reading", index, name), f"{name} is no column of {table['kind']}", remedy)
        else:
            source.at_key(("reading", index, name), f"unknown column {name!r}", nearest(name, known))


def _check_complete(source: ProfileFile, index: int, kind: Kind, table: dict[str, Any]) -> None:
    """A place needs both its numbers, an emergency a sign that it happened."""
    if kind is Kind.LOCATION and not (table.keys() & _PAIRS.keys() or {"lat", "lon"} <= table.keys()):
        source.at_table("reading", index, "a location without a place", "map lat and lon, or lon_lat")
    if kind.is_emergency and "when" not in table:
        remedy = f'add when = {{ path = "{kind.topic}", is_not = ["0", ""] }}'
        source.at_table("reading", index, f"a {kind.topic} without `when` would be made of every payload", remedy)
    if not kind.is_emergency and table.keys() <= {"kind", "when"}:
        source.at_table("reading", index, "no column", "map at least one")


def _pair(source: ProfileFile, index: int, found: dict[str, Any]) -> Pair | None:
    pairs = [read_pair(source, ("reading", index, name), value, _PAIRS[name]) for name, value in found.items()]
    return pairs[0] if pairs else None


def _when(source: ProfileFile, where: tuple[str, int, str], value: object) -> When | None:
    """`{ path = ..., is = [...] }` or `is_not`."""
    if not isinstance(value, dict):
        source.at_key(where, f"{where[2]} = {value!r}", 'write { path = "sos", is_not = ["0", ""] }')
        return None
    for key in value.keys() - {"path", "is", "is_not"}:
        source.at_inner((*where, key), f"unknown key {key!r}", nearest(key, ("path", "is", "is_not")))
    paths = paths_of(value.get("path"))
    wanted = [key for key in ("is", "is_not") if key in value]
    if not paths:
        source.at_key(where, f"{where[2]} without a path", 'add path = "..."')
        return None
    if len(wanted) != 1 or not isinstance(value[wanted[0]], list) or not value[wanted[0]]:
        source.at_key(where, f"{where[2]} compares with nothing", 'add is = ["1"] or is_not = ["0", ""]')
        return None
    texts = [text_of(one) for one in value[wanted[0]]]
    if None in texts:
        source.at_inner((*where, wanted[0]), f"{wanted[0]} holds what is no text", "write texts, numbers or booleans")
    return When(paths, frozenset(text for text in texts if text is not None), negated=wanted[0] == "is_not")


def _paths(source: ProfileFile, message: dict[str, Any], key: str) -> tuple[Path, ...]:
    if key not in message:
        return ()
    paths = paths_of(message[key])
    if not paths:
        remedy = 'write a path: "values.hr" is the key hr in the object values'
        source.at_key(("message", 0, key), f"{key} = {message[key]!r}", remedy)
    return paths


def _time(source: ProfileFile, message: dict[str, Any], utc_offset_min: int) -> Time | None:
    where = ("message", 0, "time_form")
    form = message.get("time_form", "epoch_s")
    if "time" not in message:
        if "time_form" in message:
            source.at_key(where, "time_form without time", 'add time = "..."')
        return None
    if isinstance(form, str) and "%" in form:
        if not _is_pattern(form):
            source.at_key(where, f"time_form = {form!r}", "write it as Python's strptime: %Y-%m-%d %H:%M:%S")
        return Time(_paths(source, message, "time"), form, utc_offset_min)
    known = source.word(where, form, _FORMS)
    return Time(_paths(source, message, "time"), known or TimeForm.EPOCH_S, utc_offset_min)


def _is_pattern(form: str) -> bool:
    """A pattern that gives a day and a time of day back."""
    moment = datetime(2026, 11, 24, 13, 14, 15, tzinfo=UTC)
    try:
        read = datetime.strptime(moment.strftime(form), form)  # noqa: DTZ007 - compared without a zone
    except ValueError:
        return False
    return read.replace(tzinfo=None, second=15) == moment.replace(tzinfo=None)


def _topic(source: ProfileFile, message: dict[str, Any]) -> tuple[str, ...]:
    topic = message.get("topic", "")
    levels = tuple(topic.split("/")) if isinstance(topic, str) else ()
    if topic != "" and levels.count("{watch}") != 1:
        source.at_key(
            ("message", 0, "topic"), f"topic = {topic!r}", "name one level {watch}: iot/{gateway}/{watch}/data"
        )
    return levels if topic else ()
