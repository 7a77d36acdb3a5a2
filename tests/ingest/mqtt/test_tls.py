"""TLS with certificates made here: the broker's is checked by us, ours by the broker."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from ingest.mqtt import Link, Trouble, tls_context
from tests.ingest.mqtt.conftest import payloads
from tests.servers.process import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.server


class Authority:
    """Signs certificates; each a pair of files, `name.crt` and `name.key`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.certificate = folder / f"{name}.crt"
        _openssl(folder, f"req -x509 {_new_key(name)} -out {name}.crt -subj /CN={name}")

    def sign(self, name: str, days: int = 2) -> tuple[Path, Path]:
        (self.folder / "names").write_text("subjectAltName=IP:127.0.0.1")
        _openssl(self.folder, f"req {_new_key(name)} -out {name}.csr -subj /CN={name}")
        by = f"-CA {self.name}.crt -CAkey {self.name}.key -CAcreateserial"
        _openssl(self.folder, f"x509 -req -in {name}.csr {by} -days {days} -extfile names -out {name}.crt")
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"


def _new_key(name: str) -> str:
    return f"-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {name}.key"


def _openssl(folder: Path, command: str) -> None:
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


@pytest.fixture
def broker(authority: Authority, start_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """Takes a client certificate for the user name; `broker.tls_port`, and `broker.port` plain."""
    certificate, key = authority.sign("broker")
    port = free_port()
    acl = authority.folder / "acl"
    acl.write_text("user carewatch\ntopic readwrite watch/#\n")
    started = start_mosquitto(
        "per_listener_settings true",
        "allow_anonymous true",
        f"listener {port} 127.0.0.1",
        f"cafile {authority.certificate}",
        f"certfile {certificate}",
        f"keyfile {key}",
        "require_certificate true",
        "use_identity_as_username true",
        f"acl_file {acl}",
    )
    started.tls_port = port
    return started


@pytest.mark.parametrize("version", [4, 5])
async def test_a_client_certificate_is_our_user_name(
    subscribe: Callable, broker: Mosquitto, publisher: Callable, authority: Authority, version: int
) -> None:
    ours = tls_context(authority.certificate, *authority.sign("carewatch"))
    link = subscribe(broker, tls=ours, port=broker.tls_port, version=version)
    await link.is_(Link.UP)
    await publisher(broker.port).publish([b"1", b"2"])
    assert payloads(await link.take(2, acknowledge=True)) == [b"1", b"2"]


async def test_without_a_certificate_or_with_a_foreign_one_the_remedy_says_which_files(
    subscribe: Callable, broker: Mosquitto, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    foreign = Authority(tmp_path / "elsewhere", "foreign").sign("carewatch")
    run_out = authority.sign("late", days=-1)
    for ours in (), foreign, run_out:
        link = subscribe(broker, tls=tls_context(authority.certificate, *ours), port=broker.tls_port)
        state = await link.is_(Link.DOWN)
        assert state.trouble is Trouble.OUR_CERTIFICATE, (ours, state)
        assert "mqtt.certificate_file" in state.remedy
        await link.close()


async def test_a_broker_that_speaks_only_tls_1_2_says_less_and_the_remedy_is_the_same(
    subscribe: Callable, authority: Authority, start_mosquitto: Callable[..., Mosquitto]
) -> None:
    certificate, key = authority.sign("broker")
    port = free_port()
    broker = start_mosquitto(
        f"listener {port} 127.0.0.1",
        f"cafile {authority.certificate}",
        f"certfile {certificate}",
        f"keyfile {key}",
        "require_certificate true",
        "tls_version tlsv1.2",
    )
    link = subscribe(broker, tls=tls_context(authority.certificate), port=port)
    assert (await link.is_(Link.DOWN)).trouble is Trouble.OUR_CERTIFICATE


async def test_a_broker_whose_name_is_another_is_not_trusted(
    subscribe: Callable, broker: Mosquitto, authority: Authority
) -> None:
    ours = tls_context(authority.certificate, *authority.sign("carewatch"))
    state = await subscribe(broker, tls=ours, host="localhost", port=broker.tls_port).is_(Link.DOWN)
    assert state.trouble is Trouble.CERTIFICATE
    assert "its name in mqtt.url" in state.remedy
