"""`carewatch influx setup`: the bucket (1.x: database and retention policy) that readings go to."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from ingest.influx.options import InfluxOptions

DAY_S = 86_400


class SetupError(Exception):
    """InfluxDB did not do it; the text has its words and the remedy."""


class Made(StrEnum):
    """What had to be done."""

    CREATED = "created"
    CHANGED = "retention changed"
    ALREADY = "already there"


def set_up(options: InfluxOptions, keep_days: int, transport: httpx.BaseTransport | None = None) -> Made:
    """Make the bucket of `options`, or set its retention to `keep_days` (0: for ever). Safe to repeat.

    Raises
    ------
    SetupError
        Not reachable, or refused.
    """
    with httpx.Client(base_url=options.url, timeout=options.timeout_s, transport=transport) as client:
        try:
            make = _set_up_2 if _is_2(client.get("/ping")) else _set_up_1
            return make(client, options, keep_days)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SetupError(f"{options.url}: {error}; start InfluxDB or correct influx.url") from error


def _is_2(ping: httpx.Response) -> bool:
    """By the headers of /ping; a 1.8 that somebody built from source calls itself `unknown`."""
    version: str = ping.headers.get("X-Influxdb-Version", "").removeprefix("v")
    build: str = ping.headers.get("X-Influxdb-Build", "")
    return version.startswith("2.") or build.lower().startswith("cloud")


def _set_up_1(client: httpx.Client, options: InfluxOptions, keep_days: int) -> Made:
    """https://docs.influxdata.com/influxdb/v1/query_language/manage-database/"""
    database, policy = options.database, options.retention_policy or "autogen"
    user, _, password = options.token.partition(":")
    auth = httpx.BasicAuth(options.username or user, options.password or password)
    duration = f"{keep_days}d" if keep_days else "INF"

    def run(statement: str) -> list[dict[str, Any]]:
        result = _json(client.post("/query", params={"q": statement}, auth=auth))["results"][0]
        if "error" in result:
            raise SetupError(f"InfluxDB refused {statement!r}: {result['error']}")
        return list(result.get("series", []))

    names = [row[0] for series in run("SHOW DATABASES") for row in series.get("values", [])]
    known = {}
    if database not in names:
        run(f"CREATE DATABASE {_name(database)}")
    policies = run(f"SHOW RETENTION POLICIES ON {_name(database)}")
    known = {row[0]: row[1] for series in policies for row in series.get("values", [])}
    made = Made.CREATED if database not in names or policy not in known else Made.CHANGED
    if known.get(policy) == (f"{keep_days * 24}h0m0s" if keep_days else "0s"):
        return Made.ALREADY if database in names else Made.CREATED
    verb = "ALTER" if policy in known else "CREATE"
    run(f"{verb} RETENTION POLICY {_name(policy)} ON {_name(database)} DURATION {duration} REPLICATION 1 DEFAULT")
    return made


def _set_up_2(client: httpx.Client, options: InfluxOptions, keep_days: int) -> Made:
    """https://docs.influxdata.com/influxdb/v2/api/#tag/Buckets"""
    client.headers["Authorization"] = f"Token {options.token}"
    rules = [{"type": "expire", "everySeconds": keep_days * DAY_S}] if keep_days else []
    found = _json(client.get("/api/v2/buckets", params={"org": options.org, "name": options.bucket}), missing=404)
    for bucket in found.get("buckets", []):
        if [rule["everySeconds"] for rule in bucket["retentionRules"]] == [rule["everySeconds"] for rule in rules]:
            return Made.ALREADY
        _json(client.patch(f"/api/v2/buckets/{bucket['id']}", json={"retentionRules": rules}))
        return Made.CHANGED
    organisations = _json(client.get("/api/v2/orgs", params={"org": options.org}), missing=404).get("orgs", [])
    if not organisations:
        raise SetupError(f"InfluxDB knows no organisation {options.org!r}; correct influx.org")
    wanted = {"orgID": organisations[0]["id"], "name": options.bucket, "retentionRules": rules}
    _json(client.post("/api/v2/buckets", json=wanted))
    return Made.CREATED


def _json(response: httpx.Response, missing: int | None = None) -> dict[str, Any]:
    if response.status_code == missing:
        return {}
    if not response.is_success:
        remedy = "correct influx.token" if response.status_code in {401, 403} else "see its words"
        raise SetupError(f"InfluxDB says {response.status_code} {response.text.strip()[:300]}; {remedy}")
    return dict(response.json())


def _name(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
