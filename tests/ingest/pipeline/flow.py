"""Ingest whole, on a real log, with a session in the broker's place that does what a test says."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from carewatch.clock import SteppedClock
from ingest.formats import decoder_for
from ingest.intake import Intake
from ingest.log.contract import LogError, RecordKind
from ingest.log.sqlite import SqliteLog
from ingest.mqtt.delivered import Delivered
from ingest.mqtt.link import Link, LinkState
from ingest.mqtt.outcomes import Trouble
from ingest.mqtt.subscriber import Published
from ingest.normalise.seen_restore import restored
from ingest.pipeline import Ingest, IngestOptions
from ingest.prepare import MOST_UNKNOWN, Preparation
from ingest.reading import COLUMN, Datum, Flag, Kind
from ingest.receipts import Receipts
from ingest.watches import Watches
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest.log.contract import Batch, Record
    from ingest.sources import Sources

START_MS = 1_790_000_000_000
UP = LinkState(Link.UP, 0, connection=1)
AWAY = LinkState(Link.DOWN, 0, Trouble.LOST, connection=1)


class Clock(SteppedClock):
    """Stepped by tests; `set_by` is somebody who sets the machine's wall clock."""

    def __init__(self) -> None:
        super().__init__(START_MS * 1_000_000)
        self._set_ns = self._noticed_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self._noticed_ns

    async def sleep_until(self, time_ns: int) -> None:
        await super().sleep_until(time_ns - self._noticed_ns)

    def set_by(self, seconds: float) -> None:
        self._set_ns += int(seconds * 1e9)

    def take_step(self) -> int:
        step_ns, self._noticed_ns = self._set_ns - self._noticed_ns, self._set_ns
        return step_ns

    async def pass_s(self, seconds: float) -> None:
        await self.step_to(super().now_ns() + int(seconds * 1e9))


class Session:
    """In the subscriber's place: delivers what a test says, keeps what is acknowledged and published."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[Delivered | None] = asyncio.Queue()
        self._closed = asyncio.Event()
        self.acknowledged: list[bytes] = []
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.state = UP
        self.ran_to_its_end = False

    def deliver(self, *messages: tuple[str, bytes], retained: bool = False, whole_bytes: int | None = None) -> None:
        topics, payloads = [topic for topic, _ in messages], [payload for _, payload in messages]
        count = len(messages)
        oversized = {} if whole_bytes is None else {0: whole_bytes}
        ids = list(range(1, count + 1))
        self._arrived.put_nowait(Delivered(1, topics, payloads, [retained] * count, ids, oversized))

    async def run(self) -> None:
        await self._closed.wait()
        self.ran_to_its_end = True

    async def batches(self) -> Any:
        while (delivered := await self._arrived.get()) is not None:
            yield delivered

    def acknowledge(self, *batches: Delivered) -> None:
        self.acknowledged += [payload for batch in batches for payload in batch.payloads]

    def publish_all(self, messages: list[tuple[str, bytes]]) -> list[Published]:
        if self.state.link is not Link.UP:
            return [Published.NOT_CONNECTED for _ in messages]
        self.published += [(topic, json.loads(payload)) for topic, payload in messages]
        return [Published.SENT for _ in messages]

    async def close(self) -> None:
        self._closed.set()
        self._arrived.put_nowait(None)


class MoodyLog(SqliteLog):
    """Refuses while `refuses` says why. `attempts` counts what it was asked to commit."""

    refuses = ""
    attempts = 0

    def _commit(self, record: Record, batch: Batch | None = None) -> int:
        self.attempts += 1
        if self.refuses:
            raise LogError(self.refuses)
        return super()._commit(record, batch)


class Flow:
    """One life after another of ingest upon one log; `sessions` makes the two sessions of a life."""

    def __init__(
        self,
        folder: Path,
        sessions: Callable[[], tuple[Any, Any]],
        sources: Sources,
        clock: Any,
        most_unknown: int = MOST_UNKNOWN,
    ) -> None:
        self._folder, self._sessions, self._sources, self._most_unknown = folder, sessions, sources, most_unknown
        self.clock = clock
        self.start()

    def start(self) -> None:
        self.log = MoodyLog(self._folder / "readings.sqlite")
        self.urgent, self.calm = self._sessions()
        self.watches = Watches(self.log.watches())
        self.seen = restored(self.log, START_MS - 172_800_000)
        decoders = {name: decoder_for(name) for name in ("native", "watch_3g")}
        preparation = Preparation(
            self._sources,
            self.watches,
            self.seen,
            lambda route: decoders[route.format],
            lambda _route: Datum.WGS84,
            self._most_unknown,
        )
        intake = Intake(self.urgent, self.calm)
        receipts = Receipts(self.seen, lambda index: self.watches.at(index).watch_id)
        self.ingest = Ingest(self.log, intake, preparation, receipts, self.clock, IngestOptions())
        self.task = asyncio.create_task(self.ingest.run())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})
        self.log.close()

    async def restart(self) -> None:
        await self.stop()
        self.start()

    # what watches do

    def send(self, topic: str, content: object, **more: Any) -> bytes:
        """Deliver it; emergencies by their own session, as Mosquitto would."""
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        session = self.urgent if topic.rsplit("/", 1)[-1] in {"sos", "fall"} else self.calm
        session.deliver((topic, payload), **more)
        return payload

    async def takes(self, topic: str, content: object, **more: Any) -> None:
        """Deliver it, and wait until it is acknowledged."""
        before = len(self.acknowledged)
        self.send(topic, content, **more)
        await eventually(lambda: len(self.acknowledged) > before, why=f"{topic} to be acknowledged")

    # what there is to see

    @property
    def acknowledged(self) -> list[bytes]:
        return [*self.urgent.acknowledged, *self.calm.acknowledged]

    @property
    def receipts(self) -> list[tuple[str, dict[str, Any]]]:
        return self.urgent.published

    def records(self, kind: RecordKind) -> list[Record]:
        return [record for record in self.log.read(0, 10_000) if record.kind is kind]

    def rows(self) -> list[dict[str, Any]]:
        return rows_of(self.log)

    def quarantine(self) -> list[tuple[str, bytes]]:
        return [(entry.reason, entry.payload) for entry in self.log.quarantine()]


def rows_of(log: Any) -> list[dict[str, Any]]:
    """Every reading of a log, with the watch's id and without what is absent."""
    found, after = [], 0
    while records := log.read(after, 1000):
        after = records[-1].offset
        for record in records:
            readings = record.readings
            columns = {name: readings[name].tolist() for name in readings.present}
            cells = zip(*columns.values(), strict=True) if len(readings) else ()
            found.extend(dict(zip(columns, one, strict=True)) for one in cells)
    ids = [watch.watch_id for watch in log.watches()]  # after the records: none of them has a newer one
    return [_row(one, ids) for one in found]


def _row(cells: dict[str, Any], ids: list[str]) -> dict[str, Any]:
    row = {name: value for name, value in cells.items() if value == value and value != COLUMN[name].absent}  # noqa: PLR0124 - NaN
    return {**row, "watch": ids[cells["watch"]], "kind": Kind(cells["kind"]).topic, "flags": Flag(row.get("flags", 0))}


def heart(seq: int, *, boot: int = 1, at_ms: int = START_MS, **fields: Any) -> dict[str, Any]:
    return {"v": 1, "boot": boot, "seq": seq, "time": at_ms, "bpm": 70, **fields}
