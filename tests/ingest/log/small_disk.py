"""A log on a small disk until that is full: `python -m tests.ingest.log.small_disk FOLDER`; JSON on the last line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ingest.log.contract import Batch, LogFullError
from ingest.log.room import MB, Ballast, DiskRoom, RoomOptions
from ingest.log.sqlite import SqliteLog
from ingest.reading import Kind, Readings
from tests.ingest.log.batches import T0_MS, batch


def sos(n: int) -> Batch:
    row = {"watch": 0, "kind": Kind.SOS, "time_ms": T0_MS + n, "arrival_ms": T0_MS + n}
    return Batch(Readings.of_rows([row]), T0_MS + n)


def fill(log: SqliteLog, stone: Path) -> tuple[int, str]:
    """Calm batches until one is refused, and what it says; another program takes what is left then."""
    count = 0
    try:
        while True:
            log.append(batch(4000, T0_MS, seed=count))
            count += 1
    except LogFullError as error:
        told = str(error)
    with stone.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return count, told


def main(folder: Path) -> None:
    log = SqliteLog(folder / "log.sqlite")
    log.ballast = Ballast(log.path, 20 * MB)
    room = DiskRoom(log.path, RoomOptions(0, 0), log.ballast)
    room.look(T0_MS)
    stone = folder / "stone"
    stone.write_bytes(b"x" * (24 * MB))
    calm, refused = fill(log, stone)
    assert log.ballast.is_there
    emergencies = len([log.append(sos(n)) for n in range(20)])
    assert not log.ballast.is_there
    verified = log.verify()
    stone.unlink()
    room.look(T0_MS)
    told = {
        "calm": calm,
        "refused": refused,
        "emergencies": emergencies,
        "verified": verified,
        "after_room_was_made": log.append(batch(100)),
        "ballast_again": log.ballast.is_there,
    }
    log.close()
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
