"""How far each consumer has read: one small fsynced file a consumer beside the log."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ingest.log.contract import LogDamagedError, LogError

if TYPE_CHECKING:
    from pathlib import Path

CONSUMER = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class Places:
    """Files `<log>.place.<consumer>`, each holding one offset in decimal.

    A file is exchanged whole (written aside, fsynced, renamed, folder fsynced): after a crash it holds the old place or
    the new one.
    """

    def __init__(self, log: Path) -> None:
        self._log = log

    def keep(self, consumer: str, offset: int) -> None:
        """Durable on return. LogError when it cannot be written; the old place then stays."""
        path = self._path(consumer)
        aside = path.with_name(path.name + ".new")
        try:
            with aside.open("w", encoding="ascii") as file:
                file.write(f"{offset}\n")
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
            fsync_folder(path.parent)
        except OSError as error:
            raise LogError(
                f"{path}: cannot keep place {offset}: {error.strerror}; free room there or make it writable"
            ) from error

    def get(self, consumer: str) -> int:
        """The offset kept; 0 when there is none yet. LogDamagedError when the file holds no offset."""
        path = self._path(consumer)
        try:
            text = path.read_text("ascii").strip()
            return int(text)
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise LogError(f"{path}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise LogDamagedError(
                f"{path}: holds no offset. Delete it and {consumer} begins at the oldest record kept"
            ) from error

    def drop(self, consumer: str) -> None:
        """Forget a consumer that is gone for good, so that it holds pruning up no longer."""
        self._path(consumer).unlink(missing_ok=True)

    def all(self) -> dict[str, int]:
        """Every consumer that has kept a place, and where it is."""
        prefix = f"{self._log.name}.place."
        names = (path.name.removeprefix(prefix) for path in self._log.parent.glob(f"{_literal(prefix)}*"))
        return {name: self.get(name) for name in sorted(names) if CONSUMER.fullmatch(name)}

    def _path(self, consumer: str) -> Path:
        if not CONSUMER.fullmatch(consumer):
            raise ValueError(f"consumer {consumer!r}: up to 32 of a-z 0-9 _ -, a letter first")
        return self._log.with_name(f"{self._log.name}.place.{consumer}")


def _literal(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def fsync_folder(folder: Path) -> None:
    """Make a rename in it durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
