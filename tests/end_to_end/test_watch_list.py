"""An operator looks at the registry: who was heard of, who lost readings, who is unknown."""

from __future__ import annotations

import json

import aiomqtt
import pytest

from carewatch.owners import ingest_owner
from carewatch.settings_sources import load_settings
from tests.carewatch.one_role import IngestRole
from tests.ingest.pipeline.flow import heart
from tests.servers.waiting import eventually

AT_MS = 1_790_000_000_000


def reading(watch, seq, *, after_s=0, **fields):
    payload = heart(seq, at_ms=AT_MS + after_s * 1000, **fields)
    return json.dumps({"at": AT_MS / 1000 + after_s, "topic": f"watch/{watch}/heart_rate", "payload": payload}) + "\n"


def test_the_list_tells_last_heard_lost_and_state(carewatch, write, environment):
    assert carewatch("watch", "add", "w1", "w2", "w3").code == 0
    assert carewatch("watch", "retire", "w3").code == 0
    lines = reading("w1", 1, oldest=1) + reading("w1", 9, after_s=60, oldest=8) + reading("w4", 1, after_s=90, oldest=1)
    said = carewatch("replay", "--log", environment / "readings.sqlite", write("r.jsonl", lines))
    assert said.code == 0
    one, two, three, four = carewatch("watch", "list", "--json").lines
    assert (one["watch_id"], one["lost"], one["state"]) == ("w1", 6, "registered")
    assert (one["last"], one["last_ms"]) == ("2026-09-21T22:14:20.000+08:00", AT_MS + 60_000)
    assert (two["last"], two["lost"], two["profile"]) == (None, 0, "native")
    assert (three["state"], four["state"], four["lost"]) == ("retired", "unknown", 0)
    assert carewatch("watch", "list", "--json", "--lost").lines == [one]
    assert carewatch("watch", "list", "--json", "--unknown").lines == [four]
    table = carewatch("watch", "list").out.splitlines()
    assert table[0].split() == ["watch", "last", "heard", "of", "lost", "profile", "state"]
    assert table[1].split() == ["w1", "2026-09-21T22:14:20.000+08:00", "6", "native", "registered"]
    assert "never, or before" in table[2]


@pytest.mark.server
async def test_the_running_ingest_tells_of_watches_without_seq_too(tmp_path, mosquitto):
    role = IngestRole(tmp_path, mosquitto.url)
    role.start()
    try:
        await role.is_up()
        async with aiomqtt.Client(mosquitto.host, mosquitto.port) as watch:
            for seq in (1, 5):
                await watch.publish("watch/w1/heart_rate", json.dumps(heart(seq, oldest=seq)), qos=1)
            without_seq = {"time": heart(1)["time"], "bpm": 70}
            await watch.publish("watch/w2/heart_rate", json.dumps(without_seq), qos=1)
        await eventually(lambda: len(role.rows()) == 3, why="the readings")
        one, two = ingest_owner(load_settings(None, role.environment)).counts(2)
    finally:
        role.kill()
    assert one.lost == 3
    assert one.last_ms > 0
    assert two.last_ms >= one.last_ms
