"""Telegraf (mqtt_consumer) as a user would set it up for the same readings, with windows as wide as ours."""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.broker import HOST
from benchmarks.ingest.influxd import influxd
from benchmarks.ingest.stream import FILTERS
from benchmarks.measured import SERVERS, Taken, cpu_of, new_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

LOOK_S = 0.05
GIVE_UP_S = 300
# https://docs.influxdata.com/telegraf/v1/plugins/ (mqtt_consumer, influxdb, health, internal)
CONF = """\
[agent]
  interval = "1s"
  flush_interval = "1s"
  metric_batch_size = 10000
  metric_buffer_limit = 1000000
  omit_hostname = true
  quiet = true
[[inputs.mqtt_consumer]]
  servers = ["tcp://{host}:{port}"]
  topics = [{topics}]
  qos = 1
  persistent_session = true
  client_id = "drain"
  max_undelivered_messages = 20000
  topic_tag = ""
  data_format = "json"
  json_time_key = "time"
  json_time_format = "unix_ms"
  json_string_fields = ["source", "event"]
  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "watch/+/+"
    measurement = "_/_/measurement"
    tags = "_/watch/_"
{output}
"""
TO_INFLUXDB = """\
[[outputs.influxdb]]
  urls = ["{url}"]
  database = "{database}"
  skip_database_creation = true
  content_encoding = "gzip"
"""
TO_NOTHING = """\
[[outputs.discard]]
  namedrop = ["internal_*"]
[[inputs.internal]]
  collect_memstats = false
[[outputs.file]]
  files = ["{file}"]
  data_format = "influx"
  namepass = ["internal_write"]
"""
"""Telegraf's own count goes to a file, so that its end is known."""


def add_telegraf(parser: argparse.ArgumentParser) -> None:
    """The option that names the program."""
    parser.add_argument("--telegraf", type=Path, help="path of Telegraf's program; without it Telegraf is left out")


def telegraf_drain(program: Path, port: int, count: int) -> Taken:
    """To an output that throws everything away: nothing is kept, so this is less than its usual work."""
    with new_folder() as folder:
        counts = folder / "internal.txt"
        with running(program, folder, port, TO_NOTHING.format(file=counts)) as pid:
            return until(lambda: _written(counts) >= count, pid)


def telegraf_influx(program: Path, port: int, count: int, server: Path, core: int | None = SERVERS) -> Taken:
    """To an InfluxDB of its own, until everything can be queried; `server`: InfluxDB's program."""
    with new_folder() as folder, influxd(server, folder, core) as influx:
        output = TO_INFLUXDB.format(url=influx.url, database=influx.bucket.partition("/")[0])
        with running(program, folder, port, output) as pid:
            return until(lambda: influx.points() >= count, pid, look_s=1.0)


@contextmanager
def running(program: Path, folder: Path, port: int, output: str) -> Iterator[int]:
    """Telegraf, draining; yields its pid."""
    conf = folder / "telegraf.conf"
    topics = ", ".join(f'"{one}"' for one in FILTERS)
    conf.write_text(CONF.format(host=HOST, port=port, topics=topics, output=output))
    with (folder / "telegraf.log").open("wb") as log:
        started = subprocess.Popen([program, "--config", conf], stdout=log, stderr=log)
    try:
        yield started.pid
    finally:
        started.terminate()
        started.wait()


def until(done: Callable[[], bool], pid: int, look_s: float = LOOK_S) -> Taken:
    """Wall and CPU seconds until `done`; TimeoutError if that never is."""
    started, cpu_s = time.perf_counter(), cpu_of(pid)
    while not done():
        if time.perf_counter() - started > GIVE_UP_S:
            raise TimeoutError(f"not drained after {GIVE_UP_S} s")
        time.sleep(look_s)
    return Taken(time.perf_counter() - started, cpu_of(pid) - cpu_s)


def _written(file: Path) -> int:
    """What the output `discard` has been given, by Telegraf's newest word on it."""
    if not file.exists():
        return 0
    lines = [line for line in file.read_text("utf-8").splitlines() if "output=discard" in line]
    if not lines:
        return 0
    fields = dict(part.split("=") for part in lines[-1].split(" ")[1].split(","))
    return int(fields["metrics_written"].rstrip("iu"))
