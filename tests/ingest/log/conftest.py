"""Each implementation of the reading log, for the tests that ask what all of them promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ingest.log.kinds import KINDS, SqliteKind

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def kind(request, tmp_path) -> Iterator[SqliteKind]:
    made = request.param(tmp_path)
    yield made
    made.close()


@pytest.fixture
def log(kind):
    return kind.writer()
