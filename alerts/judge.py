"""The engine as it goes along the log: at each record the settings version that holds there, and a state to keep.

Knows no store and no clock: what it makes of a log is the same live, after a restart and in a replay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alerts.around import apply_around
from alerts.engine import apply as engine_apply
from alerts.engine import change as engine_change
from alerts.engine import snapshot as engine_snapshot
from alerts.engine.settings import EngineSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from alerts.engine.contract import SettingsDocument, Transition
    from ingest.log.contract import Record


@dataclass(frozen=True, slots=True)
class Engine:
    """The calls that make an engine. `damaged`: what `load` raises for bytes that are no snapshot of these settings."""

    compile: Callable[[SettingsDocument], Any]
    new_state: Callable[[Any], Any]
    apply: Callable[[Any, Record, Any], tuple[Any, Sequence[Transition]]]
    change_settings: Callable[[Any, Any, Any], tuple[Any, Sequence[Transition]]]
    dump: Callable[[Any], bytes]
    load: Callable[[bytes, Any], Any]
    damaged: type[Exception]


NUMPY_ENGINE = Engine(
    compile=EngineSettings.of,
    new_state=engine_apply.new_state,
    apply=engine_apply.apply,
    change_settings=engine_change.change_settings,
    dump=engine_snapshot.dump,
    load=engine_snapshot.load,
    damaged=engine_snapshot.SnapshotError,
)


class NoSettingsError(Exception):
    """No settings version holds at the record: there are no rules to judge it by."""


class Judge:
    """State and settings at `offset`, the newest record judged."""

    def __init__(self, engine: Engine, versions: Sequence[SettingsDocument]) -> None:
        self._engine = engine
        self._versions = list(versions)
        self._document: SettingsDocument | None = None
        self._settings: Any = None
        self._state: Any = None
        self.offset = 0

    @property
    def newest_version(self) -> int:
        """Of the settings versions known."""
        return self._versions[-1].version if self._versions else 0

    def add_versions(self, versions: Sequence[SettingsDocument]) -> None:
        """Further versions, oldest first."""
        self._versions += versions

    def restore(self, offset: int, body: bytes) -> None:
        """Stand where the snapshot `body` was taken, after the record `offset`. Raises the engine's `damaged`."""
        document = self._version_at(offset)
        settings = self._engine.compile(document)
        self._state = self._engine.load(body, settings)
        self._document, self._settings, self.offset = document, settings, offset

    def judge(self, record: Record) -> list[Transition]:
        """What the record changes; first what a settings version that holds from here on does."""
        changes = self._stand_at(record.offset)
        self._state, transitions = self._engine.apply(self._state, record, self._settings)
        self.offset = record.offset
        return [*changes, *transitions]

    def judge_around(self, record: Record) -> tuple[list[Transition], int]:
        """As `judge`, for a record on which that failed; the state must stand before it (restored and replayed).

        Also how many readings were left out.
        """
        changes = self._stand_at(record.offset)
        around = apply_around(self._engine, self._state, record, self._settings)
        self._state, self.offset = around.state, record.offset
        return [*changes, *around.transitions], around.unjudged

    def snapshot(self) -> bytes:
        """The state after the record `offset`."""
        return self._engine.dump(self._state)

    def _stand_at(self, offset: int) -> Sequence[Transition]:
        document = self._version_at(offset)
        if self._document is not None and document.version == self._document.version:
            return ()
        old, new = self._settings, self._engine.compile(document)
        self._document, self._settings = document, new
        if old is None:
            self._state = self._engine.new_state(new)
            return ()
        self._state, changes = self._engine.change_settings(self._state, old, new)
        return changes

    def _version_at(self, offset: int) -> SettingsDocument:
        """The newest version that holds at the record `offset` (at 0: before the first)."""
        for document in reversed(self._versions):
            if document.from_offset < max(offset, 1):
                return document
        raise NoSettingsError(
            f"no settings version holds at record {offset} of {len(self._versions)} versions; "
            "start with rules that are good (`carewatch rules check`), and they hold from the next record on"
        )
