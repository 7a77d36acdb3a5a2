"""The registry: which watches exist. Index i is row i of every state column, for ever.

ingest owns it (it stands in the log's file and changes in the same transaction as the readings); who wears a watch
is alerts' business. A million of them are kept as columns; a `Watch` is built when one is asked for.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from itertools import islice, repeat
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

WATCH_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""WIRE.md section 1."""
Setting = tuple[str, str, bool]
"""(profile, site, retired)"""
MET: Setting = ("native", "", False)
"""Of a watch that nobody has registered yet."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One watch. `provisional`: it spoke before anyone registered it. `profile` names a file of config/devices/."""

    index: int
    watch_id: str
    profile: str = "native"
    site: str = ""
    provisional: bool = False
    retired: bool = False


class Watches:
    """id -> watch and index -> watch, in memory. `meet` hands out an index for an unknown id."""

    def __init__(self, known: Iterable[Watch] = ()) -> None:
        self._index_of: dict[str, int] = {}
        self._ids: list[str] = []
        self._settings: dict[Setting, int] = {}
        """Every setting that some watch has, and its number: they are few, so a watch keeps the number of its own."""
        self._setting_of = np.zeros(0, np.uint16)
        self._provisional = np.zeros(0, np.bool_)
        self.provisional = 0
        """How many nobody has registered yet."""
        for watch in known:
            self.put(watch)

    @staticmethod
    def of_rows(rows: Iterable[tuple[str, str, str, bool, bool]]) -> Watches:
        """From (watch_id, profile, site, provisional, retired) of index 0, 1, 2, ...; a million in about a second."""
        watches = Watches()
        numbers, provisional = array("H"), bytearray()
        ids, number_of = watches._ids, watches._settings
        for watch_id, profile, site, is_provisional, retired in rows:
            setting = (profile, site, bool(retired))
            number = number_of.get(setting)
            numbers.append(watches._number(setting) if number is None else number)
            provisional.append(is_provisional)
            ids.append(watch_id)
        watches._index_of = dict(zip(ids, range(len(ids)), strict=True))
        watches._setting_of = np.array(numbers, np.uint16)
        watches._provisional = np.array(provisional, np.bool_)
        watches.provisional = int(watches._provisional.sum())
        return watches

    def __len__(self) -> int:
        return len(self._ids)

    def put(self, watch: Watch) -> None:
        """Add, or change one whose index stays."""
        if watch.index == len(self._ids) and watch.watch_id not in self._index_of:
            self._add(watch.watch_id)
        elif self._index_of.get(watch.watch_id) != watch.index:
            raise ValueError(f"watch {watch.watch_id!r}: index {watch.index} does not follow {len(self._ids)}")
        self.provisional += watch.provisional - int(self._provisional[watch.index])
        self._provisional[watch.index] = watch.provisional
        self._setting_of[watch.index] = self._number((watch.profile, watch.site, watch.retired))

    def get(self, watch_id: str) -> Watch | None:
        """The watch of this id, if known."""
        index = self._index_of.get(watch_id)
        return None if index is None else self.at(index)

    def at(self, index: int) -> Watch:
        """The watch of this index."""
        profile, site, retired = self._setting_at(int(self._setting_of[index]))
        return Watch(index, self._ids[index], profile, site, bool(self._provisional[index]), retired)

    def id_at(self, index: int) -> str:
        """The id of the watch of this index."""
        return self._ids[index]

    def meet(self, watch_id: str) -> tuple[Watch, bool]:
        """The watch of this id and whether it is new; a new one is provisional until someone registers it."""
        is_new = watch_id not in self._index_of
        if is_new:
            self._meet_new(watch_id)
        return self.at(self._index_of[watch_id]), is_new

    def indices(self, watch_ids: Sequence[str]) -> NDArray[np.int64]:
        """The index of each, shape (len(watch_ids),); -1: unknown."""
        return np.fromiter(map(self._index_of.get, watch_ids, repeat(-1)), np.int64, len(watch_ids))

    def meet_all(self, watch_ids: Sequence[str]) -> NDArray[np.int64]:
        """The same; unknown ones are met, in order."""
        indices = self.indices(watch_ids)
        for place in np.flatnonzero(indices < 0).tolist():
            watch_id = watch_ids[place]
            if watch_id not in self._index_of:
                self._meet_new(watch_id)
            indices[place] = self._index_of[watch_id]
        return indices

    def are_provisional(self, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Mask of the shape of `indices`: nobody has registered it yet."""
        return self._provisional[indices]

    def profiles(self, indices: NDArray[np.int64]) -> list[str]:
        """The profile of each."""
        profiles = [profile for profile, _, _ in self._settings]
        return [profiles[number] for number in self._setting_of[indices].tolist()]

    def forget_from(self, index: int) -> None:
        """Take back indices >= `index`: their batch was not committed."""
        self.provisional -= int(self._provisional[index : len(self._ids)].sum())
        for watch_id in self._ids[index:]:
            del self._index_of[watch_id]
        del self._ids[index:]

    def _meet_new(self, watch_id: str) -> None:
        index = self._add(watch_id)
        self._provisional[index] = True
        self.provisional += 1

    def _add(self, watch_id: str) -> int:
        index = len(self._ids)
        if index == len(self._provisional):
            room = index // 8 + 1024
            self._provisional = np.concatenate([self._provisional, np.zeros(room, np.bool_)])
            self._setting_of = np.concatenate([self._setting_of, np.zeros(room, np.uint16)])
        self._index_of[watch_id] = index
        self._ids.append(watch_id)
        self._provisional[index] = False
        self._setting_of[index] = self._number(MET)
        return index

    def _number(self, setting: Setting) -> int:
        return self._settings.setdefault(setting, len(self._settings))

    def _setting_at(self, number: int) -> Setting:
        return next(islice(self._settings, number, None))
