"""mqtt://user@host:port, taken apart."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from carewatch.settings_sources import SettingsError

if TYPE_CHECKING:
    from carewatch.settings import Mqtt

DEFAULT_PORT = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerUrl:
    """Where and as whom."""

    host: str
    port: int
    is_tls: bool = False
    username: str | None = None
    password: str | None = None


def parse_broker_url(url: str, username: str = "", password: str = "") -> BrokerUrl:
    """Raises `SettingsError` naming the address and what is wrong with it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"mqtt.url = {url!r}: {error}") from None
    if parts.scheme not in DEFAULT_PORT or not parts.hostname:
        raise SettingsError(f"mqtt.url = {url!r}: write mqtt://host:1883, or mqtts://host:8883 for TLS")
    if parts.password:
        raise SettingsError("mqtt.url holds a password: set CAREWATCH_MQTT__PASSWORD or ..._PASSWORD_FILE instead")
    return BrokerUrl(
        parts.hostname,
        port or DEFAULT_PORT[parts.scheme],
        parts.scheme == "mqtts",
        username or parts.username or None,
        password or None,
    )


def tls_context(mqtt: Mqtt) -> ssl.SSLContext | None:
    """For mqtts; raises `SettingsError` naming the file that does not load."""
    if not mqtt.url.startswith("mqtts:"):
        return None
    try:
        context = ssl.create_default_context(cafile=mqtt.ca_file)
        if mqtt.certificate_file:
            context.load_cert_chain(mqtt.certificate_file, mqtt.key_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"mqtt.ca_file, certificate_file or key_file: {error}") from None
    return context
