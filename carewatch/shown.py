"""The log and its quarantine as an operator reads them: JSON lines, times in the site's zone."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ingest.formats.lines import reading_line
from ingest.log.contract import RecordKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

    from ingest.log.contract import Quarantined, Record
    from ingest.watches import Watch

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHORT_CHARACTERS = 200
HEX_ROW_BYTES = 16
LINE_ENDS = "\r\n\t"


def local(time_ms: int, zone: ZoneInfo) -> str:
    """ISO 8601 with the zone's offset; a time that no calendar has stays a number of ms."""
    try:
        return (EPOCH + timedelta(milliseconds=time_ms)).astimezone(zone).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError):
        return f"{time_ms} ms"


def record_lines(
    record: Record, id_of: Callable[[int], str], zone: ZoneInfo, *, with_readings: bool
) -> Iterator[dict[str, Any]]:
    """The record, then its readings if they are asked for. `id_of`: registry index -> watch id."""
    line: dict[str, Any] = {
        "offset": record.offset,
        "kind": record.kind.name.lower(),
        "log_time": local(record.log_time_ms, zone),
        "log_time_ms": record.log_time_ms,
        "deaf": record.deaf,
        "readings": len(record.readings),
    }
    if record.kind is RecordKind.CLOCK_STEP:
        line["step_ms"] = record.step_ms
    yield line
    if with_readings:
        watches, arrivals = record.readings["watch"].tolist(), record.readings["arrival_ms"].tolist()
        for row, (watch, arrival_ms) in enumerate(zip(watches, arrivals, strict=True)):
            shown = reading_line(record.readings, row, id_of(watch))
            yield {"offset": record.offset} | shown | _times(shown, arrival_ms, zone)


def _times(shown: dict[str, Any], arrival_ms: int, zone: ZoneInfo) -> dict[str, str]:
    return {"time": local(shown["time"], zone), "arrival": local(arrival_ms, zone)}


def entry_line(entry: Quarantined, zone: ZoneInfo) -> dict[str, Any]:
    """A quarantine entry in one line; of a long payload the beginning."""
    text = entry.payload.decode("utf-8", "backslashreplace")
    line: dict[str, Any] = {
        "entry": entry.entry,
        "arrival": local(entry.arrival_ms, zone),
        "topic": printable(entry.topic),
        "watch": entry.watch_id,
        "reason": entry.reason,
        "detail": printable(entry.detail),
        "bytes": len(entry.payload),
        "payload": printable(text if len(text) <= SHORT_CHARACTERS else text[:SHORT_CHARACTERS] + "…", LINE_ENDS),
    }
    if entry.retried_ms is not None:
        line |= {"retried": local(entry.retried_ms, zone), "outcome": entry.outcome}
    return line


def entry_page(entry: Quarantined, zone: ZoneInfo) -> str:
    """A quarantine entry whole: what is known of it, an empty line, the payload as text or, if it is none, as hex."""
    known = [
        ("entry", str(entry.entry)),
        ("arrived", local(entry.arrival_ms, zone)),
        ("topic", printable(entry.topic)),
        ("watch", entry.watch_id or "not told by the topic"),
        ("reason", entry.reason),
        ("detail", printable(entry.detail)),
        ("bytes", str(len(entry.payload))),
    ]
    if entry.retried_ms is not None:
        known.append(("retried", f"{local(entry.retried_ms, zone)}: {entry.outcome}"))
    return "\n".join([*(f"{name:8} {value}" for name, value in known), "", payload_text(entry.payload)])


def printable(text: str, keep: str = "") -> str:
    """What a terminal would obey (escape sequences, a change of direction) is written out, but for `keep`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else ascii(one)[1:-1] for one in text)


def payload_text(payload: bytes) -> str:
    """As text where it is text that a terminal can show, else 16 bytes a line in hex beside what is ASCII of them."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return _hex(payload)
    return text if all(one.isprintable() or one in LINE_ENDS for one in text) else _hex(payload)


def _hex(payload: bytes) -> str:
    rows = (payload[at : at + HEX_ROW_BYTES] for at in range(0, len(payload), HEX_ROW_BYTES))
    return "\n".join(
        f"{number * HEX_ROW_BYTES:08x}  {row.hex(' '):{HEX_ROW_BYTES * 3}} {_ascii(row)}"
        for number, row in enumerate(rows)
    )


def _ascii(row: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)


def watch_line(watch: Watch, last_ms: int, lost: int, zone: ZoneInfo) -> dict[str, Any]:
    """A watch of the registry. `last` is None where nothing of it is known to have come."""
    state = "retired" if watch.retired else "unknown" if watch.provisional else "registered"
    last = local(last_ms, zone) if last_ms else None
    return asdict(watch) | {"state": state, "last": last, "last_ms": last_ms or None, "lost": lost}


def watch_row(watch_id: str, last: str, lost: str | int, profile: str, state: str) -> str:
    """One line of the table."""
    return f"{watch_id:24} {last:30} {lost:>8}  {profile:16} {state}"
