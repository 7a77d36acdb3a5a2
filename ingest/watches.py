"""The registry: which watches exist. Index i is row i of every state column, for ever.

ingest owns it (it stands in the log's file and changes in the same transaction as the readings); who wears a watch
is alerts' business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WATCH_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""WIRE.md section 1."""


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
        self._by_id: dict[str, Watch] = {}
        self._by_index: list[Watch] = []
        self.provisional = 0
        """How many nobody has registered yet."""
        for watch in known:
            self.put(watch)

    def __len__(self) -> int:
        return len(self._by_index)

    def put(self, watch: Watch) -> None:
        """Add, or change one whose index stays."""
        if watch.index == len(self._by_index):
            self._by_index.append(watch)
            self.provisional += watch.provisional
        elif watch.index < len(self._by_index) and self._by_index[watch.index].watch_id == watch.watch_id:
            self.provisional += watch.provisional - self._by_index[watch.index].provisional
            self._by_index[watch.index] = watch
        else:
            raise ValueError(f"watch {watch.watch_id!r}: index {watch.index} does not follow {len(self._by_index)}")
        self._by_id[watch.watch_id] = watch

    def get(self, watch_id: str) -> Watch | None:
        """The watch of this id, if known."""
        return self._by_id.get(watch_id)

    def at(self, index: int) -> Watch:
        """The watch of this index."""
        return self._by_index[index]

    def meet(self, watch_id: str) -> tuple[Watch, bool]:
        """The watch of this id and whether it is new; a new one is provisional until someone registers it."""
        known = self._by_id.get(watch_id)
        if known is not None:
            return known, False
        watch = Watch(len(self._by_index), watch_id, provisional=True)
        self.put(watch)
        return watch, True

    def forget_from(self, index: int) -> None:
        """Take back indices >= `index`: their batch was not committed."""
        for watch in self._by_index[index:]:
            del self._by_id[watch.watch_id]
            self.provisional -= watch.provisional
        del self._by_index[index:]
