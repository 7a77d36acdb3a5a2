"""Readings and alerts as InfluxDB line protocol (WIRE.md section 4).

Built by columns, not by rows: each field becomes one Arrow array of texts, and Arrow joins them (0.4 us a line).
Syntax: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.reading import COLUMNS, PAYLOAD_COLUMNS, Column, Kind, Readings
from ingest.seams import NS_PER_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from ingest.watches import Watch

SUB_MS = 1_000_000  # what distinguishes readings of one ms: seq, or a hash of the values, modulo this many ns
KIND_SHIFT = 40  # above every index of a watch
ALERT = "alert"
ARRIVAL = "arrival_s"
PLAIN_TAG = re.compile(r"[\w.-]*")
TAG_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\ ", "\r": r"\ "})


@dataclass(frozen=True, slots=True)
class AlertPoint:
    """One transition of an alert, for measurement `alert`. `number`: its own among all transitions."""

    watch_id: str
    site: str
    rule: str
    severity: str
    state: str
    rule_version: str
    log_time_ms: int
    number: int


def tags_of(watches: Iterable[Watch], site: str = "") -> pa.Array:
    """The tags of each watch's lines, for `lines`; `site` is that of a watch whose registry entry has none."""
    return pa.array([f",watch={_tag(each.watch_id)}{_site(each.site or site)} " for each in watches], pa.string())


def lines(readings: Readings, tags: pa.Array) -> pa.Array:
    """One line a reading, its newline included: kind after kind, watch after watch, then in the order of `readings`.

    InfluxDB keeps each series apart, and takes lines that stand together for a tenth less of its time. `tags`: from
    `tags_of`, by the index of the watch. A cell that is absent, or no finite number, is left out; `arrival_s` is always
    there, so that every reading has a line. A string array of `len(readings)`. IndexError (Arrow's) for an index that
    `tags` does not have.
    """
    if not len(readings):
        return pa.array([], pa.string())
    order = np.argsort(readings["kind"].astype(np.int64) << KIND_SHIFT | readings["watch"], kind="stable")
    ordered = readings.take(order)
    bounds = np.searchsorted(ordered["kind"], [*Kind, len(Kind)])
    blocks = [
        _lines_of(kind, _rows(ordered, first, stop), tags)
        for kind, (first, stop) in zip(Kind, pairwise(bounds.tolist()), strict=True)
        if stop > first
    ]
    return blocks[0] if len(blocks) == 1 else pa.concat_arrays(blocks)


def body(some: pa.Array) -> bytes:
    """The lines of a (slice of an) array from `lines`, one after the other: the body of a write."""
    if not len(some):
        return b""
    _, offsets, text = some.buffers()
    ends = np.frombuffer(offsets, np.int32)
    first, last = int(ends[some.offset]), int(ends[some.offset + len(some)])
    return bytes(memoryview(text)[first:last])


def times_ns(readings: Readings) -> NDArray[np.int64]:
    """The time of each point: event time, and seq (or a hash of the values) below the millisecond, shape (rows,)."""
    seq = readings["seq"]
    below = np.where(seq > 0, seq % SUB_MS, 0)
    if not seq.all() or (seq < 0).any():
        below = np.where(seq > 0, below, (_hashes(readings) % np.uint64(SUB_MS)).astype(np.int64))
    return readings["time_ms"] * NS_PER_MS + below


def alert_lines(points: Iterable[AlertPoint]) -> list[bytes]:
    """Lines of measurement `alert`, newline included; a resend of one transition overwrites itself."""
    return [_alert_line(point).encode() for point in points]


def _alert_line(point: AlertPoint) -> str:
    tags = f",watch={_tag(point.watch_id)}{_site(point.site)},rule={_tag(point.rule)},severity={_tag(point.severity)}"
    fields = f"state={_text(point.state)},rule_version={_text(point.rule_version)}"
    return f"{ALERT}{tags} {fields} {point.log_time_ms * NS_PER_MS + point.number % SUB_MS}\n"


