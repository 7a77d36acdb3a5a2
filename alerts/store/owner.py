"""One process writes a SQLite store: it holds a lock on a side file for as long as it has the store open.

The lock stands beside the database, not on it: SQLite's exclusive mode would shut other processes' readers out.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class StoreError(Exception):
    """The store cannot be used as asked; the text says why and the remedy."""


class StoreOwnedElsewhereError(StoreError):
    """Another process writes this store."""


class OwnerLock:
    """Held from `take` until `release`; the kernel lets go of it when the process dies."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(f"{database.name}.lock")
        self._file = -1

    def take(self) -> None:
        """Become the writer. Raises `StoreOwnedElsewhereError` naming the process that is."""
        opened = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(opened, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(opened)
            raise StoreOwnedElsewhereError(
                f"{self.path}: process {owner} writes this store; stop it first, or ask it through its board or API"
            ) from None
        os.ftruncate(opened, 0)
        os.pwrite(opened, str(os.getpid()).encode("ascii"), 0)
        self._file = opened

    def release(self) -> None:
        """Let the next process write. Twice is harmless."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
