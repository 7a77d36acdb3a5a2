"""What a decoder made of payloads, as JSON lines: for `carewatch decode`, for makers of watches, and for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.normalise.positions import convert_datum
from ingest.reading import COLUMN, PAYLOAD_COLUMNS, Column, Datum, Flag, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.formats.contract import Decoder, Message, Refusal
    from ingest.reading import Readings

_COUNTS = ("boot", "seq", "oldest")


def decoded_lines(
    decoder: Decoder, messages: Sequence[Message], datum: Datum | None = None
) -> Iterator[dict[str, Any]]:
    """One mapping a reading, then one a refusal, message by message, each ready for JSON.

    A reading has `kind`, `watch`, `time` (epoch ms), the columns that it carries by their names (words and booleans
    as the wire writes them), and `flags` if there are any. A refusal has `refused` with the reason, `detail`, and
    where they are known `watch`, `element`, and `field` (then the reading lives and only this field was emptied).
    With the `datum` of the watch's profile, places are shown in WGS-84, as they are kept. Times are the watch's own.
    """
    for message in messages:
        found = decoder.decode([message])
        readings = found.readings if datum is None else _placed(found.readings, datum)
        for row in range(len(readings)):
            yield reading_line(readings, row, found.watch_ids[row])
        for refusal in found.refusals:
            yield _refusal(refusal, message)


def _placed(readings: Readings, datum: Datum) -> Readings:
    """In WGS-84; the datum is told where it was another."""
    converted = convert_datum(readings, np.full(len(readings), datum, np.int8))
    was_other = (converted["flags"] & np.uint32(Flag.DATUM_CONVERTED)) != 0
    return converted.replace(datum=np.where(was_other, np.int8(Datum.GCJ02), readings["datum"]).astype(np.int8))


def reading_line(readings: Readings, row: int, watch_id: str) -> dict[str, Any]:
    """One reading, ready for JSON, as `decoded_lines` says."""
    line: dict[str, Any] = {
        "kind": Kind(int(readings["kind"][row])).topic,
        "watch": watch_id,
        "time": int(readings["time_ms"][row]),
    }
    for name in (*_COUNTS, *(column.name for column in PAYLOAD_COLUMNS)):
        if name in readings.present:
            value = readings[name][row]
            if value == value and value != COLUMN[name].absent:  # noqa: PLR0124 - NaN
                line[name] = _written(COLUMN[name], value)
    flags = [flag.name.lower() for flag in Flag if flag.name and flag & int(readings["flags"][row])]
    return line | ({"flags": flags} if flags else {})


def _written(column: Column, value: Any) -> Any:
    if column.words is not None:
        return column.words(int(value)).name.lower()
    if column.is_flag:
        return bool(value)
    if column.dtype.kind == "i":
        return int(value)
    number = float(str(value))  # the shortest decimal of a float32: 33.5, 0.97
    return int(number) if number.is_integer() and column.influx == "integer" else number


def _refusal(refusal: Refusal, message: Message) -> dict[str, Any]:
    line: dict[str, Any] = {"refused": refusal.reason.value, "detail": refusal.detail}
    known = {"watch": message.watch_id, "element": refusal.element, "field": refusal.field}
    return line | {name: value for name, value in known.items() if value is not None}
