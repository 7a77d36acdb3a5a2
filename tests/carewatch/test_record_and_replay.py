"""A day is taken from one broker and played to another, or into a log: the same readings come of it."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from carewatch.clock import WallClock
from carewatch.replay.broker_away import BrokerAwayError
from carewatch.replay.into_log import replay_into_log
from carewatch.replay.play import play
from carewatch.replay.recording import Recorded, RecordingError, read_recording
from carewatch.replay.take import take
from carewatch.settings import Settings
from ingest.log.sqlite_reader import SqliteLogReader
from tests.carewatch.one_role import IngestRole
from tests.ingest.pipeline.flow import START_MS, heart, rows_of
from tests.servers.process import free_port
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.mosquitto import Mosquitto

FRAME = b"[3G*6907919734*003e*AL_LTE,170525,214118,V,0,N,0,E,0,0,0,0,0,22,0,0,00010000,0,0,0]"
SOS = {"v": 1, "boot": 7, "seq": 3, "time": START_MS, "battery": 40}
DAY = [
    *(
        (f"watch/w{watch}/heart_rate", json.dumps(heart(seq, boot=watch)).encode())
        for watch in (1, 2)
        for seq in (1, 2)
    ),
    ("watch/w3/sos", json.dumps(SOS).encode()),
    ("watch/w3/location", b"\xff\x00 no text"),
    ("watch/w3/backlog", json.dumps([{**heart(n, boot=9), "kind": "heart_rate"} for n in (1, 2)]).encode()),
    ("3g/x/up", FRAME),
]


def settings_for(broker: Mosquitto, folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "mqtt": {"url": broker.url},
            "log": {"path": folder / "readings.sqlite"},
            "sources": [{"filter": "3g/+/up", "format": "watch_3g"}],
        }
    )


async def publish(broker: Mosquitto, *messages: tuple[str, bytes], retain: bool = False) -> None:
    async with aiomqtt.Client(broker.host, broker.port) as watches:
        for topic, payload in messages:
            await watches.publish(topic, payload, qos=1, retain=retain)


def shown(rows: list[dict[str, Any]]) -> list[str]:
    """Without when they arrived, and in an order of their own."""
    return sorted(str(sorted((k, v) for k, v in row.items() if k != "arrival_ms")) for row in rows)


async def taken(broker: Mosquitto, folder: Path, name: str, *messages: tuple[str, bytes], **more: Any) -> Path:
    file, told, counts = folder / name, asyncio.Event(), []
    taking = asyncio.create_task(
        take(
            settings_for(broker, folder), file, told=told, on_message=counts.append, count=more.pop("count", 0), **more
        )
    )
    await eventually(file.exists, why="the recording to begin")

    async def is_heard() -> bool:  # the subscriptions are not there at once
        await publish(broker, ("watch/w1/status", b"{}"))
        return bool(counts)

    await eventually(is_heard, why="the subscriptions")
    before = len(counts)
    await publish(broker, *messages)
    await eventually(lambda: taking.done() or len(counts) >= before + len(messages), why="everything to be taken")
    told.set()
    assert await taking == len(counts)
    return file


@pytest.mark.server
@pytest.mark.parametrize("name", ["day.jsonl", "day.jsonl.gz"])
async def test_what_is_taken_from_one_broker_gives_the_same_readings_by_another_and_in_a_log(
    tmp_path, start_mosquitto, name
):
    here, there = start_mosquitto(), start_mosquitto()
    file = await taken(here, tmp_path, name, *DAY)
    recorded = [one for one in read_recording(file) if one.topic != "watch/w1/status"]
    assert [(one.topic, one.payload) for one in recorded] == DAY

    config = tmp_path / "carewatch.toml"
    config.write_text('[[sources]]\nfilter = "3g/+/up"\nformat = "watch_3g"\n', encoding="utf-8")
    role = IngestRole(tmp_path, there.url, CAREWATCH_CONFIG=str(config))
    role.start()
    try:
        await role.is_up()
        client = aiomqtt.Client(there.host, there.port)
        assert await play(recorded, client, WallClock(), speed=0) == len(DAY)
        await eventually(lambda: len(role.rows()) == 9, why="every reading")
        live = role.rows()
    finally:
        role.kill()

    settings = settings_for(here, tmp_path)
    counts = replay_into_log(recorded, settings.log.path, settings)
    assert counts == {"messages": 8, "readings": 9, "duplicates": 0, "quarantined": 1}
    with closing(SqliteLogReader(settings.log.path)) as log:
        assert shown(rows_of(log)) == shown(live)


@pytest.mark.server
async def test_receipts_and_what_was_retained_before_are_not_taken(tmp_path, mosquitto):
    await publish(mosquitto, ("watch/w9/sos", b"{}"), retain=True)
    receipt = ("watch/w1/receipt", b'{"boot":1,"through":9,"also":[],"until":9}')
    file = await taken(mosquitto, tmp_path, "day.jsonl", ("watch/w2/fall", b"{}"))
    await publish(mosquitto, receipt)
    assert {one.topic for one in read_recording(file)} == {"watch/w1/status", "watch/w2/fall"}


@pytest.mark.server
async def test_receipts_of_a_recording_are_not_said_again(tmp_path, mosquitto):
    messages = [Recorded(1.0, f"watch/w1/{level}", b"{}") for level in ("receipt", "sos", "receipt")]
    heard = []
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as watch:
        await watch.subscribe("watch/#", qos=1)
        client = aiomqtt.Client(mosquitto.host, mosquitto.port)
        assert await play(messages, client, WallClock(), speed=0) == 1
        await publish(mosquitto, ("watch/end", b""))
        async for message in watch.messages:
            heard.append(message.topic.value)
            if heard[-1] == "watch/end":
                break
    assert heard == ["watch/w1/sos", "watch/end"]


@pytest.mark.server
async def test_a_number_of_messages_ends_it(tmp_path, mosquitto):
    file = await taken(mosquitto, tmp_path, "few.jsonl", *DAY, count=3)
    assert len(list(read_recording(file))) == 3


@pytest.mark.server
async def test_ctrl_c_ends_a_taking_in_order_and_says_how_much_there_is(tmp_path, mosquitto):
    file = tmp_path / "day.jsonl.gz"
    command = (sys.executable, "-m", "carewatch", "record", str(file))
    environment = {"PATH": "/usr/bin:/bin", "CAREWATCH_MQTT__URL": mosquitto.url}
    taking = await asyncio.create_subprocess_exec(*command, env=environment, stderr=subprocess.PIPE)
    try:
        while not (file.exists() and file.stat().st_size > 100):  # a header of gzip is there at once
            await publish(mosquitto, ("watch/w1/sos", b"{}"))
            assert taking.returncode is None
        taking.send_signal(signal.SIGINT)
        _, said = await asyncio.wait_for(taking.communicate(), 30)
    finally:
        if taking.returncode is None:
            taking.kill()
    recorded = list(read_recording(file))
    assert (taking.returncode, said.decode()) == (0, f"{len(recorded)} messages in {file}\n")
    assert {one.topic for one in recorded} == {"watch/w1/sos"}


@pytest.mark.server
async def test_a_recording_is_never_written_over(tmp_path, mosquitto):
    file = tmp_path / "old.jsonl"
    file.write_text("precious\n", encoding="utf-8")
    with pytest.raises(RecordingError, match=r"old\.jsonl: is there already; give another name, or remove it"):
        await take(settings_for(mosquitto, tmp_path), file, count=1)
    assert file.read_text(encoding="utf-8") == "precious\n"


async def test_a_folder_that_is_not_there_and_a_broker_that_is_away_are_named(tmp_path):
    url = f"mqtt://127.0.0.1:{free_port()}"
    settings = Settings.model_validate({"mqtt": {"url": url}})
    with pytest.raises(RecordingError, match="cannot be written: No such file or directory"):
        await take(settings, tmp_path / "none" / "r.jsonl")
    with pytest.raises(BrokerAwayError, match=f"{url}: .*start the broker"):
        await take(settings, tmp_path / "r.jsonl")
