"""An InfluxDB 1.8 of the benchmark's own."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.broker import HOST, free_port, wait_for_port
from benchmarks.measured import SERVERS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

DEFAULT = Path(__file__).parents[2] / ".cache" / "servers" / "bin" / "influxd"
DATABASE = "carewatch"
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
  flux-enabled = true
  log-enabled = false
[monitor]
  store-enabled = false
"""


@dataclass(frozen=True, slots=True)
class Influxd:
    """`pid`: of the running server."""

    url: str
    pid: int

    @property
    def bucket(self) -> str:
        """The database as a bucket of the 2.x API."""
        return f"{DATABASE}/autogen"

    def query(self, statement: str) -> list[list[Any]]:
        """The values of every series. RuntimeError with InfluxDB's words."""
        answer = httpx.post(f"{self.url}/query", data={"q": statement, "db": DATABASE, "epoch": "ms"}, timeout=120)
        result: dict[str, Any] = answer.json()["results"][0]
        if "error" in result:
            raise RuntimeError(f"InfluxDB refused {statement!r}: {result['error']}")
        return [row for series in result.get("series", []) for row in series["values"]]

    def points(self) -> int:
        """Readings that can be queried: each has exactly one `battery`."""
        return sum(row[1] for row in self.query('SELECT count("battery") FROM /.*/'))


def add_influxd(parser: argparse.ArgumentParser) -> None:
    """The option that names the program."""
    parser.add_argument("--influxd", type=Path, default=DEFAULT, help="InfluxDB 1.8's server; `make servers` gets it")


@contextmanager
def influxd(program: Path, folder: Path, core: int | None = SERVERS) -> Iterator[Influxd]:
    """Running, with an empty database. FileNotFoundError if the program is not there."""
    port = free_port()
    conf = folder / "influxdb.conf"
    conf.write_text(CONF.format(folder=folder, port=port, rpc=free_port()))
    pin = None if core is None else lambda: os.sched_setaffinity(0, {core})
    with (folder / "influxd.log").open("wb") as log:
        server = subprocess.Popen([program, "run", "-config", conf], stdout=log, stderr=log, preexec_fn=pin)  # noqa: PLW1509 - no threads here
        try:
            wait_for_port(port, server, within_s=30)
            running = Influxd(f"http://{HOST}:{port}", server.pid)
            running.query(f'CREATE DATABASE "{DATABASE}"')
            yield running
        finally:
            server.terminate()
            server.wait()
