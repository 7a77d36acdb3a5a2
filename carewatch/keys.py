"""The secret that signs sessions and links: set, or made once and kept beside the log, readable by us alone."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from carewatch.settings import Settings


def board_secret(settings: Settings) -> str:
    """At least 32 characters. Every role of one installation gets the same."""
    given = settings.board.secret.get_secret_value()
    return given or _kept(settings.log.path.parent / "board.secret")


def _kept(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32))
        file.flush()
        os.fsync(file.fileno())
    return path.read_text(encoding="ascii").strip()
