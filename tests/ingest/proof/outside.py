"""Ingest as an operator has it: a real broker, the role as a process, and what stands where one looks."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho

from ingest.log.sqlite_reader import SqliteLogReader
from tests.carewatch.one_role import IngestRole
from tests.ingest.pipeline.flow import rows_of
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.log.contract import Quarantined

SOURCES = '[[sources]]\nfilter = "3g/+/up"\nformat = "watch_3g"\nprofile = "watch_3g"\n'


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Outside:
    """`.publish` as a watch does, QoS 1; `.rows`, `.quarantined`, `.counters`: what came of it."""

    def __init__(self, folder: Path, host: str, port: int, **settings: str) -> None:
        config = folder / "carewatch.toml"
        config.write_text(SOURCES)
        url = f"mqtt://{host}:{settings.pop('ingest_port', port)}"
        self.role = IngestRole(folder, url, CAREWATCH_CONFIG=str(config), **settings)
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(1000)
        self._client.connect(host, port)
        self._client.loop_start()

    def start(self) -> None:
        """Return when the broker is heard."""
        self.role.start()
        wait_until(self.role._hears, 30, "the role to hear the broker")

    def publish(self, topic: str, content: object, *, retain: bool = False) -> None:
        """Return when the broker has it."""
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(20)

    def publish_all(self, messages: list[tuple[str, bytes]]) -> None:
        """The same for many at once."""
        sent = [self._client.publish(topic, payload, qos=1) for topic, payload in messages]
        for one in sent:
            one.wait_for_publish(60)

    def rows(self, watch: str, count: int = 1) -> list[dict[str, Any]]:
        """The readings of a watch, when there are so many."""
        return wait_until(lambda: self._rows_of(watch, count), 20, f"{count} readings of {watch}")

    def _rows_of(self, watch: str, count: int) -> list[dict[str, Any]]:
        rows = [row for row in self._read(rows_of) if row["watch"] == watch]
        return rows if len(rows) >= count else []

    def quarantined(self, topic: str) -> Quarantined:
        """The entry of a topic, when there is one."""
        return wait_until(lambda: self._entries(topic), 20, f"{topic} in quarantine")[0]

    def _entries(self, topic: str) -> list[Quarantined]:
        return [entry for entry in self._read(lambda log: list(log.quarantine())) if entry.topic == topic]

    def _read(self, ask: Any) -> Any:
        with closing(SqliteLogReader(self.role.log_path)) as log:
            return ask(log)

    def goes_on(self) -> None:
        """The flow has not stopped: a reading of a watch of its own comes through."""
        watch = f"after.{now_ms()}"
        self.publish(f"watch/{watch}/heart_rate", {"boot": 1, "seq": 1, "time": now_ms(), "bpm": 70})
        assert self.rows(watch)[0]["bpm"] == 70
        assert self.role.process is not None
        assert self.role.process.poll() is None

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        if self.role.process is not None:
            self.role.kill()
