"""What an operator reads of the real servers, when all is well and when not."""

from __future__ import annotations

import subprocess

import httpx
import pytest
from pydantic import SecretStr

from carewatch.doctor import Verdict
from carewatch.doctor.sms import _told
from tests.carewatch.doctor_reads import installation, said_of
from tests.servers.process import program

GOOD, WARNING, BAD, NOT_SET = Verdict.GOOD, Verdict.WARNING, Verdict.BAD, Verdict.NOT_SET


# the broker


@pytest.fixture
def guarded_broker(start_mosquitto, tmp_path):
    """Lets in `carewatch` with the password `right`, and nobody else."""
    passwords = tmp_path / "passwords"
    subprocess.run([program("mosquitto_passwd"), "-c", "-b", str(passwords), "carewatch", "right"], check=True)
    passwords.chmod(0o644)
    return start_mosquitto("allow_anonymous false", f"password_file {passwords}")


def with_broker(tmp_path, broker, password="right", **more):
    mqtt = {"url": broker.url, "username": "carewatch", "password": SecretStr(password), **more}
    return installation(tmp_path, mqtt=mqtt)


@pytest.mark.server
async def test_the_broker_lets_us_in(tmp_path, guarded_broker):
    verdicts, said = await said_of(with_broker(tmp_path, guarded_broker), "broker")
    assert verdicts == [GOOD]
    assert "grants all 6 topics" in said


@pytest.mark.server
@pytest.mark.parametrize("version", [4, 5])
async def test_the_broker_refuses_our_password(tmp_path, guarded_broker, version):
    verdicts, said = await said_of(with_broker(tmp_path, guarded_broker, "wrong", version=version), "broker")
    assert verdicts == [BAD]
    assert "mqtt.username and mqtt.password" in said
    assert "wrong" not in said.replace("wrong user name or password", "")


@pytest.mark.server
async def test_the_broker_is_down(tmp_path, mosquitto):
    mosquitto.stop()
    verdicts, said = await said_of(with_broker(tmp_path, mosquitto), "broker")
    assert verdicts == [BAD]
    assert "nothing listens there" in said
    assert "start the broker" in said


@pytest.mark.server
async def test_a_port_that_speaks_no_tls(tmp_path, mosquitto):
    settings = installation(tmp_path, mqtt={"url": mosquitto.url.replace("mqtt:", "mqtts:")})
    verdicts, said = await said_of(settings, "broker")
    assert verdicts == [BAD]
    assert "TLS" in said


@pytest.mark.server
async def test_a_port_that_speaks_no_mqtt(tmp_path, smtp_server):
    settings = installation(tmp_path, mqtt={"url": f"mqtt://127.0.0.1:{smtp_server.port}"})
    verdicts, said = await said_of(settings, "broker")
    assert verdicts == [BAD]
    assert "speaks MQTT" in said


async def test_a_broker_s_address_that_is_none(tmp_path):
    verdicts, said = await said_of(installation(tmp_path, mqtt={"url": "http://broker"}), "broker")
    assert verdicts == [BAD]
    assert "mqtt://host:1883" in said


async def test_a_source_whose_decoder_nobody_has(tmp_path):
    sources = [{"filter": "3g/+/up", "format": "watch_4g"}]
    verdicts, said = await said_of(installation(tmp_path, sources=sources), "broker")
    assert verdicts == [BAD]
    assert "watch_4g" in said


# InfluxDB


def with_influx(tmp_path, server, **more):
    influx = {"url": server.url, "bucket": server.bucket, "token": SecretStr(server.token), **more}
    return installation(tmp_path, influx=influx)


@pytest.mark.server
@pytest.mark.parametrize("api", ["v2", "v1"])
async def test_influxdb_would_take_our_writes_and_gets_none(tmp_path, influxdb, api):
    by_name = {"username": influxdb.user, "password": SecretStr(influxdb.password), "token": SecretStr("")}
    settings = with_influx(tmp_path, influxdb, api=api, **(by_name if api == "v1" else {}))
    verdicts, said = await said_of(settings, "InfluxDB")
    assert verdicts == [GOOD]
    assert influxdb.bucket in said
    assert influxdb.influxql("SHOW MEASUREMENTS") == []


@pytest.mark.server
@pytest.mark.parametrize("api", ["v2", "v1"])
async def test_influxdb_does_not_know_our_token(tmp_path, influxdb, api):
    settings = with_influx(tmp_path, influxdb, api=api, token=SecretStr("carewatch:wrong"))
    verdicts, said = await said_of(settings, "InfluxDB")
    assert verdicts == [BAD]
    assert "influx.token" in said
    assert "carewatch:wrong" not in said


