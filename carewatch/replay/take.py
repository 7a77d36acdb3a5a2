"""Takes a recording from a live broker."""

from __future__ import annotations

import gzip
from typing import IO, TYPE_CHECKING

from carewatch.broker import mqtt_client
from carewatch.clock import WallClock
from carewatch.replay.broker_away import broker_at
from carewatch.replay.recording import Recorded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carewatch.settings import Settings


async def take(
    settings: Settings, file: Path, *, url: str | None = None, filters: Sequence[str] | None = None, count: int = 0
) -> int:
    """Write messages until `count` came (0: until cancelled); returns how many. Each line is flushed at once.

    Raises `BrokerAwayError` at the start and when the broker goes; what was taken until then is in the file.
    """
    clock, taken = WallClock(), 0
    chosen = filters or ["watch/#", *(source.filter for source in settings.sources)]
    client = mqtt_client(settings.mqtt, url)
    with broker_at(url or settings.mqtt.url), _open_to_write(file) as lines:
        async with client:
            for topic_filter in chosen:
                await client.subscribe(topic_filter, qos=1)
            async for message in client.messages:
                payload = message.payload if isinstance(message.payload, bytes) else str(message.payload).encode()
                lines.write(Recorded(clock.now_ns() / 1e9, message.topic.value, payload).line() + "\n")
                lines.flush()
                taken += 1
                if taken == count:
                    break
    return taken


def _open_to_write(file: Path) -> IO[str]:
    return gzip.open(file, "wt", encoding="utf-8") if file.suffix == ".gz" else file.open("w", encoding="utf-8")
