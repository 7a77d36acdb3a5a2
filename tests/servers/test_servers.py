"""Each server starts, does its one thing, and ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiomqtt
import pytest
from influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS

from tests.servers.process import accepts
from tests.servers.waiting import eventually, wait_until

if TYPE_CHECKING:
    from tests.servers.fixtures import StartInfluxDB, StartMosquitto
    from tests.servers.influxdb import InfluxDB
    from tests.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.server


async def test_mosquitto_passes_a_message_on(mosquitto: Mosquitto) -> None:
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client, asyncio.timeout(10):
        await client.subscribe("watch/+/sos", qos=1)
        await client.publish("watch/w1/sos", b"{}", qos=1)
        message = await anext(client.messages)
    assert message.topic.value == "watch/w1/sos"


async def test_mosquitto_keeps_a_session_over_a_restart(mosquitto: Mosquitto) -> None:
    async with aiomqtt.Client(mosquitto.host, mosquitto.port, identifier="c", clean_session=False) as client:
        await client.subscribe("watch/+/sos", qos=1)
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as watch:
        await watch.publish("watch/w1/sos", b"kept", qos=1)
    mosquitto.stop()
    assert not accepts(mosquitto.port)
    mosquitto.start()
    client = aiomqtt.Client(mosquitto.host, mosquitto.port, identifier="c", clean_session=False)
    async with client, asyncio.timeout(10):
        message = await anext(client.messages)
    assert message.payload == b"kept"


def test_a_killed_mosquitto_is_gone_and_starts_again(mosquitto: Mosquitto) -> None:
    mosquitto.kill()
    assert not accepts(mosquitto.port)
    mosquitto.start()
    assert accepts(mosquitto.port)


def test_a_server_that_refuses_its_configuration_shows_why(start_mosquitto: StartMosquitto) -> None:
    with pytest.raises(AssertionError, match="no_such_option"):
        start_mosquitto("no_such_option true")


def test_influxdb_is_written_by_line_protocol_and_read_by_flux(influxdb: InfluxDB) -> None:
    with InfluxDBClient(influxdb.url, influxdb.token, org=influxdb.org) as client:
        client.write_api(write_options=SYNCHRONOUS).write(influxdb.bucket, record="heart_rate,watch=w1 bpm=71i 1000")
        tables = client.query_api().query(f'from(bucket: "{influxdb.bucket}") |> range(start: 0)')
    assert [record.get_value() for table in tables for record in table.records] == [71]


def test_every_test_has_an_empty_database(influxdb: InfluxDB) -> None:
    assert influxdb.influxql("SHOW MEASUREMENTS") == []


def test_influxdb_refuses_a_wrong_type_with_its_words(influxdb: InfluxDB) -> None:
    influxdb.write("heart_rate,watch=w1 bpm=71i 1000")
    with pytest.raises(AssertionError, match="field type conflict"):
        influxdb.write("heart_rate,watch=w1 bpm=71.5 2000")


def test_influxdb_keeps_its_data_over_an_outage(start_influxdb: StartInfluxDB) -> None:
    server = start_influxdb()
    server.write("heart_rate,watch=w1 bpm=71i 1000")
    server.stop()
    assert not accepts(server.port)
    server.start()
    assert server.influxql("SELECT bpm FROM heart_rate") == [{"time": 1000, "bpm": 71}]


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(AssertionError, match="a bus; last seen: None"):
        wait_until(lambda: None, 0.05, "a bus")


async def test_eventually_takes_both_kinds_of_condition() -> None:
    async def later() -> int:
        return 7

    assert await eventually(later) == 7
    assert await eventually(lambda: 8) == 8
    with pytest.raises(AssertionError, match="a bus"):
        await eventually(lambda: 0, 0.05, "a bus")