@pytest.mark.server
async def test_influxdb_has_no_such_bucket(tmp_path, influxdb):
    verdicts, said = await said_of(with_influx(tmp_path, influxdb, bucket="elsewhere/autogen"), "InfluxDB")
    assert verdicts == [BAD]
    assert "carewatch influx setup" in said


async def test_influxdb_is_down(tmp_path, unused_tcp_port):
    settings = installation(tmp_path, influx={"url": f"http://127.0.0.1:{unused_tcp_port}"})
    verdicts, said = await said_of(settings, "InfluxDB")
    assert verdicts == [BAD]
    assert "start InfluxDB" in said


# email


def with_mail(tmp_path, server, **more):
    email = {"host": server.host, "port": server.port, "security": "none", "sender": "carewatch@example.org", **more}
    return installation(tmp_path, email=email, board={"port": 0, "public_url": "https://care.example.org"})


@pytest.mark.server
async def test_the_mail_server_takes_our_mail_and_gets_none(tmp_path, smtp_server):
    verdicts, said = await said_of(with_mail(tmp_path, smtp_server), "email")
    assert verdicts == [GOOD]
    assert "carewatch@example.org" in said
    assert smtp_server.messages == []


@pytest.mark.server
async def test_the_mail_server_is_down(tmp_path, smtp_server):
    settings = with_mail(tmp_path, smtp_server)
    smtp_server.stop()
    verdicts, said = await said_of(settings, "email")
    assert verdicts == [BAD]
    assert f"mail server 127.0.0.1:{smtp_server.port}" in said
    assert "email.host" in said


@pytest.mark.server
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_the_mail_server_speaks_no_tls(tmp_path, smtp_server, security):
    verdicts, said = await said_of(with_mail(tmp_path, smtp_server, security=security), "email")
    assert verdicts == [BAD]
    assert "email.security" in said


@pytest.mark.server
async def test_emails_without_a_link_are_warned_of(tmp_path, smtp_server):
    settings = with_mail(tmp_path, smtp_server)
    settings = settings.model_copy(update={"board": settings.board.model_copy(update={"public_url": ""})})
    verdicts, said = await said_of(settings, "email")
    assert verdicts == [GOOD, WARNING]
    assert "board.public_url" in said


# SMS


def with_sms(tmp_path, kannel, **more):
    sms = {
        "gateway": "kannel", "url": kannel.sendsms_url, "username": kannel.user, "sender": "106900001",
        "password": SecretStr(kannel.password), "callback_url": "http://127.0.0.1:8080",
        "callback_secret": SecretStr("of-this-test"), **more,
    }  # fmt: skip
    return installation(tmp_path, sms=sms)


@pytest.mark.server
async def test_kannel_knows_us_and_sends_nothing(tmp_path, kannel):
    verdicts, said = await said_of(with_sms(tmp_path, kannel), "SMS")
    assert verdicts == [GOOD]
    assert "would take messages" in said
    assert kannel.sent() == []


@pytest.mark.server
async def test_kannel_refuses_our_password(tmp_path, kannel):
    verdicts, said = await said_of(with_sms(tmp_path, kannel, password=SecretStr("mistyped")), "SMS")
    assert verdicts == [BAD]
    assert "sms.username" in said
    assert "mistyped" not in said


@pytest.mark.server
async def test_an_address_of_kannel_that_is_not_sendsms(tmp_path, kannel):
    url = kannel.sendsms_url.replace("sendsms", "send")
    verdicts, said = await said_of(with_sms(tmp_path, kannel, url=url), "SMS")
    assert verdicts == [BAD]
    assert "/cgi-bin/sendsms" in said


async def test_something_else_answers_in_kannel_s_place(tmp_path):
    found = _told(installation(tmp_path).sms, httpx.Response(400, text="bad request"))
    assert found.verdict is BAD
    assert "unlike Kannel" in found.what


async def test_kannel_is_down_and_its_callbacks_are_not_set_up(tmp_path, unused_tcp_port):
    sms = {"gateway": "kannel", "url": f"http://127.0.0.1:{unused_tcp_port}/cgi-bin/sendsms"}
    verdicts, said = await said_of(installation(tmp_path, sms=sms), "SMS")
    assert verdicts == [BAD, BAD, WARNING, WARNING]
    assert "smsbox" in said
    assert "CAREWATCH_SMS__CALLBACK_SECRET" in said
    assert "sms.callback_url" in said


async def test_what_is_not_set_up_says_how(tmp_path):
    for part, setting in (("SMS", "sms.gateway"), ("email", "email.host"), ("InfluxDB", "influx.url")):
        verdicts, said = await said_of(installation(tmp_path), part)
        assert verdicts == [NOT_SET]
        assert setting in said
