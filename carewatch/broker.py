"""The settings section `mqtt` as options of our subscriber and of aiomqtt's client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiomqtt

from carewatch.settings_sources import SettingsError
from ingest.mqtt.address import parse_url, tls_context
from ingest.mqtt.options import MqttOptions

if TYPE_CHECKING:
    import ssl

    from carewatch.settings import Mqtt


@dataclass(frozen=True, slots=True)
class Broker:
    """Where and as whom."""

    host: str
    port: int
    unix_path: str
    username: str | None
    password: str | None
    tls: ssl.SSLContext | None


def broker_of(mqtt: Mqtt, url: str | None = None) -> Broker:
    """The broker of the settings, or another at `url` as the same user. Raises `SettingsError` with the remedy."""
    try:
        address = parse_url(url or mqtt.url)
        tls = tls_context(mqtt.ca_file, mqtt.certificate_file, mqtt.key_file) if address.tls else None
    except ValueError as error:
        raise SettingsError(str(error)) from None
    password = mqtt.password.get_secret_value() or None
    return Broker(address.host, address.port, address.unix_path, mqtt.username or None, password, tls)


def subscriber_options(mqtt: Mqtt, suffix: str = "") -> MqttOptions:
    """For one session; `suffix` tells it from our others. Raises `SettingsError`."""
    broker = broker_of(mqtt)
    try:
        return MqttOptions(
            client_id=f"{mqtt.client_id}{suffix}",
            host=broker.host,
            port=broker.port,
            unix_path=broker.unix_path,
            username=broker.username,
            password=broker.password,
            tls=broker.tls,
            version=mqtt.version,
            keep_alive_s=mqtt.keep_alive_s,
            presence_topic=f"{mqtt.status_topic}/{mqtt.client_id}{suffix}" if mqtt.status_topic else "",
        )
    except ValueError as error:
        raise SettingsError(str(error)) from None


def mqtt_client(mqtt: Mqtt, url: str | None = None) -> aiomqtt.Client:
    """A client for commands: not the hot path."""
    broker = broker_of(mqtt, url)
    return aiomqtt.Client(
        broker.unix_path or broker.host,
        broker.port,
        username=broker.username,
        password=broker.password,
        tls_context=broker.tls,
        transport="unix" if broker.unix_path else "tcp",
    )
