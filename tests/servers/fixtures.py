"""The real servers as fixtures. A server that is not on the machine skips the test; in CI the test fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.servers.browser import open_chromium
from tests.servers.influxdb import InfluxDB
from tests.servers.kannel import Kannel
from tests.servers.mosquitto import Mosquitto
from tests.servers.smtp import SmtpServer

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

StartMosquitto = Callable[..., Mosquitto]
StartInfluxDB = Callable[..., InfluxDB]
StartKannel = Callable[..., Kannel]
OpenBrowser = Callable[..., "Chrome"]


@pytest.fixture
def start_mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartMosquitto]:
    """`start_mosquitto("max_queued_messages 5", ...)`: a broker with these lines too in its configuration."""
    started: list[Mosquitto] = []

    def start(*conf_lines: str) -> Mosquitto:
        broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"), conf_lines)
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
    """`start_influxdb()`: an InfluxDB of the test's own, which it may stop, kill and start again.

    `start_influxdb("max-body-size = 20000", "influxd-1.6")`: a line of its configuration, and Debian's program.
    """
    started: list[InfluxDB] = []

    def start(http_lines: str = "", program_name: str = "influxd") -> InfluxDB:
        server = InfluxDB(tmp_path_factory.mktemp("influxdb"), http_lines, program_name)
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


@pytest.fixture
def start_kannel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartKannel]:
    """`start_kannel(reply_url="http://127.0.0.1:8080/gateways/kannel/reply")`: where replies of phones go."""
    started: list[Kannel] = []

    def start(reply_url: str = "") -> Kannel:
        gateway = Kannel(tmp_path_factory.mktemp("kannel"), reply_url)
        started.append(gateway)
        gateway.start()
        return gateway

    yield start
    for gateway in started:
        gateway.stop()
        gateway.show_log()


@pytest.fixture
def kannel(start_kannel: StartKannel) -> Kannel:
    """An SMS gateway whose phones' replies nobody reads."""
    return start_kannel()


@pytest.fixture
def smtp_server() -> Iterator[SmtpServer]:
    """A mail server that keeps what it gets."""
    server = SmtpServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def open_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBrowser]:
    """`open_browser(1280, 800, "zh-CN")`: a selenium driver; each call opens a browser of its own."""
    opened: list[Chrome] = []

    def open_one(width: int = 1280, height: int = 800, language: str = "zh-CN") -> Chrome:
        opened.append(open_chromium(tmp_path_factory.mktemp("browser"), width, height, language))
        return opened[-1]

    yield open_one
    for browser in opened:
        browser.quit()
