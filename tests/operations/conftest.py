"""The secrets of an installation with the watches A and B, and its broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.operations.broker import Broker, make_passwords

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (tmp_path / "auth").mkdir()
    (folder / "mqtt_password").write_text("its own, a long one\n")
    (folder / "watch_passwords").write_text("# watches of the first street\n\nA:pass-of-a\r\nB:pass of b\n")
    return folder


@pytest.fixture
def broker(tmp_path: Path, secrets: Path) -> Iterator[Broker]:
    made = make_passwords(secrets, tmp_path / "auth")
    assert made.returncode == 0, made.stderr
    server = Broker(tmp_path)
    server.process.start()
    yield server
    server.process.stop()
    server.process.show_log()
