"""Database, retention policies and continuous queries of InfluxDB 1.x.

https://docs.influxdata.com/influxdb/v1/query_language/manage-database/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from ingest.influx.hourly import HOURLY_SUFFIX, MEASUREMENTS, continuous_query, influxql
from ingest.influx.steps import Made, SetupError, Step, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.influx.options import InfluxOptions

Rows = list[dict[str, Any]]


class Setup1:
    """Statements to one database. Each step looks first, so that it may be repeated."""

    def __init__(self, client: httpx.Client, options: InfluxOptions) -> None:
        self._client = client
        self._database = options.database
        self._policy = options.retention_policy or "autogen"
        user, _, password = options.token.partition(":")
        self._auth = httpx.BasicAuth(options.username or user, options.password or password)

    def run(self, keep_days: int, hourly_days: int | None) -> Iterator[Step]:
        """The database with its retention, then the hours. SetupError at the first that is refused."""
        is_new = self._database not in [row["name"] for row in self._ask("SHOW DATABASES")]
        if is_new:
            self._ask(f"CREATE DATABASE {_name(self._database)}")
        kept = self._keep(self._policy, keep_days, default=True)
        yield Step(f"{self._database}/{self._policy}, {_kept(keep_days)}", Made.CREATED if is_new else kept)
        if hourly_days is None:
            return
        hourly = f"{self._policy}{HOURLY_SUFFIX}"
        kept = self._keep(hourly, hourly_days, default=False)
        yield Step(f"{self._database}/{hourly}, {_kept(hourly_days)}", kept)
        for measurement in MEASUREMENTS:
            yield from self._hours_of(measurement, hourly)

    def _keep(self, policy: str, days: int, *, default: bool) -> Made:
        policies = self._ask(f"SHOW RETENTION POLICIES ON {_name(self._database)}")
        known = {row["name"]: row["duration"] for row in policies}
        if known.get(policy) == (f"{days * 24}h0m0s" if days else "0s"):
            return Made.ALREADY
        verb, made = ("ALTER", Made.CHANGED) if policy in known else ("CREATE", Made.CREATED)
        duration = f"{days}d" if days else "INF"
        where = f"{_name(policy)} ON {_name(self._database)} DURATION {duration} REPLICATION 1"
        self._ask(f"{verb} RETENTION POLICY {where}{' DEFAULT' if default else ''}")
        return made

    def _hours_of(self, measurement: str, hourly: str) -> Iterator[Step]:
        """The continuous query, and when it is new or another, the hours of what is there already."""
        name, database = f"carewatch_{self._policy}_{measurement}", _name(self._database)
        select = influxql(measurement, f"{database}.{_name(self._policy)}", f"{database}.{_name(hourly)}")
        wanted = continuous_query(_name(name), database, select)
        known = self._query_of(name)
        made = Made.CREATED if known is None else Made.CHANGED
        if known is not None and _unquoted(known) == _unquoted(wanted):
            made = Made.ALREADY
        else:
            if known is not None:
                self._ask(f"DROP CONTINUOUS QUERY {_name(name)} ON {database}")
            self._ask(wanted)
            self._ask(f"{select} fill(none)", timeout_s=None)
        yield Step(f"continuous query {name}, {measurement} by the hour", made)

    def _query_of(self, name: str) -> str | None:
        """All databases are listed, each a series of its name."""
        return next(
            (
                row["query"]
                for row in self._ask("SHOW CONTINUOUS QUERIES")
                if row["name"] == name and row["series"] == self._database
            ),
            None,
        )

    def _ask(self, statement: str, timeout_s: float | None = 20.0) -> Rows:
        """The rows, each with `series` for what it belongs to."""
        answer = self._client.post("/query", data={"q": statement}, auth=self._auth, timeout=timeout_s)
        result = told(answer)["results"][0]
        if "error" in result:
            raise SetupError(f"InfluxDB refused {statement!r}: {result['error']}")
        return [
            {"series": series.get("name", ""), **dict(zip(series["columns"], row, strict=True))}
            for series in result.get("series", [])
            for row in series.get("values", [])
        ]


def _kept(days: int) -> str:
    return f"kept {days} days" if days else "kept for ever"


def _name(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unquoted(statement: str) -> str:
    """InfluxDB shows a query without the quotes that it does not need."""
    return statement.replace('"', "")
