"""The real servers as fixtures. A server that is not on the machine skips the test; in CI the test fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.servers.influxdb import InfluxDB
from tests.servers.mosquitto import Mosquitto

StartMosquitto = Callable[..., Mosquitto]
StartInfluxDB = Callable[[], InfluxDB]


@pytest.fixture
def start_mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartMosquitto]:
    """`start_mosquitto("allow_anonymous false", ...)`: a broker with these lines in its configuration."""
    started: list[Mosquitto] = []

    def start(*conf_lines: str) -> Mosquitto:
        lines = conf_lines or ("allow_anonymous true",)
        broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"), lines)
        started.append(broker)
        broker.start()
        return broker

    yield start
    for broker in started:
        broker.stop()
        broker.process.show_log()


@pytest.fixture
def mosquitto(start_mosquitto: StartMosquitto) -> Mosquitto:
    """A broker for anybody, on its own port."""
    return start_mosquitto()


@pytest.fixture
def start_influxdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartInfluxDB]:
    """`start_influxdb()`: an InfluxDB of the test's own, which it may stop, kill and start again."""
    started: list[InfluxDB] = []

    def start() -> InfluxDB:
        server = InfluxDB(tmp_path_factory.mktemp("influxdb"))
        started.append(server)
        server.start()
        server.fresh_database()
        return server

    yield start
    for server in started:
        server.stop()
        server.process.show_log()


@pytest.fixture(scope="session")
def one_influxdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    """The process that all tests share; ask for `influxdb`."""
    server = InfluxDB(tmp_path_factory.mktemp("influxdb"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def influxdb(one_influxdb: InfluxDB) -> Iterator[InfluxDB]:
    """A running InfluxDB with an empty database of the test's own. Do not stop it: `start_influxdb` is for that."""
    one_influxdb.fresh_database()
    yield one_influxdb
    one_influxdb.process.show_log()
