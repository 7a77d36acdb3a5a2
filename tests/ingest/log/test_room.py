"""What happens as the log's disk fills: warned, shed, the ballast given up for an emergency; also really, on one."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import apsw
import pytest

from ingest.log.contract import Batch, LogError, LogFullError
from ingest.log.room import MB, Ballast, DiskRoom, Room, RoomOptions
from ingest.log.sqlite import SqliteLog
from ingest.reading import Kind, Readings
from tests.ingest.log.batches import T0_MS, batch

REPOSITORY = Path(__file__).parents[3]
OPTIONS = RoomOptions(warn_bytes=200 * MB, shed_bytes=100 * MB)


class Disk:
    """How much is free, as a test says."""

    def __init__(self, free_mb: int) -> None:
        self.free_mb = free_mb

    def __call__(self, _folder: Path) -> int:
        if self.free_mb < 0:
            raise OSError(5, "Input/output error")
        return self.free_mb * MB


def watched(tmp_path: Path, free_mb: int) -> tuple[DiskRoom, Disk]:
    disk = Disk(free_mb)
    return DiskRoom(tmp_path / "log", OPTIONS, Ballast(tmp_path / "log", MB), disk), disk


def test_room_is_plenty_then_low_then_shedding_and_back_only_when_there_is_some_more(tmp_path: Path, capsys) -> None:
    room, disk = watched(tmp_path, 500)
    seen = []
    for free_mb in (500, 199, 101, 99, 101, 124, 126, 201, 249, 251):
        disk.free_mb = free_mb
        seen.append(room.look(T0_MS + len(seen)))

    shed, low = Room.SHEDDING, Room.LOW
    assert seen == [Room.PLENTY, low, low, shed, shed, shed, low, low, low, Room.PLENTY]
    assert (room.state.since_ms, room.state.free_bytes) == (T0_MS + 9, 251 * MB)
    said = capsys.readouterr()
    for event in ("disk_low", "log_sheds", "disk_has_room"):
        assert event in said.out + said.err


def test_the_room_of_a_ballast_that_was_given_up_is_for_emergencies(tmp_path: Path) -> None:
    disk = Disk(300)
    options = RoomOptions(warn_bytes=40 * MB, shed_bytes=20 * MB)  # less than the ballast
    room = DiskRoom(tmp_path / "log", options, Ballast(tmp_path / "log", 64 * MB), disk)
    room.look(T0_MS)
    disk.free_mb = 0
    room.look(T0_MS)
    assert room.ballast.give_up()

    for free_mb, found in ((64, Room.SHEDDING), (88, Room.SHEDDING), (90, Room.PLENTY)):
        disk.free_mb = free_mb
        assert room.look(T0_MS) is found
    assert room.ballast.is_there


def test_a_disk_that_cannot_be_asked_counts_as_before(tmp_path: Path) -> None:
    room, disk = watched(tmp_path, 50)
    room.look(T0_MS)
    disk.free_mb = -1

    assert room.look(T0_MS + 1) is Room.SHEDDING


def test_the_ballast_really_takes_room_and_is_made_again_when_there_is_some(tmp_path: Path) -> None:
    room, disk = watched(tmp_path, 120)
    room.look(T0_MS)
    assert not room.state.has_ballast  # shedding would begin by it

    disk.free_mb = 300
    room.look(T0_MS)
    assert room.state.has_ballast
    found = room.ballast.path.stat()
    assert (found.st_size, found.st_blocks * 512 >= MB) == (MB, True)

    assert room.ballast.give_up()
    assert not room.ballast.give_up()
    room.look(T0_MS)
    assert room.ballast.is_there


def test_a_disk_that_refuses_the_ballast_leaves_nothing_of_it(tmp_path: Path, monkeypatch) -> None:
    def refused(*_arguments: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ingest.log.room.os.posix_fallocate", refused)

    assert not Ballast(tmp_path / "log").make()
    assert list(tmp_path.iterdir()) == []


def sos(log_time_ms: int = T0_MS) -> Batch:
    row = {"watch": 0, "kind": Kind.SOS, "time_ms": log_time_ms, "arrival_ms": log_time_ms}
    return Batch(Readings.of_rows([row]), log_time_ms)


def test_an_emergency_that_finds_no_room_takes_the_ballasts_and_a_calm_batch_does_not(tmp_path, monkeypatch) -> None:
    log = SqliteLog(tmp_path / "log")
    log.ballast = Ballast(tmp_path / "log", MB)
    log.ballast.make()
    commit, refusals = log._commit, []

    def full_while_there_is_ballast(*given):
        if log.ballast.is_there:
            refusals.append(given)
            raise LogFullError("full") from apsw.FullError()
        return commit(*given)

    monkeypatch.setattr(log, "_commit", full_while_there_is_ballast)
    with pytest.raises(LogFullError):
        log.append(batch(5))
    assert log.ballast.is_there

    assert log.append(sos()) == 1
    assert not log.ballast.is_there
    log.close()


def test_on_a_small_disk_that_is_full_emergencies_go_in_and_nothing_is_half(tmp_path: Path) -> None:
    mounted = f"mount -t tmpfs -o size=72m tmpfs {tmp_path}"
    inside = f"{mounted} && exec {sys.executable} -m tests.ingest.log.small_disk {tmp_path}"
    command = ["unshare", "-rm", "sh", "-c", inside]
    ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if "unshare" in ran.stderr or "mount:" in ran.stderr:
        pytest.skip("this machine lets us mount no small disk")
    assert ran.returncode == 0, ran.stderr

    told = json.loads(ran.stdout.splitlines()[-1])
    assert "no room to commit" in told["refused"]
    assert told["calm"] > 5
    assert told["emergencies"] == 20
    assert told["verified"] == told["calm"] + told["emergencies"]
    assert told["after_room_was_made"] == told["verified"] + 1
    assert told["ballast_again"]


def test_a_ballast_that_cannot_be_given_up_is_told_as_a_trouble_of_the_log(tmp_path, monkeypatch):
    with closing(SqliteLog(tmp_path / "readings.sqlite")) as log:
        monkeypatch.setattr(log, "_commit", Mock(side_effect=LogFullError("no room")))
        monkeypatch.setattr(log.ballast, "give_up", Mock(side_effect=OSError("read-only file system")))
        sos = Readings.of_rows([{"watch": 0, "kind": Kind.SOS, "time_ms": 1, "arrival_ms": 1}])
        with pytest.raises(LogError, match="no room; nor does the disk let its ballast go: read-only"):
            log.append(Batch(sos, 1))
