"""Where runs stand that are not in memory: older boots, counts that began again, and runs of many ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.normalise.seen_kept import SeenRun


class RunTable(Protocol):
    """Table `seen_run`, as of the last commit."""

    def seen_runs_of(self, watch: int, boot: int) -> Sequence[SeenRun]:
        """The runs of one boot, by generation; empty when it is not there."""

    def seen_boots_of(self, watch: int) -> dict[int, int]:
        """Every boot of the watch that stands there -> `touched_ms` of its newest generation."""


class RunsInMemory:
    """The same without a log: for what is tried out, and for rebuilding what the disk changed."""

    def __init__(self) -> None:
        self._runs: dict[int, dict[int, dict[int, SeenRun]]] = {}

    def seen_runs_of(self, watch: int, boot: int) -> Sequence[SeenRun]:
        """The runs of one boot, by generation."""
        runs = self._runs.get(watch, {}).get(boot, {})
        return [runs[generation] for generation in sorted(runs)]

    def seen_boots_of(self, watch: int) -> dict[int, int]:
        """Every boot -> when its newest generation changed last."""
        boots = self._runs.get(watch, {})
        return {boot: runs[max(runs)].touched_ms for boot, runs in boots.items()}

    def keep(self, runs: Iterable[SeenRun], forgotten: Iterable[tuple[int, int]]) -> None:
        """What the transaction of a batch does: forget first, then put."""
        for watch, boot in forgotten:
            self._runs.get(watch, {}).pop(boot, None)
        for run in runs:
            self._runs.setdefault(run.watch, {}).setdefault(run.boot, {})[run.generation] = run

    def all(self) -> list[SeenRun]:
        """Every run kept."""
        return [run for boots in self._runs.values() for runs in boots.values() for run in runs.values()]
