"""The quarantine is read again by the running ingest: it owns the log, and its duplicate filter knows what came."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import aiomqtt
import pytest

from carewatch.control import ControlError, ask
from carewatch.owners import ingest_owner
from carewatch.settings_sources import load_settings
from ingest.log.contract import Batch, Quarantined, QuarantineQuery
from ingest.log.sqlite import SqliteLog
from ingest.log.sqlite_reader import SqliteLogReader
from ingest.read_again import Outcome
from ingest.reading import Readings
from tests.carewatch.one_role import IngestRole
from tests.ingest.pipeline.flow import START_MS, heart
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.mosquitto import Mosquitto


def lain_by(seq: int) -> Quarantined:
    """What an earlier carewatch could not read, and this one can."""
    payload = json.dumps(heart(seq)).encode()
    return Quarantined("watch/w1/heart_rate", START_MS + seq, "decoder_failed", "", payload, "w1")


@pytest.fixture
def role(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[IngestRole]:
    one = IngestRole(tmp_path, mosquitto.url)
    with closing(SqliteLog(one.log_path)) as log:
        log.append(Batch(Readings.empty(), START_MS, quarantined=[lain_by(1), lain_by(2)]))
    one.start()
    yield one
    if one.process is not None:
        one.kill()


@pytest.mark.server
async def test_the_running_ingest_commits_what_it_can_read_now_and_knows_it_when_the_watch_sends_it(role, mosquitto):
    await role.is_up()
    owner = ingest_owner(load_settings(None, role.environment))
    answers = list(owner.read_again([1, 2]))
    assert [(one.outcome, one.readings) for one in answers] == [(Outcome.READ, 1), (Outcome.READ, 1)]
    assert [one.outcome for one in owner.read_again([1, 2])] == [Outcome.READ_BEFORE] * 2
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as watch:
        for seq in (2, 3):
            await watch.publish("watch/w1/heart_rate", json.dumps(heart(seq)), qos=1)
    await eventually(lambda: role.status.counters["duplicates"] == 1, why="the resend to be known")
    await eventually(lambda: len(role.rows()) == 3, why="the new one")
    assert [(row["seq"], row["arrival_ms"] - START_MS) for row in role.rows()[:2]] == [(1, 1), (2, 2)]
    assert role.status.counters["quarantine_read"] == 2
    with closing(SqliteLogReader(role.log_path)) as reader:
        assert [entry.outcome for entry in reader.quarantine(QuarantineQuery())] == ["read", "read"]


@pytest.mark.server
async def test_what_is_asked_wrongly_is_answered_and_nothing_is_done(role):
    await role.is_up()
    with pytest.raises(ControlError, match="quarantine entry 9: there is none"):
        ask(role.socket, "retry", entries=[9])
    with pytest.raises(ControlError, match="give a list of the numbers"):
        ask(role.socket, "retry", entries="all")
    with pytest.raises(ControlError, match="retry: the request lacks 'entries'"):
        ask(role.socket, "retry")
    assert role.rows() == []


PROFILE = """format = "flat_json"
[message]
topic = "maker/{watch}/up"
time = "TIME"
time_form = "epoch_s"
[[reading]]
kind = "heart_rate"
bpm = "pulse"
"""


@pytest.mark.server
async def test_a_profile_that_is_mended_while_ingest_runs_is_what_a_retry_goes_by(tmp_path, mosquitto):
    devices, config = tmp_path / "devices", tmp_path / "carewatch.toml"
    devices.mkdir()
    (devices / "maker.toml").write_text(PROFILE.replace("TIME", "date"), encoding="utf-8")
    source = '[[sources]]\nfilter = "maker/+/up"\nformat = "flat_json"\nprofile = "maker"\n'
    config.write_text(f'devices_folder = "{devices}"\n{source}', encoding="utf-8")
    role = IngestRole(tmp_path, mosquitto.url, CAREWATCH_CONFIG=str(config))
    role.start()
    try:
        await role.is_up()
        async with aiomqtt.Client(mosquitto.host, mosquitto.port) as watch:
            payload = json.dumps({"when": START_MS // 1000, "pulse": 71})
            await watch.publish("maker/m1/up", payload, qos=1)
        await eventually(lambda: role.status.counters["quarantined"] == 1, why="the payload in quarantine")
        owner = ingest_owner(load_settings(config, role.environment))
        [refused] = owner.read_again([1])
        (devices / "maker.toml").write_text(PROFILE.replace("TIME", "when"), encoding="utf-8")
        [read] = owner.read_again([1])
    finally:
        role.kill()
    assert (refused.outcome, refused.readings) == (Outcome.REFUSED, 0)
    assert (read.outcome, read.readings) == (Outcome.READ, 1)
    [row] = role.rows()
    assert (row["watch"], row["bpm"], row["time_ms"]) == ("m1", 71, START_MS)
