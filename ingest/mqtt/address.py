"""A broker's URL and the files of its TLS, as settings name them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

PORTS = {"mqtt": 1883, "mqtts": 8883}
EXAMPLES = "mqtt://host:1883, mqtts://host:8883 or unix:///run/mosquitto.sock"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is. `unix_path` empty: TCP."""

    host: str
    port: int
    tls: bool = False
    unix_path: str = ""


def parse_url(url: str) -> Address:
    """Read `mqtt://`, `mqtts://` or `unix://`. Raises `ValueError` with the URL (no password in it) and the remedy."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ValueError("mqtt.url has a user in it: give mqtt.username, and the password by environment or file")
    if parts.scheme == "unix" and parts.path and not parts.netloc:
        return Address("localhost", PORTS["mqtt"], unix_path=unquote(parts.path))
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"mqtt.url is {url!r}: its port is no number of 1 to 65535") from error
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"mqtt.url is {url!r}: write {EXAMPLES}")
    return Address(parts.hostname, port or PORTS[parts.scheme], tls=parts.scheme == "mqtts")


def tls_context(
    ca_file: Path | None = None, certificate_file: Path | None = None, key_file: Path | None = None
) -> ssl.SSLContext:
    """A context that checks the broker's certificate and name.

    `ca_file`: PEM of the authority, instead of the system's. `certificate_file`, `key_file`: ours, if the broker wants
    one. Raises `ValueError` naming the file that is missing or no PEM.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        raise ValueError(f"mqtt.ca_file {ca_file}: {error}; give the PEM file of the authority") from error
    if certificate_file is None:
        return context
    try:
        context.load_cert_chain(certificate_file, key_file)
    except OSError as error:
        files = f"mqtt.certificate_file {certificate_file} with mqtt.key_file {key_file}"
        raise ValueError(f"{files}: {error}; give PEM files that belong together") from error
    return context
