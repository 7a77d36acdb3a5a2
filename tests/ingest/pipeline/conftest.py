"""`flow`: ingest in its order, on a log of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ingest import pipeline
from ingest.sources import Source, Sources
from tests.ingest.pipeline.flow import Clock, Flow, Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

SOURCES = Sources([Source("3g/+/up", "watch_3g")])


@pytest.fixture
async def start_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Flow]]:
    """`start_flow(most_unknown=3)`."""
    monkeypatch.setattr(pipeline, "FIRST_RETRY_S", 0.01)
    started: list[Flow] = []

    def start(**more: Any) -> Flow:
        sessions = more.pop("sessions", lambda: (Session(), Session()))
        clock = more.pop("clock", None) or Clock()
        started.append(Flow(tmp_path, sessions, SOURCES, clock, **more))
        return started[-1]

    yield start
    for one in started:
        await one.stop()


@pytest.fixture
async def flow(start_flow: Callable[..., Flow]) -> Flow:
    return start_flow()
