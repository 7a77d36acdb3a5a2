"""Buckets and the task of InfluxDB 2.x and Cloud.

https://docs.influxdata.com/influxdb/v2/api/#tag/Buckets, #tag/Tasks, #tag/Query
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.influx.hourly import HOURLY_SUFFIX, TASK, flux, task
from ingest.influx.steps import Made, SetupError, Step, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from ingest.influx.options import InfluxOptions

DAY_S = 86_400
ALL_TIME = "start: 0"
ERROR_HEAD = ",error,reference"
"""The heading of an error after status 200 (annotated CSV)."""


class Setup2:
    """Requests for one organisation. Each step looks first, so that it may be repeated."""

    def __init__(self, client: httpx.Client, options: InfluxOptions) -> None:
        client.headers["Authorization"] = f"Token {options.token}"
        self._client = client
        self._org = options.org
        self._bucket = options.bucket

    def run(self, keep_days: int, hourly_days: int | None) -> Iterator[Step]:
        """The bucket with its retention, then the hours. SetupError at the first that is refused."""
        yield self._keep(self._bucket, keep_days)
        if hourly_days is None:
            return
        hourly = f"{self._bucket}{HOURLY_SUFFIX}"
        yield self._keep(hourly, hourly_days)
        yield self._hours(hourly)

    def _keep(self, bucket: str, days: int) -> Step:
        what = f"bucket {bucket}, kept {days} days" if days else f"bucket {bucket}, kept for ever"
        rules = [{"type": "expire", "everySeconds": days * DAY_S}] if days else []
        answer = self._client.get("/api/v2/buckets", params={"org": self._org, "name": bucket})
        for found in told(answer, missing=404).get("buckets", []):
            if [rule["everySeconds"] for rule in found["retentionRules"]] == [rule["everySeconds"] for rule in rules]:
                return Step(what, Made.ALREADY)
            told(self._client.patch(f"/api/v2/buckets/{found['id']}", json={"retentionRules": rules}))
            return Step(what, Made.CHANGED)
        wanted = {"orgID": self._organisation(), "name": bucket, "retentionRules": rules}
        told(self._client.post("/api/v2/buckets", json=wanted))
        return Step(what, Made.CREATED)

    def _hours(self, hourly: str) -> Step:
        """The task, and when it is new or another, the hours of what is there already."""
        script = task(self._bucket, hourly)
        known = self._task()
        made = Made.CREATED if known is None else Made.CHANGED
        if known is None:
            told(self._client.post("/api/v2/tasks", json={"orgID": self._organisation(), "flux": script}))
        elif known["flux"] != script or known.get("status") == "inactive":
            told(self._client.patch(f"/api/v2/tasks/{known['id']}", json={"flux": script, "status": "active"}))
        else:
            return Step(f"task {TASK!r}", Made.ALREADY)
        self._run(flux(self._bucket, hourly, ALL_TIME))
        return Step(f"task {TASK!r}", made)

    def _task(self) -> dict[str, Any] | None:
        """By its name, which 2.x lets several tasks have: the one of our bucket."""
        answer = told(self._client.get("/api/v2/tasks", params={"org": self._org, "name": TASK, "limit": 500}))
        source = flux(self._bucket, "", "").split("\n", 1)[0]
        return next((dict(each) for each in answer.get("tasks", []) if source in each["flux"]), None)

    def _run(self, script: str) -> None:
        """What is written comes back too, and an error may come after it: it is looked for, and nothing kept."""
        headers = {"Content-Type": "application/vnd.flux", "Accept": "application/csv"}
        with self._client.stream(
            "POST", "/api/v2/query", params={"org": self._org}, content=script, headers=headers, timeout=None
        ) as answer:
            if not answer.is_success:
                answer.read()
                told(answer)
            rows = answer.iter_lines()
            if any(row.startswith(ERROR_HEAD) for row in rows):
                raise SetupError(f"InfluxDB failed while it made the hours: {next(rows, '')}; see its words")

    def _organisation(self) -> str:
        answer = self._client.get("/api/v2/orgs", params={"org": self._org})
        found = told(answer, missing=404).get("orgs", [])
        if not found:
            raise SetupError(f"InfluxDB knows no organisation {self._org!r}; correct influx.org")
        return str(found[0]["id"])
