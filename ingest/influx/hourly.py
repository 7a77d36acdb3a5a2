"""The hours of each watch: what charts of weeks and years read instead of every reading.

One declaration; from it come a continuous query for each measurement of 1.x and the task of 2.x.
https://docs.influxdata.com/influxdb/v1/query_language/continuous_queries/
https://docs.influxdata.com/influxdb/v2/process-data/common-tasks/downsample-data/
"""

from __future__ import annotations

from dataclasses import dataclass

HOURLY_SUFFIX = "_hourly"
"""Of the retention policy (1.x) or bucket (2.x) that the hours go to."""
AGAIN_DAYS = 2
"""How many past days are made again each hour: a watch that was out of signal sends what it kept."""
TASK = "carewatch hourly"


@dataclass(frozen=True, slots=True)
class HourlyField:
    """`name`: the field of the hour; `how`: a function that InfluxQL and Flux call alike."""

    measurement: str
    field: str
    how: str
    name: str


HOURLY = (
    HourlyField("heart_rate", "bpm", "mean", "bpm_mean"),
    HourlyField("heart_rate", "bpm", "min", "bpm_min"),
    HourlyField("heart_rate", "bpm", "max", "bpm_max"),
    HourlyField("heart_rate", "bpm", "count", "bpm_count"),
    HourlyField("heart_rate", "spo2", "mean", "spo2_mean"),
    HourlyField("heart_rate", "spo2", "min", "spo2_min"),
    HourlyField("heart_rate", "systolic", "mean", "systolic_mean"),
    HourlyField("heart_rate", "diastolic", "mean", "diastolic_mean"),
    HourlyField("heart_rate", "skin_c", "mean", "skin_c_mean"),
    HourlyField("heart_rate", "steps", "sum", "steps"),
    HourlyField("heart_rate", "battery", "last", "battery"),
    HourlyField("status", "steps", "sum", "steps"),
    HourlyField("status", "battery", "last", "battery"),
)
MEASUREMENTS = tuple(dict.fromkeys(hour.measurement for hour in HOURLY))


def influxql(measurement: str, source: str, target: str) -> str:
    """`SELECT ... INTO` for all time. `source`, `target`: quoted database and retention policy."""
    chosen = ", ".join(f'{h.how}("{h.field}") AS "{h.name}"' for h in HOURLY if h.measurement == measurement)
    places = f'INTO {target}."{measurement}" FROM {source}."{measurement}"'
    return f"SELECT {chosen} {places} GROUP BY time(1h), *"


def continuous_query(name: str, database: str, select: str) -> str:
    """The statement that makes it; `name` and `database` quoted."""
    again = f"RESAMPLE EVERY 1h FOR {AGAIN_DAYS}d"
    return f"CREATE CONTINUOUS QUERY {name} ON {database} {again} BEGIN {select} END"


def flux(bucket: str, target: str, span: str) -> str:
    """The hours of `bucket` within `span` (arguments of `range`), written to `target` where it is not empty."""
    into = f"\n  |> to(bucket: {quoted(target)})" if target else ""
    tables = ",\n  ".join(
        f'hour(measurement: "{h.measurement}", field: "{h.field}", fn: {h.how}, name: "{h.name}")' for h in HOURLY
    )
    return f"""hour = (measurement, field, fn, name) => from(bucket: {quoted(bucket)})
  |> range({span})
  |> filter(fn: (r) => r._measurement == measurement and r._field == field)
  |> aggregateWindow(every: 1h, fn: fn, createEmpty: false, timeSrc: "_start")
  |> set(key: "_field", value: name)
union(tables: [
  {tables},
]){into}
"""


def task(bucket: str, target: str) -> str:
    """The task's whole script. Its first hour is whole, or it would put a part in the place of the hour."""
    span = f"start: date.truncate(t: -{AGAIN_DAYS}d, unit: 1h)"
    return f'import "date"\noption task = {{name: "{TASK}", every: 1h, offset: 5m}}\n{flux(bucket, target, span)}'


def quoted(text: str) -> str:
    """A string of Flux."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${").replace("\n", "\\n")
    return f'"{escaped}"'
