"""The state as bytes: a version, a checksum, and every column by name. `load(dump(state))` goes on bit for bit."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from alerts.engine.episodes import Episode, Phase
from alerts.engine.levels import FIELDS
from alerts.engine.log_time import LogTime
from alerts.engine.state import State, new_state, rules_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alerts.engine.settings import EngineSettings

MAGIC = b"carewatch engine state "
VERSION = 1


class SnapshotError(Exception):
    """A snapshot cannot be used; the text says why. The remedy is always the same: an older one, or the whole log."""


class _Array(msgspec.Struct, array_like=True):
    name: str
    dtype: str
    values: bytes
    fill: float = 0.0


class _Episode(msgspec.Struct, array_like=True):
    rule: int
    watch: int
    phase: str
    times: tuple[int, int, int, int, int, int]
    late: bool
    reopened: bool
    inputs: dict[str, float | bool | str | None]


class _Body(msgspec.Struct):
    rules: tuple[tuple[str, str], ...]
    offset: int
    watches: int
    time: dict[str, Any]
    columns: list[_Array]
    levels: list[_Array]
    next_due: int
    episodes: list[_Episode]
    absent_due: dict[str, int]


def dump(state: State) -> bytes:
    """Bytes of the whole state."""
    body = zlib.compress(msgspec.msgpack.encode(_body(state)), level=1)
    return MAGIC + VERSION.to_bytes(2, "big") + hashlib.sha256(body).digest() + body


def load(data: bytes, settings: EngineSettings) -> State:
    """The state again. Raises SnapshotError if it is damaged, of another version, or of other rules."""
    head = len(MAGIC) + 2
    if data[: len(MAGIC)] != MAGIC:
        raise SnapshotError("this is no engine snapshot")
    version = int.from_bytes(data[len(MAGIC) : head], "big")
    if version != VERSION:
        raise SnapshotError(f"the snapshot is of version {version}, this program reads {VERSION}")
    body = data[head + 32 :]
    if hashlib.sha256(body).digest() != data[head : head + 32]:
        raise SnapshotError("the checksum does not fit: the snapshot is damaged")
    try:
        found = msgspec.msgpack.decode(zlib.decompress(body), type=_Body)
    except (msgspec.DecodeError, zlib.error) as error:
        raise SnapshotError(f"the snapshot cannot be read: {error}") from error
    if found.rules != rules_of(settings):
        raise SnapshotError("the snapshot was made under other rules; load it with the settings of its offset")
    return _restore(found, settings)


def _body(state: State) -> _Body:
    state.episodes.forget(state.time.counted_ms)
    time = state.time
    return _Body(
        rules=state.rules,
        offset=state.offset,
        watches=state.columns.watches,
        time={name: getattr(time, name) for name in ("log_ms", "deaf_ms", "starts", "ends", "holds")},
        columns=[_array(name, *state.columns.filled(name)) for name in state.columns.names],
        levels=[_array("keys", state.levels.keys), *(_array(name, state.levels.fields[name]) for name in FIELDS)],
        next_due=state.levels.next_due,
        episodes=[_frozen(rule, watch, each) for rule, watch, episodes in state.episodes.items() for each in episodes],
        absent_due=state.absent_due,
    )


def _array(name: str, values: NDArray[Any], fill: float = 0.0) -> _Array:
    return _Array(name, values.dtype.str, values.tobytes(), float(fill))


def _values(array: _Array) -> NDArray[Any]:
    return np.frombuffer(array.values, np.dtype(array.dtype)).copy()


def _frozen(rule: int, watch: int, each: Episode) -> _Episode:
    times = (each.started_ms, each.newest_ms, each.event_ms, each.arrival_ms, each.due_ms, each.touched_ms)
    return _Episode(rule, watch, each.phase.value, times, each.late, each.reopened, dict(each.inputs))


def _restore(found: _Body, settings: EngineSettings) -> State:
    state = new_state(settings)
    state.offset, state.absent_due, state.time = found.offset, found.absent_due, LogTime(**found.time)
    state.columns.grow(found.watches)
    for array in found.columns:
        values = _values(array)
        fill = int(array.fill) if values.dtype.kind == "i" else array.fill
        state.columns.put(array.name, values, fill)
    keys, *fields = (_values(array) for array in found.levels)
    state.levels.keys, state.levels.fields = keys, dict(zip(FIELDS, fields, strict=True))
    state.levels.next_due = found.next_due
    thawed: dict[tuple[int, int], list[Episode]] = {}
    for each in found.episodes:
        episode = Episode(Phase(each.phase), *each.times, each.late, each.reopened, each.inputs)
        thawed.setdefault((each.rule, each.watch), []).append(episode)
    for (rule, watch), episodes in thawed.items():
        state.episodes.put(rule, watch, episodes)
    return state
