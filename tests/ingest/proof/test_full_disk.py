"""A disk that fills: warned of, then what can wait is shed, and an emergency is kept to the last byte.

On a small file system of its own, in memory; without the right to mount one the test is skipped.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.ingest.proof.outside import Outside, now_ms
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.mosquitto import Mosquitto

pytestmark = [pytest.mark.server, pytest.mark.slow]
MB = 1 << 20
DISK_MB, WARN_MB, SHED_MB = 160, 60, 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 160 MB: beside a ballast of 64 MB there is room for readings."""
    place = tmp_path / "disk"
    place.mkdir()
    options = f"size={DISK_MB}m"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=False, capture_output=True)
    if done.returncode:
        pytest.skip(f"no right to mount: {done.stderr.decode()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def outside(mosquitto: Mosquitto, disk: Path) -> Iterator[Outside]:
    settings = {"CAREWATCH_LOG__WARN_FREE_MB": str(WARN_MB), "CAREWATCH_LOG__SHED_FREE_MB": str(SHED_MB)}
    one = Outside(disk, mosquitto.host, mosquitto.port, **settings)
    yield one
    one.stop()
    sys.stdout.write(one.role.words)


class Filler:
    """Somebody else's file on the same disk."""

    def __init__(self, disk: Path) -> None:
        self._disk, self._path = disk, disk / "filler"

    def leave(self, free_bytes: int) -> None:
        """Grow until so much is free."""
        found = os.statvfs(self._disk)
        with self._path.open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, file.tell() + found.f_bavail * found.f_frsize - free_bytes)
            file.seek(0, os.SEEK_END)

    def leave_nothing(self) -> None:
        """Grow until the disk refuses."""
        with self._path.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError as full:
                if full.errno != errno.ENOSPC:
                    raise

    def go(self) -> None:
        self._path.unlink(missing_ok=True)


def reading(seq: int) -> bytes:
    return json.dumps({"boot": 1, "seq": seq, "oldest": 1, "time": now_ms(), "bpm": 70}).encode()


def test_a_disk_that_fills_costs_no_emergency_and_no_reading_that_its_watch_holds(outside: Outside, disk: Path) -> None:
    outside.start()
    outside.publish("watch/w1/heart_rate", reading(1))
    outside.rows("w1", 1)
    ballast = outside.role.log_path.with_name("readings.sqlite.ballast")
    wait_until(ballast.exists, 10, "the ballast")
    filler = Filler(disk)

    filler.leave((WARN_MB - 10) * MB)
    wait_until(lambda: outside.role.problems, 10, "the warning")
    outside.publish("watch/w1/heart_rate", reading(2))
    outside.rows("w1", 2)

    filler.leave((SHED_MB - 10) * MB)
    wait_until(lambda: any(problem.is_grave for problem in outside.role.problems), 10, "it to be said loudly")
    outside.publish("watch/w1/heart_rate", reading(3))
    outside.publish("watch/w1/sos", reading(4))
    assert [row["seq"] for row in outside.rows("w1", 3)] == [1, 2, 4]
    wait_until(lambda: (now := outside.role.status) and now.counters["shed"] >= 1, 10, "what was shed to be counted")

    filler.leave_nothing()
    for seq in range(1, 41):
        outside.publish("watch/w2/sos", reading(seq))
    assert [row["seq"] for row in outside.rows("w2", 40)] == list(range(1, 41))
    assert not ballast.exists()
    assert "ballast_given_up" in outside.role.words
    assert outside.role.process is not None
    assert outside.role.process.poll() is None

    filler.go()
    wait_until(lambda: not outside.role.problems, 15, "the trouble to be over")
    outside.publish("watch/w1/backlog", b'[{"kind":"heart_rate",' + reading(3)[1:] + b"]")
    assert sorted(row["seq"] for row in outside.rows("w1", 4)) == [1, 2, 3, 4]
    assert outside.role.verify()
