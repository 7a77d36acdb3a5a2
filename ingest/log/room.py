"""How much room the log's disk has: warn, then shed what can wait, and keep a ballast for emergencies.

A calm reading that is shed is acknowledged to the broker and neither committed nor receipted: its watch holds it and
sends it again. An emergency goes on to the last byte, and the ballast is given up for it.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import structlog

from ingest.log.places import fsync_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = structlog.get_logger(__name__)

MB = 1 << 20
BALLAST_BYTES = 64 * MB
CALM_AGAIN = 1.25
"""Shedding and warning end this far above where they begin, so that they do not come and go with each checkpoint."""


class Room(IntEnum):
    """What the log's disk has room for, in order of need."""

    PLENTY = 0
    LOW = 1  # all goes on, and a person is told
    SHEDDING = 2  # only emergencies are committed


@dataclass(frozen=True, slots=True)
class RoomOptions:
    """Free bytes below which each begins."""

    warn_bytes: int = 2048 * MB
    shed_bytes: int = 512 * MB


@dataclass(frozen=True, slots=True)
class RoomState:
    """What was found at the last look; `since_ms`: how long `room` has been so. `has_ballast`: for emergencies."""

    room: Room = Room.PLENTY
    free_bytes: int = 0
    since_ms: int = 0
    has_ballast: bool = False


class Ballast:
    """A file `<log>.ballast` that takes room so that there is some to give up when even an emergency finds none."""

    def __init__(self, log_path: Path, size_bytes: int = BALLAST_BYTES) -> None:
        self.path = log_path.with_name(log_path.name + ".ballast")
        self.size_bytes = size_bytes

    @property
    def is_there(self) -> bool:
        """Whether it could be given up now."""
        return self.path.exists()

    def make(self) -> bool:
        """Take the room, really (`posix_fallocate`, no hole). False, and nothing taken, when the disk refuses it."""
        aside = self.path.with_name(self.path.name + ".new")
        try:
            handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            try:
                os.posix_fallocate(handle, 0, self.size_bytes)
            finally:
                os.close(handle)
            aside.replace(self.path)
        except OSError as error:
            aside.unlink(missing_ok=True)
            log.warning("ballast_not_made", problem=str(error), remedy="free room on the log's disk; tried again")
            return False
        log.info("ballast_made", size_bytes=self.size_bytes)
        return True

    def give_up(self) -> bool:
        """Give its room to the log. Whether there was one; OSError when the disk does not even let a file go."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        fsync_folder(self.path.parent)
        log.error("ballast_given_up", size_bytes=self.size_bytes, remedy="the log's disk is full: free room at once")
        return True


def free_bytes(folder: Path) -> int:
    """What programs may still write there (statvfs)."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class DiskRoom:
    """Looks at the disk, and says when what it has room for changes.

    `free`: how many bytes are free in a folder; tests say it. Safe to ask from several threads.
    """

    def __init__(
        self,
        log_path: Path,
        options: RoomOptions,
        ballast: Ballast | None = None,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self.ballast = ballast or Ballast(log_path)
        self.state = RoomState()
        self._folder = log_path.parent
        self._options = options
        self._free = free
        self._turn = threading.Lock()

    def look(self, now_ms: int) -> Room:
        """What there is room for at this moment; costs microseconds.

        A disk that cannot be asked counts as it did before, and is said: the commit itself will tell more.
        """
        with self._turn:
            return self._look(now_ms)

    def _look(self, now_ms: int) -> Room:
        try:
            free = self._free(self._folder)
        except OSError as error:
            log.warning("room_unknown", problem=str(error), remedy="see the log's disk")
            return self.state.room
        before = self.state
        room = self._room(free, before.room)
        self._keep_ballast(free)
        since_ms = before.since_ms if room == before.room and before.since_ms else now_ms
        self.state = RoomState(room, free, since_ms, self.ballast.is_there)
        if room != before.room:
            _say(self.state)
        return room

    def _room(self, free: int, before: Room) -> Room:
        if before is Room.SHEDDING and not self._has_room_for_ballast(free) and not self.ballast.is_there:
            return Room.SHEDDING  # what is free now was given up for emergencies
        for room, below in ((Room.SHEDDING, self._options.shed_bytes), (Room.LOW, self._options.warn_bytes)):
            if free < below * (CALM_AGAIN if before >= room else 1):
                return room
        return Room.PLENTY

    def _keep_ballast(self, free: int) -> None:
        """Make it (again) where shedding would not begin by it."""
        if not self.ballast.is_there and self._has_room_for_ballast(free):
            self.ballast.make()

    def _has_room_for_ballast(self, free: int) -> bool:
        return free > self._options.shed_bytes * CALM_AGAIN + self.ballast.size_bytes


def _say(state: RoomState) -> None:
    free_mb = state.free_bytes // MB
    if state.room is Room.SHEDDING:
        log.error("log_sheds", free_mb=free_mb, remedy="free room: only emergencies are kept, watches hold the rest")
    elif state.room is Room.LOW:
        log.warning("disk_low", free_mb=free_mb, remedy="free room on the log's disk, or lower log.keep_days")
    else:
        log.info("disk_has_room", free_mb=free_mb)
