"""The firmware of a watch: a pure state machine between what is measured and what is published.

Readings come in by `on_reading`, receipts by `on_receipt`, the connection by `on_connected` and `on_disconnected`;
`due(now_ms)` gives the messages to publish now, emergencies alone and first. It obeys WIRE.md section 2: what is not
receipted is held and sent again, with the same boot, seq, time and values, for ever. Times of calls are true ms; the
watch's own clock is off by `clock_offset_ms`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from simulator.buffer import Buffer, Held
from simulator.receipt import Verdict, read_receipt
from simulator.resend import LONGEST_MS, ArrayInFlight, emergency_due_ms

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

FORMAT_VERSION = 1
QUIET_MS = 30_000
"""After a reconnection a watch waits up to this long before it sends what it kept."""
ARRAY_BYTES = 64 * 1024
FAR_MS = 2**62
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Message:
    """To be published with QoS 1, not retained; `readings` are those in the payload, in order."""

    topic: str
    payload: bytes
    readings: tuple[Held, ...]

    @property
    def is_emergency(self) -> bool:
        """Must not wait for anything."""
        return any(held.is_emergency for held in self.readings)


class Firmware:
    """One watch, from its first power-up on."""

    def __init__(
        self, watch_id: str, rng: np.random.Generator, *, clock_offset_ms: int = 0, capacity: int = 20_000
    ) -> None:
        self.watch_id = watch_id
        self.buffer = Buffer(capacity)
        self._rng = rng
        self._clock_offset_ms = clock_offset_ms
        self._array = ArrayInFlight(lambda low, high: float(rng.uniform(low, high)))
        self._boot = 0
        self._connected = False
        self._quiet_until_ms = 0
        self._emergencies: dict[Held, None] = {}
        self._fresh: dict[Held, None] = {}  # measured with nothing kept before it: goes out alone, at once
        self._kept: dict[Held, None] = {}  # waits for its first array since the connection was made
        self._sent: dict[Held, None] = {}  # sent, not receipted; in order of the last sending
        self._stubborn: dict[Held, None] = {}  # never receipted, not even alone: goes last

    def power_up(self, now_ms: int) -> None:
        """A new boot; what was held before it is held on."""
        self._boot = int(self._rng.integers(1, 2**32))
        self.buffer.start(self._boot)
        self.on_disconnected()
        self.on_reading("status", {"event": "boot"}, now_ms)

    def on_reading(self, kind: str, values: Mapping[str, Any], time_ms: int) -> Held:
        """Hold what was measured at `time_ms` (true); `due` will send it when it may."""
        held, lost = self.buffer.add(self._boot, kind, time_ms + self._clock_offset_ms, values)
        if lost is not None:
            self._forget([lost])
        if held.is_emergency:
            self._emergencies[held] = None
        elif self._connected and time_ms >= self._quiet_until_ms and not self._kept:
            self._fresh[held] = None
        else:
            self._kept[held] = None
        return held

    def on_connected(self, now_ms: int) -> None:
        """Connected and subscribed: `online` goes out at once, what was kept after a random while."""
        self._connected = True
        self._quiet_until_ms = now_ms + int(self._rng.integers(0, QUIET_MS))
        held, lost = self.buffer.add(self._boot, "status", now_ms + self._clock_offset_ms, {"event": "online"})
        if lost is not None:
            self._forget([lost])
        self._fresh[held] = None

    def on_disconnected(self) -> None:
        """Whatever was under way is lost: all that is held waits for the next connection."""
        self._connected = False
        self._array.drop()
        self._kept = {**self._kept, **self._sent, **self._fresh, **self._stubborn}
        self._sent, self._fresh, self._stubborn = {}, {}, {}
        for held in (*self._kept, *self._emergencies):
            held.sent_ms = None

    def on_receipt(self, payload: bytes) -> Verdict:
        """Let go of what a receipt covers. One that can't be meant for this watch changes nothing."""
        receipt = read_receipt(payload)
        if receipt is None:
            return Verdict.UNREADABLE
        verdict, gone = self.buffer.take(receipt)
        self._forget(gone)
        return verdict

    def due(self, now_ms: int) -> list[Message]:
        """The messages to publish now; they count as sent. Empty without a connection."""
        if not self._connected:
            return []
        messages = [self._alone(held, now_ms) for held in self._emergencies if emergency_due_ms(held) <= now_ms]
        for held in self._fresh:
            messages.append(self._alone(held, now_ms))
            self._sent[held] = None
        self._fresh = {}
        if self._array_due_ms() <= now_ms:
            messages.extend(self._next_array(now_ms))
        return messages

    def next_due_ms(self) -> int | None:
        """When `due` will next have something, if nothing else happens; None: not by time alone."""
        if not self._connected:
            return None
        times = [emergency_due_ms(held) for held in self._emergencies]
        if self._fresh:
            times.append(0)
        if self._kept or self._sent or self._stubborn:
            times.append(self._array_due_ms())
        return min(times, default=None)

    def _array_due_ms(self) -> int:
        """When the next array may go: not in the quiet, not beside another, not before something is overdue."""
        ready_ms = self._array.due_ms
        if ready_ms is None:
            ready_ms = 0 if self._kept else self._overdue_ms()
        return max(self._quiet_until_ms, ready_ms)

    def _overdue_ms(self) -> int:
        heads = ((self._sent, self._array.first_wait_ms), (self._stubborn, LONGEST_MS))
        return min((_sent_ms(next(iter(queue))) + wait for queue, wait in heads if queue), default=FAR_MS)

    def _next_array(self, now_ms: int) -> list[Message]:
        if self._array.due_ms is not None:
            stubborn = self._array.overdue()
            if stubborn in self._sent:
                del self._sent[stubborn]
                self._stubborn[stubborn] = None
        members = self._fitting(self._ready(now_ms))
        if not members:
            return []
        message = self._backlog(members, now_ms)
        for held in members:
            queue = self._stubborn if held in self._stubborn else self._sent
            self._kept.pop(held, None)
            queue.pop(held, None)
            queue[held] = None
        if members[0] not in self._stubborn:  # nobody waits for the receipt of one of those
            self._array.sent(members, now_ms)
        return [message]

    def _ready(self, now_ms: int) -> list[Held]:
        """What may go into an array now, in order; the stubborn only when there is nothing else, one by one."""
        wait_ms = self._array.first_wait_ms
        overdue = [held for held in self._sent if held in self._array or _sent_ms(held) + wait_ms <= now_ms]
        ready = sorted((*self._kept, *overdue), key=lambda held: held.order)
        if ready:
            return ready[: self._array.size]
        return [held for held in self._stubborn if _sent_ms(held) + LONGEST_MS <= now_ms][:1]

    def _fitting(self, ready: list[Held]) -> list[Held]:
        """As many as fit into 64 KiB; one always goes."""
        size = 2
        for count, held in enumerate(ready):
            size += len(_encode(self._element(held))) + 1
            if size > ARRAY_BYTES and count:
                return ready[:count]
        return ready

    def _backlog(self, members: list[Held], now_ms: int) -> Message:
        elements = [self._element(held) for held in members]
        for held in members:
            _mark(held, now_ms)
        return Message(f"watch/{self.watch_id}/backlog", _encode(elements), tuple(members))

    def _alone(self, held: Held, now_ms: int) -> Message:
        _mark(held, now_ms)
        return Message(f"watch/{self.watch_id}/{held.kind}", _encode(self._object(held)), (held,))

    def _object(self, held: Held) -> dict[str, Any]:
        """As WIRE.md section 1 has it; only `oldest` is of the moment of sending."""
        oldest = min(self.buffer.oldest(held.boot), held.seq)
        count = {"v": FORMAT_VERSION, "boot": held.boot, "seq": held.seq, "oldest": oldest}
        return {**count, "time": held.time_ms, **held.values}

    def _element(self, held: Held) -> dict[str, Any]:
        return {"kind": held.kind, **self._object(held)}

    def _forget(self, gone: list[Held]) -> None:
        for held in gone:
            for queue in (self._emergencies, self._fresh, self._kept, self._sent, self._stubborn):
                queue.pop(held, None)
        self._array.receipted(gone)


def last_will(watch_id: str) -> tuple[str, bytes]:
    """Topic and payload of what the broker says for a watch that is gone without a word: no seq, and no time."""
    return f"watch/{watch_id}/status", _encode({"v": FORMAT_VERSION, "event": "offline"})


def _mark(held: Held, now_ms: int) -> None:
    held.sends += 1
    held.sent_ms = now_ms


def _sent_ms(held: Held) -> int:
    if held.sent_ms is None:
        raise AssertionError(f"reading {held.boot}/{held.seq} stands among the sent and was not")
    return held.sent_ms
