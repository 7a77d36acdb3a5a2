"""What a watch holds in flash until it is receipted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.receipt import Receipt, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EMERGENCIES = frozenset({"fall", "sos"})


@dataclass(slots=True, eq=False)
class Held:
    """One reading, by the watch's clock; nothing of it ever changes but how often it was sent.

    `order` counts over all boots. `sent_ms`: of the last sending, by the true clock; None while it still waits for
    its first one since the connection was made.
    """

    order: int
    boot: int
    seq: int
    kind: str
    time_ms: int
    values: Mapping[str, Any]
    sends: int = 0
    sent_ms: int | None = None

    @property
    def is_emergency(self) -> bool:
        """Travels alone and first."""
        return self.kind in EMERGENCIES


class Buffer:
    """Held readings of this boot and of earlier ones, each in order of seq."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._boots: dict[int, dict[int, Held]] = {}
        self._highest: dict[int, int] = {}
        self._made = 0
        self.receipted = 0
        self.overwritten = 0

    def __len__(self) -> int:
        return sum(len(held) for held in self._boots.values())

    def __iter__(self) -> Iterator[Held]:
        """In the order in which they were made."""
        for held in self._boots.values():
            yield from held.values()

    def start(self, boot: int) -> None:
        """A power-up: seq counts from 1 again."""
        if boot in self._highest:
            raise ValueError(f"boot {boot} has been used by this watch before; draw another")
        self._boots[boot], self._highest[boot] = {}, 0

    def add(self, boot: int, kind: str, time_ms: int, values: Mapping[str, Any]) -> tuple[Held, Held | None]:
        """Hold a reading under the next seq; also tells which older one was overwritten, if the flash was full."""
        lost = self._overwrite() if len(self) >= self._capacity else None
        self._made += 1
        self._highest[boot] += 1
        held = Held(self._made, boot, self._highest[boot], kind, time_ms, values)
        self._boots[boot][held.seq] = held
        return held, lost

    def oldest(self, boot: int) -> int:
        """The lowest seq of a boot that is still held; one past its highest if none is."""
        return next(iter(self._boots[boot]), self._highest[boot] + 1)

    def take(self, receipt: Receipt) -> tuple[Verdict, list[Held]]:
        """Let go of what a receipt covers; it tells what it made of it, and which readings those were."""
        held = self._boots.get(receipt.boot)
        if held is None:
            return Verdict.OTHER_BOOT, []
        if receipt.highest > self._highest[receipt.boot]:
            return Verdict.ABOVE_HIGHEST, []
        covered = [reading for reading in held.values() if receipt.covers(reading.seq, reading.time_ms)]
        for reading in covered:
            del held[reading.seq]
        self.receipted += len(covered)
        return Verdict.TAKEN, covered

    def _overwrite(self) -> Held:
        """The flash is full: the oldest goes, an emergency only if there is nothing else."""
        victim = next((held for held in self if not held.is_emergency), None) or next(iter(self))
        del self._boots[victim.boot][victim.seq]
        self.overwritten += 1
        return victim
