"""InfluxDB 1.8.10 with authentication and Flux: written and queried through the API of 2.x."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from tests.servers.process import Process, free_port, program

if TYPE_CHECKING:
    from pathlib import Path

USER, PASSWORD = "carewatch", "of-this-test-only"

# https://docs.influxdata.com/influxdb/v1/administration/config/
CONF = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  max-series-per-database = 0
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = true
  flux-enabled = true
  log-enabled = false
  {http_lines}
[monitor]
  store-enabled = false
"""


class InfluxDB:
    """`program_name`: "influxd" is 1.8, "influxd-1.6" Debian's. `http_lines`: more of section `[http]`.

    `.url .org .bucket .token .database`; `.fresh_database()` moves to a new, empty one; `.stop() .start()`.
    """

    def __init__(self, folder: Path, http_lines: str = "", program_name: str = "influxd") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.org, self.token = "-", f"{USER}:{PASSWORD}"
        self.user, self.password = USER, PASSWORD
        self.database = ""
        self._databases = 0
        self._has_user = False
        conf = folder / "influxdb.conf"
        conf.write_text(CONF.format(folder=folder, port=self.port, rpc=free_port(), http_lines=http_lines))
        command = [program(program_name), "run", "-config", str(conf)]
        self.process = Process(command, folder / "influxdb.log", self._pings)

    @property
    def bucket(self) -> str:
        """The database as a bucket of the 2.x API."""
        return f"{self.database}/autogen"

    def start(self) -> None:
        """Return when it answers; the first time its administrator is made too."""
        self.process.start()
        if not self._has_user:
            self.influxql(f"CREATE USER \"{USER}\" WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES")
            self._has_user = True

    def stop(self) -> None:
        """Ordered shutdown; the data stays for the next `start`."""
        self.process.stop()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()

    def fresh_database(self) -> str:
        """Make an empty database, which `.database` and `.bucket` name from now on."""
        self._databases += 1
        self.database = f"test_{self._databases}"
        self.influxql(f'CREATE DATABASE "{self.database}"')
        return self.database

    def influxql(self, statement: str) -> list[dict[str, Any]]:
        """Run InfluxQL in the database and return its rows, series after series; AssertionError on a refusal."""
        query = urllib.parse.urlencode({"q": statement, "db": self.database, "epoch": "ns"})
        status, body = self._request("POST", f"/query?{query}")
        result: dict[str, Any] = json.loads(body)["results"][0] if status == 200 else {"error": body}
        if "error" in result:
            raise AssertionError(f"InfluxDB refused {statement!r}: {result['error']}")
        return [
            {**series.get("tags", {}), **dict(zip(series["columns"], row, strict=True))}
            for series in result.get("series", [])
            for row in series.get("values", [])
        ]

    def write(self, lines: str) -> None:
        """Write line protocol (nanoseconds) into the database; AssertionError with its words when refused."""
        query = urllib.parse.urlencode({"db": self.database, "precision": "ns"})
        status, body = self._request("POST", f"/write?{query}", lines)
        if status != 204:
            raise AssertionError(f"InfluxDB refused a write: {status} {body}")

    def _request(self, method: str, path: str, body: str = "") -> tuple[int, str]:
        # Before the first user is made InfluxDB lets everybody in, whatever this header says.
        headers = {"Authorization": "Basic " + b64encode(self.token.encode()).decode()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body.encode(), headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def _pings(self) -> bool:
        try:
            return self._request("GET", "/ping")[0] == 204
        except OSError:
            return False
