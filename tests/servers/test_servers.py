"""Each server starts, does its one thing, and ends."""

from __future__ import annotations

import asyncio
import smtplib
import urllib.parse
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import aiomqtt
import httpx
import pytest
from influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS

from tests.servers.phones import Sms, messages
from tests.servers.process import accepts
from tests.servers.waiting import eventually, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.fixtures import OpenBrowser, StartInfluxDB, StartKannel, StartMosquitto
    from tests.servers.influxdb import InfluxDB
    from tests.servers.kannel import Kannel
    from tests.servers.mosquitto import Mosquitto
    from tests.servers.smtp import SmtpServer

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


class _Calls(HTTPServer):
    """Notes every path it is asked for."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        super().__init__(("127.0.0.1", 0), _Note)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Note(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base class's
        pass


@pytest.fixture
def calls() -> Iterator[_Calls]:
    with _Calls() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def send_sms(kannel: Kannel, to: str, text: str, **more: str | int) -> httpx.Response:
    account = {"username": kannel.user, "password": kannel.password, "from": "1069", "to": to, "charset": "UTF-8"}
    with httpx.Client(verify=False) as client:  # noqa: S501 -- plain HTTP to this machine
        return client.get(kannel.sendsms_url, params={**account, "text": text, **more})


FALL = "疑似跌倒 张三82岁 3栋502 14:32起无活动 电138.. 回复K7Q2接单"


def test_kannel_brings_chinese_text_to_a_phone(kannel: Kannel) -> None:
    assert send_sms(kannel, "13800000001", FALL, coding=2).status_code == 202
    assert kannel.wait_for(1) == [Sms("1069", "13800000001", FALL)]


@pytest.mark.parametrize(("text", "coding"), [(FALL * 4, 2), ("fall at home, go and look. " * 12, 0)])
def test_kannel_brings_a_long_text_in_parts(kannel: Kannel, text: str, coding: int) -> None:
    send_sms(kannel, "13800000001", text, coding=coding)
    assert kannel.wait_for(1) == [Sms("1069", "13800000001", text, parts=3)]


def test_kannel_reports_buffered_and_then_delivered(kannel: Kannel, calls: _Calls) -> None:
    send_sms(kannel, "13800000001", FALL, coding=2, **{"dlr-mask": 31, "dlr-url": calls.url("/dlr?type=%d")})
    wait_until(lambda: len(calls.paths) == 2, why="two delivery reports")
    assert calls.paths == ["/dlr?type=8", "/dlr?type=1"]


@pytest.mark.parametrize("text", ["K7Q2", "K7Q2 收到"])
def test_kannel_hands_in_a_reply(start_kannel: StartKannel, calls: _Calls, text: str) -> None:
    kannel = start_kannel(reply_url=calls.url("/gateways/kannel/reply"))
    kannel.reply("13800000001", "1069", text)
    path, _, query = wait_until(lambda: calls.paths, why="the reply")[0].partition("?")
    said = {key: value[0] for key, value in urllib.parse.parse_qs(query, encoding="latin-1").items()}
    assert path == "/gateways/kannel/reply"
    assert said["text"].encode("latin-1").decode(said["charset"]) == text
    assert (said["from"], said["to"]) == ("13800000001", "1069")


def test_kannel_keeps_what_it_owes_while_the_network_is_away(kannel: Kannel) -> None:
    kannel.lose_network()
    assert send_sms(kannel, "13800000001", FALL, coding=2).status_code == 202
    kannel.connect_network()
    assert [sms.text for sms in kannel.wait_for(1)] == [FALL]


def test_a_line_that_is_cut_is_left_for_later() -> None:
    assert messages(b"1 2 text one\ntwo\n1 2 te") == [Sms("1", "2", "one\ntwo")]


def send_mail(server: SmtpServer, to: str, text: str) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "疑似跌倒", "carewatch@example.org", to
    message.set_content(text)
    with smtplib.SMTP(server.host, server.port, timeout=10) as client:
        client.send_message(message)


def test_the_mail_server_keeps_what_it_gets(smtp_server: SmtpServer) -> None:
    send_mail(smtp_server, "duty@example.org", "张三")
    [message] = smtp_server.wait_for(1)
    assert (message["Subject"], message.get_content()) == ("疑似跌倒", "张三\n")
    assert smtp_server.recipients == [["duty@example.org"]]


def test_the_mail_server_refuses_as_it_is_told(smtp_server: SmtpServer) -> None:
    smtp_server.refuse_with(550, "no such mailbox")
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="no such mailbox"):
        send_mail(smtp_server, "duty@example.org", "x")
    smtp_server.accept()
    send_mail(smtp_server, "duty@example.org", "x")
    assert len(smtp_server.messages) == 1


def test_the_mail_server_breaks_off_once(smtp_server: SmtpServer) -> None:
    smtp_server.reset_next()
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        send_mail(smtp_server, "duty@example.org", "x")
    send_mail(smtp_server, "duty@example.org", "y")
    assert [message.get_content() for message in smtp_server.messages] == ["y\n"]


def test_a_browser_shows_a_page_of_the_size_and_language_asked_for(open_browser: OpenBrowser) -> None:
    browser = open_browser(390, 844, "zh-CN")
    browser.get("data:text/html;charset=utf-8,<title>值班</title><script>console.error('seen')</script>")
    assert browser.title == "值班"
    assert browser.execute_script("return [innerWidth, innerHeight, navigator.language]") == [390, 844, "zh-CN"]
    assert any("seen" in entry["message"] for entry in browser.get_log("browser"))
