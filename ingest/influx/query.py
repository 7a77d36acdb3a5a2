"""Reading points back, by Flux: the same for InfluxDB 2.x and for 1.8 with its compatibility API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from influxdb_client.client.influxdb_client import InfluxDBClient

from ingest.seams import NS_PER_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.influx.options import InfluxOptions


_NO_TAG = frozenset({"result", "table", "_start", "_stop", "_time", "_measurement", "_field", "_value", "time_ns"})


@dataclass(frozen=True, slots=True)
class Point:
    """One point with all its fields, and its tags beyond watch and site; `time_ns` since 1970 UTC, exact."""

    measurement: str
    watch: str
    site: str
    time_ns: int
    fields: Mapping[str, float | int | bool | str]


def read_points(
    options: InfluxOptions, measurement: str, start_ms: int, stop_ms: int, watch: str | None = None
) -> list[Point]:
    """Points with start <= time < stop, by time; of one watch, or of all.

    Blocks; call it in a thread. Raises the errors of influxdb_client (`ApiException`) and urllib3.
    """
    points: dict[tuple[Any, ...], dict[str, Any]] = {}
    with InfluxDBClient(options.url, _token(options), org=options.org, timeout=int(options.timeout_s * 1000)) as client:
        for record in client.query_api().query_stream(_flux(options.bucket, measurement, start_ms, stop_ms, watch)):
            values = record.values
            tags = tuple(sorted((name, value) for name, value in values.items() if name not in _NO_TAG and value))
            points.setdefault((values["time_ns"], tags), {})[values["_field"]] = values["_value"]
    return [
        _point(measurement, time_ns, dict(tags), fields)
        for (time_ns, tags), fields in sorted(points.items(), key=_first)
    ]


def _token(options: InfluxOptions) -> str:
    """1.8 takes `user:password` for a token."""
    return options.token or f"{options.username}:{options.password}"


def _flux(bucket: str, measurement: str, start_ms: int, stop_ms: int, watch: str | None) -> str:
    wanted = f"r._measurement == {_quoted(measurement)}"
    if watch is not None:
        wanted += f" and r.watch == {_quoted(watch)}"
    bounds = f"start: time(v: {start_ms * NS_PER_MS}), stop: time(v: {stop_ms * NS_PER_MS})"
    # The client's times end at microseconds; as an integer the nanoseconds come through. Fields are joined here, since
    # 1.8's Flux turns a missing boolean of a pivoted row into `false`.
    return f"""from(bucket: {_quoted(bucket)}) |> range({bounds}) |> filter(fn: (r) => {wanted})
|> map(fn: (r) => ({{r with time_ns: int(v: r._time)}}))"""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${").replace("\n", "\\n")
    return f'"{escaped}"'


def _point(measurement: str, time_ns: int, tags: Mapping[str, str], fields: Mapping[str, Any]) -> Point:
    others = {name: value for name, value in tags.items() if name not in {"watch", "site"}}
    return Point(measurement, tags.get("watch", ""), tags.get("site", ""), time_ns, {**others, **fields})


def _first(item: tuple[tuple[Any, ...], object]) -> tuple[Any, ...]:
    return item[0]
