from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from ingest.mqtt import Address, parse_url, tls_context

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://127.0.0.1:1884", Address("127.0.0.1", 1884)),
        ("mqtt://broker.local", Address("broker.local", 1883)),
        ("mqtts://broker.local/", Address("broker.local", 8883, tls=True)),
        ("mqtt://[::1]:1883", Address("::1", 1883)),
        ("unix:///run/mosquitto.sock", Address("localhost", 1883, unix_path="/run/mosquitto.sock")),
    ],
)
def test_a_url_says_where_the_broker_is(url: str, address: Address) -> None:
    assert parse_url(url) == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("broker.local:1883", "write mqtt://host:1883"),
        ("http://broker.local", "write mqtt://host:1883"),
        ("mqtt://", "write mqtt://host:1883"),
        ("mqtt://broker.local/topic", "write mqtt://host:1883"),
        ("mqtt://broker.local:99999", "its port is no number of 1 to 65535"),
        ("unix://run/sock", "write mqtt://host:1883"),
    ],
)
def test_a_wrong_url_is_named_with_the_remedy(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_url(url)


def test_a_password_in_the_url_is_refused_without_being_printed() -> None:
    with pytest.raises(ValueError, match=r"give mqtt\.username") as refused:
        parse_url("mqtt://carewatch:secret@broker.local")
    assert "secret" not in str(refused.value)


def test_a_tls_context_checks_certificate_and_name() -> None:
    context = tls_context()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"mqtt\.ca_file .*none\.pem"):
        tls_context(tmp_path / "none.pem")
    (tmp_path / "text.pem").write_text("no certificate")
    with pytest.raises(ValueError, match=r"mqtt\.ca_file .*text\.pem"):
        tls_context(tmp_path / "text.pem")
    with pytest.raises(ValueError, match=r"mqtt\.certificate_file .*text\.pem"):
        tls_context(None, tmp_path / "text.pem")
