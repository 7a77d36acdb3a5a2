"""Points that InfluxDB refuses for ever, kept beside the log with the server's words."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.log.contract import LogError

if TYPE_CHECKING:
    import pyarrow as pa

FILE_BYTES = 64 << 20
"""Beyond this the file moves to `<name>.1` in place of the one before: the readings themselves stay in the log, and
the disk must not fill with copies of them."""


class RefusedPoints:
    """JSON lines `{"at_ms", "words", "line"}`, fsynced before the writer's place moves on."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def keep(self, lines: pa.Array, words: str, at_ms: int) -> None:
        """Append lines that were refused with `words`. LogError when the file cannot be written."""
        try:
            self._make_room()
            with self.path.open("a", encoding="utf-8") as file:
                for line in lines.to_pylist():
                    file.write(json.dumps({"at_ms": at_ms, "words": words, "line": line.rstrip("\n")}) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise LogError(f"{self.path}: cannot be written: {error.strerror}; free room there") from error

    def _make_room(self) -> None:
        if self.path.exists() and self.path.stat().st_size > FILE_BYTES:
            self.path.replace(self.path.with_name(self.path.name + ".1"))
