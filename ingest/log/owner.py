"""Who writes a log: one process at a time, by a lock that the kernel takes back when the process dies."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from ingest.log.contract import LogError, LogOwnedElsewhereError

if TYPE_CHECKING:
    from pathlib import Path


class OwnerLock:
    """An flock on `<log>.lock`, which names the owner's process id for whoever comes second.

    It stands beside the log because SQLite's own exclusive mode would shut readers out. The file stays when the
    owner ends; only the lock counts.

    Raises
    ------
    LogOwnedElsewhereError
        Another process (or this one, a second time) has it.
    LogError
        The file cannot be made.
    """

    def __init__(self, log: Path) -> None:
        self.path = log.with_name(log.name + ".lock")
        try:
            self._file: int | None = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise LogError(f"{self.path}: {error.strerror}; its folder must exist and be writable for us") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(self._file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            self.release()
            raise LogOwnedElsewhereError(
                f"{log}: process {owner} writes this log already. Stop that one first (the whole `carewatch run`: it "
                "starts a killed role again), or give this one another log.path"
            ) from error
        os.truncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in; a second call does nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
