"""Every setting: config/carewatch.toml, then the environment (`CAREWATCH_MQTT__URL`), then flags.

Each has a description; docs/settings.md and a test are made from them. Secrets come by environment or from a file
named by `..._FILE`, never from the TOML file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Site(_Section):
    """The place that is watched over."""

    name: str = Field("福田街道", description="shown on the board and in messages")
    language: Literal["zh", "en"] = Field(
        "zh", description="of the board and of messages, unless a person has their own"
    )
    time_zone: str = Field("Asia/Shanghai", description="IANA name; local days and nights use it")
    datum: Literal["wgs84", "gcj02"] = Field("wgs84", description="of positions whose watch and profile do not say")


class Mqtt(_Section):
    """The broker that watches publish to."""

    url: str = Field("mqtt://127.0.0.1:1883", description="mqtt://host:port, or mqtts:// for TLS")
    username: str = Field("", description="of carewatch at the broker; empty: none")
    password: SecretStr = Field(SecretStr(""), description="secret; CAREWATCH_MQTT__PASSWORD or ..._PASSWORD_FILE")
    client_id: str = Field("carewatch", description="of the persistent session; `-emergency` is added for the second")
    version: Literal[4, 5] = Field(4, description="4 is MQTT 3.1.1, 5 is MQTT 5")
    keep_alive_s: int = Field(30, ge=5, le=3600, description="a dead link is noticed within 1.5 times this")
    ca_file: Path | None = Field(None, description="PEM of the authority that signed the broker's certificate")
    certificate_file: Path | None = Field(None, description="PEM of a client certificate, if the broker wants one")
    key_file: Path | None = Field(None, description="PEM of its key")
    status_topic: str = Field(
        "", description="below it, by client id, a retained `online` or `offline` for other tools; empty: none"
    )


class SourceEntry(_Section):
    """A topic filter whose payloads are in another format than native."""

    filter: str = Field(description="MQTT topic filter, e.g. `3g/+/up`")
    format: str = Field(description="name of a decoder, e.g. `watch_3g`")
    profile: str = Field("", description="a file of config/devices/ without .toml; empty: the format's own")


class Log(_Section):
    """The reading log: the one truth."""

    path: Path = Field(Path("var/readings.sqlite"), description="file of the log; its folder must be on a local disk")
    keep_days: int = Field(400, ge=30, description="records older than this are dropped once every consumer read them")
    warn_free_mb: int = Field(2048, ge=0, description="free room on its disk below which /healthz warns")
    shed_free_mb: int = Field(
        512,
        ge=0,
        description="free room below which only emergencies are kept; watches hold the rest and send it again",
    )
    quarantine_mb: int = Field(1024, ge=1, description="what all of quarantine may hold; and 10 MB a watch a day")


class Store(_Section):
    """Incidents, people, messages owed."""

    url: str = Field("sqlite:///var/store.sqlite", description="SQLAlchemy URL; SQLite or PostgreSQL")


class Influx(_Section):
    """InfluxDB, written from the log at its own place. Alerts never depend on it."""

    url: str = Field("", description="http://host:8086; empty: not written")
    api: Literal["v2", "v1"] = Field("v2", description="v2: 2.x, Cloud, and 1.8; v1: older 1.x")
    org: str = Field("-", description="organisation (`-` for 1.8)")
    bucket: str = Field("carewatch/autogen", description="bucket, or database/retention policy for 1.x")
    token: SecretStr = Field(SecretStr(""), description="secret; for 1.8 `user:password`")
    username: str = Field("", description="for api v1")
    password: SecretStr = Field(SecretStr(""), description="secret; for api v1")


class Email(_Section):
    """The SMTP server that sends emails."""

    host: str = Field("", description="empty: no emails are sent, and the board says so")
    port: int = Field(587, ge=1, le=65535, description="587 with STARTTLS, 465 with TLS, 25 plain")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="how the connection is protected")
    username: str = Field("", description="empty: no sign-in")
    password: SecretStr = Field(SecretStr(""), description="secret")
    sender: str = Field("carewatch@localhost", description="the From address")
    timeout_s: float = Field(15.0, gt=0, description="for one message, connection included")


class Sms(_Section):
    """The SMS gateway (Kannel's smsbox)."""

    gateway: Literal["", "kannel"] = Field("", description="empty: no SMS is sent, and the board says so")
    url: str = Field("http://127.0.0.1:13013/cgi-bin/sendsms", description="Kannel's sendsms address")
    username: str = Field("", description="sendsms-user")
    password: SecretStr = Field(SecretStr(""), description="secret; sendsms-user's password")
    sender: str = Field("", description="the number that messages come from, and that is replied to")
    callback_url: str = Field("", description="where Kannel reaches us, e.g. http://127.0.0.1:8080; empty: no receipts")
    callback_secret: SecretStr = Field(
        SecretStr(""), description="secret in the callbacks' address; required for replies"
    )
    timeout_s: float = Field(10.0, gt=0, description="for one message")


class Escalation(_Section):
    """Who is told next, and when (DESIGN: alerts to people)."""

    receipt_s: int = Field(60, gt=0, description="no delivery receipt in this time: the other channel at once")
    next_step_s: int = Field(180, gt=0, description="nobody took it: backup, then lead, then family")
    round_s: int = Field(300, gt=0, description="after the last step: round again")
    ack_expires_s: int = Field(900, gt=0, description="an emergency taken without any action goes back to waiting")
    remind_s: int = Field(2700, gt=0, description="one that is taken and not closed is reminded of")


class Board(_Section):
    """The web duty board and the API."""

    host: str = Field("127.0.0.1", description="address to listen at; 0.0.0.0 behind a proxy that does TLS")
    port: int = Field(8080, ge=0, le=65535, description="0: any free one")
    public_url: str = Field("", description="as staff reach it; links in emails begin with it")
    secret: SecretStr = Field(SecretStr(""), description="secret that signs sessions and links; empty: made and kept")
    secure_cookies: bool = Field(False, description="true behind TLS")


class ClockSettings(_Section):
    """Only for the demo: a clock that runs faster."""

    speed: float = Field(1.0, gt=0, description="1 is real time")
    origin_ns: int = Field(0, description="scaled time at `origin_boot_ns`")
    origin_boot_ns: int = Field(0, description="boot clock at which scaled time began")


class Settings(_Section):
    """The whole of it."""

    site: Site = Site()
    mqtt: Mqtt = Mqtt()
    sources: tuple[SourceEntry, ...] = ()
    log: Log = Log()
    store: Store = Store()
    influx: Influx = Influx()
    email: Email = Email()
    sms: Sms = Sms()
    escalation: Escalation = Escalation()
    board: Board = Board()
    clock: ClockSettings = ClockSettings()
    rules_file: Path = Field(Path("config/rules.toml"), description="the rules")
    devices_folder: Path = Field(Path("config/devices"), description="profiles of watch models, a file each")
    roster_file: Path = Field(Path("config/roster.toml"), description="officers and shifts")