def _rows(readings: Readings, first: int, stop: int) -> Readings:
    if stop - first == len(readings):
        return readings
    return Readings({name: readings[name][first:stop] for name in readings.present}, stop - first)


def _lines_of(kind: Kind, readings: Readings, tags: pa.Array) -> pa.Array:
    fields = [_field(column, readings[column.name]) for column in _columns_of(kind) if column.name in readings.present]
    times = pc.cast(pa.array(times_ns(readings)), pa.string())
    return pc.binary_join_element_wise(
        kind.topic,
        tags.take(pa.array(readings["watch"])),
        *fields,
        _arrivals(readings),
        times,
        "\n",
        "",
        null_handling="skip",
    )


@cache
def _columns_of(kind: Kind) -> tuple[Column, ...]:
    return tuple(column for column in COLUMNS if column.influx is not None and kind in column.kinds)


def _field(column: Column, values: NDArray[Any]) -> pa.Array:
    """`name=value,` for each row; null where the cell is empty."""
    empty = ~np.isfinite(values) if values.dtype.kind == "f" else values == column.absent
    if column.words is not None:
        empty |= values >= len(column.words)  # a word of a later version: no text for it, and no reason to stop
    cells = pa.array(values, mask=empty if empty.any() else None)
    if values.dtype == np.float64:  # a position: hardly one is like another
        return pc.binary_join_element_wise(f"{column.name}=", _texts(column, cells), ",", "")
    return _each_once(cells, lambda some: pc.binary_join_element_wise(f"{column.name}=", _texts(column, some), ",", ""))


def _arrivals(readings: Readings) -> pa.Array:
    """`arrival_s=seconds ` for each row: the last field, and the space before the time."""
    late_ms = pa.array(readings["arrival_ms"] - readings["time_ms"])
    return _each_once(
        late_ms,
        lambda some: pc.binary_join_element_wise(
            f"{ARRIVAL}=", pc.cast(pa.array(some.to_numpy() / 1000), pa.string()), " ", ""
        ),
    )


def _each_once(cells: pa.Array, texts_of: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """The texts of the cells, each value formatted once: people's values repeat, and formatting costs most."""
    coded = cells.dictionary_encode()
    return texts_of(coded.dictionary).take(coded.indices)


def _texts(column: Column, cells: pa.Array) -> pa.Array:
    if column.words is not None:
        words = pa.array([_text(word.name.lower()) for word in column.words], pa.string())
        return words.take(cells)
    if column.influx == "boolean":
        return pc.if_else(pc.equal(cells, 1), "true", "false")
    if column.influx == "integer":
        return pc.binary_join_element_wise(pc.cast(pc.cast(cells, pa.int64(), safe=False), pa.string()), "i", "")
    return pc.cast(cells, pa.string())  # the shortest text that gives this float32 or float64 again


def _hashes(readings: Readings) -> NDArray[np.uint64]:
    """Of each row's kind and payload: the same in every process, batch and version, whatever columns stand beside."""
    mixed = _scatter(readings["kind"].astype(np.uint64))
    for column in PAYLOAD_COLUMNS:
        if column.name in readings.present:
            values = readings[column.name]
            absent = np.isnan(values) if values.dtype.kind == "f" else values == column.absent
            bits = values.view(f"u{values.dtype.itemsize}").astype(np.uint64)
            salt = np.uint64(zlib.crc32(column.name.encode()) << 32)
            mixed ^= np.where(absent, np.uint64(0), _scatter(bits ^ salt))
    return mixed


def _scatter(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014): every bit of the input moves half of the output's."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


@cache
def _site(site: str) -> str:
    return f",site={_tag(site)}" if site else ""


def _tag(text: str) -> str:
    """A backslash at the end would escape the separator after it, and none is needed: it becomes a slash."""
    if PLAIN_TAG.fullmatch(text):  # every watch id, so it is worth the look
        return text
    return text.replace("\\", "/").translate(TAG_ESCAPES)


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
