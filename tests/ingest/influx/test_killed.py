"""kill -9 of the writer, again and again, in the middle of a backlog: nothing is missing, nothing is twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.log.contract import Batch
from tests.ingest.influx.writing import new_log
from tests.ingest.log.batches import T0_MS, random_readings
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from tests.servers.influxdb import InfluxDB

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[3]
RECORDS, ROWS, KILLS = 600, 50, 4


def test_what_was_on_its_way_is_written_by_the_next_life(influxdb: InfluxDB, tmp_path: Path) -> None:
    log = new_log(tmp_path)
    for n in range(RECORDS):
        log.append(Batch(random_readings(np.random.default_rng(n), ROWS, first_seq=1 + n * ROWS), T0_MS + n))

    def stored() -> int:
        return sum(row["count"] for row in influxdb.influxql('SELECT count("arrival_s") FROM /.*/'))

    command = [sys.executable, "-m", "tests.ingest.influx.killed_writer"]
    places = []
    for life in range(1, KILLS + 1):
        with subprocess.Popen(
            [*command, str(log.path), influxdb.url, influxdb.bucket, influxdb.token], cwd=ROOT
        ) as writer:
            goal = RECORDS * ROWS if life == KILLS else life * RECORDS * ROWS // (KILLS + 1)
            try:
                wait_until(lambda goal=goal: stored() >= goal, 60, f"{goal} readings in InfluxDB")
                if life == KILLS:
                    wait_until(lambda: log.place("influx") == RECORDS, 30, "the place to be kept")
            finally:
                writer.kill()
        places.append(log.place("influx"))
    log.close()

    assert places == sorted(places)
    assert stored() == RECORDS * ROWS
