"""Takes a recording from a live broker."""

from __future__ import annotations

import asyncio
import gzip
from typing import IO, TYPE_CHECKING

from carewatch.broker import mqtt_client
from carewatch.clock import WallClock
from carewatch.replay.broker_away import broker_at
from carewatch.replay.recording import Recorded, RecordingError
from carewatch.sources import ConfiguredSources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import aiomqtt

    from carewatch.settings import Settings


async def take(
    settings: Settings,
    file: Path,
    *,
    url: str | None = None,
    filters: Sequence[str] | None = None,
    count: int = 0,
    told: asyncio.Event | None = None,
    on_message: Callable[[int], None] = lambda _count: None,
) -> int:
    """Write messages until `count` came (0: until `told` is set); returns how many. Each line is flushed at once.

    Default filters are those of ingest: its own receipts are not taken. What the broker had retained came before, and
    is left out.

    Raises
    ------
    RecordingError
        The file is there already, or cannot be written.
    BrokerAwayError
        At the start and when the broker goes; what was taken until then is in the file.
    """
    subscriptions = ConfiguredSources.of(settings).sources.subscriptions()
    chosen = filters or [*subscriptions.emergency, *subscriptions.other]
    client = mqtt_client(settings.mqtt, url)
    taking = _Taking(WallClock(), count, on_message)
    with broker_at(url or settings.mqtt.url), _open_to_write(file) as lines:
        async with client:
            for topic_filter in chosen:
                await client.subscribe(topic_filter, qos=1)
            work = asyncio.create_task(taking.write(client, lines))
            await _until_done_or_told(work, told or asyncio.Event())
    return taking.taken


class _Taking:
    def __init__(self, clock: WallClock, count: int, on_message: Callable[[int], None]) -> None:
        self._clock, self._count, self._on_message = clock, count, on_message
        self.taken = 0

    async def write(self, client: aiomqtt.Client, lines: IO[str]) -> None:
        async for message in client.messages:
            if message.retain:
                continue
            payload = message.payload if isinstance(message.payload, bytes) else str(message.payload).encode()
            lines.write(Recorded(self._clock.now_ns() / 1e9, message.topic.value, payload).line() + "\n")
            lines.flush()
            self.taken += 1
            self._on_message(self.taken)
            if self.taken == self._count:
                return


async def _until_done_or_told(work: asyncio.Task[None], told: asyncio.Event) -> None:
    ending = asyncio.create_task(told.wait())
    await asyncio.wait([work, ending], return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    if work.done():
        work.result()
        return
    work.cancel()
    await asyncio.wait({work})


def _open_to_write(file: Path) -> IO[str]:
    if file.exists() and file.stat().st_size:
        raise RecordingError(f"{file}: is there already; give another name, or remove it")
    try:
        return gzip.open(file, "wt", encoding="utf-8") if file.suffix == ".gz" else file.open("w", encoding="utf-8")
    except OSError as error:
        raise RecordingError(f"{file}: cannot be written: {error.strerror}") from None
