"""The broker's files of config/mosquitto, loaded by the real Mosquitto: who can do what."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import aiomqtt
import pytest

from tests.servers.process import Process, accepts, free_port, program
from tests.servers.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = Path(__file__).resolve().parents[2] / "config" / "mosquitto"
KINDS = ("heart_rate", "fall", "location", "sos", "status", "backlog")

pytestmark = pytest.mark.server


def make_passwords(secrets: Path, auth: Path) -> subprocess.CompletedProcess[str]:
    tool = Path(program("mosquitto_passwd"))
    environment = {
        "PATH": f"{tool.parent}:{os.environ['PATH']}", "SECRETS_DIR": str(secrets), "AUTH_DIR": str(auth),
        "BROKER_USER": f"{os.getuid()}:{os.getgid()}",
    }  # fmt: skip
    return subprocess.run(
        ["sh", str(FILES / "make-passwords.sh")], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (tmp_path / "auth").mkdir()
    (folder / "mqtt_password").write_text("its own, a long one\n")
    (folder / "watch_passwords").write_text("# watches of the first street\n\nA:pass-of-a\r\nB:pass of b\n")
    return folder


class Broker:
    """The production broker with its paths and ports moved; nothing else is changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.for_watches, self.for_carewatch = free_port(), free_port()
        moved = (FILES / "mosquitto.conf").read_text()
        for written, here in (
            ("/mosquitto/auth/", f"{folder}/auth/"),
            ("/mosquitto/config/acl", str(FILES / "acl")),
            ("/mosquitto/data/", f"{folder}/"),
            ("listener 1883\n", f"listener {self.for_watches} 127.0.0.1\n"),
            ("listener 1884\n", f"listener {self.for_carewatch} 127.0.0.1\n"),
        ):
            assert moved.count(written) == 1, f"mosquitto.conf has {written!r} not once"
            moved = moved.replace(written, here)
        conf = folder / "mosquitto.conf"
        conf.write_text(f"user root\n{moved}")
        self.process = Process(
            [program("mosquitto"), "-c", str(conf)], folder / "mosquitto.log", lambda: accepts(self.for_carewatch)
        )

    def watch(self, name: str, password: str, **more: object) -> aiomqtt.Client:
        return aiomqtt.Client("127.0.0.1", self.for_watches, username=name, password=password, timeout=10, **more)

    def a(self) -> aiomqtt.Client:
        return self.watch("A", "pass-of-a")

    def b(self) -> aiomqtt.Client:
        return self.watch("B", "pass of b")

    def carewatch(self, **more: object) -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1", self.for_carewatch, username="carewatch", password="its own, a long one", timeout=10, **more
        )


@pytest.fixture
def broker(tmp_path: Path, secrets: Path) -> Iterator[Broker]:
    made = make_passwords(secrets, tmp_path / "auth")
    assert made.returncode == 0, made.stderr
    server = Broker(tmp_path)
    server.process.start()
    yield server
    server.process.stop()
    server.process.show_log()


async def heard(client: aiomqtt.Client, count: int) -> list[str]:
    """The topics of the next `count` messages."""
    topics: list[str] = []
    async with asyncio.timeout(10):
        async for message in client.messages:
            topics.append(message.topic.value)
            if len(topics) == count:
                return topics
    return topics


async def test_nobody_gets_in_without_the_right_password(broker: Broker) -> None:
    for stranger in (
        broker.watch("A", "pass of b"),
        broker.watch("C", "x"),
        aiomqtt.Client("127.0.0.1", broker.for_watches),
        aiomqtt.Client("127.0.0.1", broker.for_carewatch),
    ):
        with pytest.raises(aiomqtt.MqttError, match=r"Not authori[sz]ed"):
            await stranger.__aenter__()


async def test_carewatch_hears_every_kind_of_reading(broker: Broker) -> None:
    async with broker.carewatch() as carewatch, broker.a() as a:
        for kind in KINDS:
            await carewatch.subscribe(f"watch/+/{kind}", qos=1)
        for kind in KINDS:
            await a.publish(f"watch/A/{kind}", b"{}", qos=1)
        assert await heard(carewatch, len(KINDS)) == [f"watch/A/{kind}" for kind in KINDS]


async def test_one_of_several_carewatches_hears_by_a_shared_subscription(broker: Broker) -> None:
    async with broker.carewatch() as carewatch, broker.a() as a:
        await carewatch.subscribe("$share/ingest/watch/+/sos", qos=1)
        await a.publish("watch/A/sos", b"{}", qos=1)
        assert await heard(carewatch, 1) == ["watch/A/sos"]


async def test_a_watch_cannot_speak_as_another(broker: Broker) -> None:
    async with broker.carewatch() as carewatch, broker.a() as a:
        await carewatch.subscribe("watch/+/sos", qos=1)
        await a.publish("watch/B/sos", b"{}", qos=1)
        await a.publish("watch/A/sos", b"{}", qos=1)  # comes after; if the first got through it would be first
        assert await heard(carewatch, 1) == ["watch/A/sos"]


async def test_a_watch_cannot_forge_a_receipt(broker: Broker) -> None:
    async with broker.b() as b, broker.a() as a, broker.carewatch() as carewatch:
        await b.subscribe("watch/B/receipt")
        await a.publish("watch/B/receipt", b"forged", qos=1)
        await b.publish("watch/B/receipt", b"forged", qos=1)
        await carewatch.publish("watch/B/receipt", b"true")
        async with asyncio.timeout(10):
            assert (await anext(b.messages)).payload == b"true"


async def test_a_watch_reads_its_own_receipts_and_no_others(broker: Broker) -> None:
    async with broker.b() as b, broker.carewatch() as carewatch:
        await b.subscribe("#")
        await b.subscribe("watch/B/receipt")
        await carewatch.publish("watch/A/receipt", b"{}")
        await carewatch.publish("watch/B/receipt", b"{}")
        assert await heard(b, 1) == ["watch/B/receipt"]


async def test_a_watch_does_not_hear_what_others_publish(broker: Broker) -> None:
    async with broker.b() as b, broker.a() as a, broker.carewatch() as carewatch:
        await b.subscribe("watch/+/location")
        await b.subscribe("watch/B/receipt")
        await a.publish("watch/A/location", b"{}", qos=1)
        await carewatch.publish("watch/B/receipt", b"{}")
        assert await heard(b, 1) == ["watch/B/receipt"]


async def test_a_watch_cannot_throw_carewatch_off_the_broker_by_its_client_id(broker: Broker) -> None:
    async with broker.carewatch(identifier="carewatch", clean_session=False) as carewatch:
        await carewatch.subscribe("watch/+/sos", qos=1)
        async with broker.watch("A", "pass-of-a", identifier="carewatch") as a:
            await a.publish("watch/A/sos", b"{}", qos=1)
            assert await heard(carewatch, 1) == ["watch/A/sos"]


async def test_what_comes_while_carewatch_is_away_waits_for_it(broker: Broker) -> None:
    """More than Mosquitto's own limit of 1,000, over a restart of the broker too."""
    async with broker.carewatch(identifier="carewatch", clean_session=False) as carewatch:
        await carewatch.subscribe("watch/+/heart_rate", qos=1)
    async with broker.a() as a:
        for n in range(1_500):
            await a.publish("watch/A/heart_rate", str(n).encode(), qos=1)
    broker.process.stop()
    broker.process.start()
    async with broker.carewatch(identifier="carewatch", clean_session=False) as carewatch, asyncio.timeout(60):
        payloads = [int((await anext(carewatch.messages)).payload) for _ in range(1_500)]
    assert payloads == list(range(1_500))


async def test_the_health_check_may_read_the_uptime(broker: Broker) -> None:
    async with broker.carewatch() as carewatch:
        await carewatch.subscribe("$SYS/broker/uptime")
        assert await heard(carewatch, 1) == ["$SYS/broker/uptime"]


async def test_a_new_watch_signs_in_after_a_reload(broker: Broker, secrets: Path) -> None:
    with (secrets / "watch_passwords").open("a") as file:
        file.write("C:new\n")
    make_passwords(secrets, broker.folder / "auth")
    assert broker.process.running is not None
    broker.process.running.send_signal(1)

    async def signs_in() -> bool:
        try:
            async with broker.watch("C", "new"):
                return True
        except aiomqtt.MqttError:
            return False

    assert await eventually(signs_in, why="watch C to be let in")


def test_no_password_stands_plain_in_the_broker_s_file(secrets: Path, tmp_path: Path) -> None:
    assert make_passwords(secrets, tmp_path / "auth").stdout == "make-passwords: carewatch and 2 watches can sign in\n"
    file = tmp_path / "auth" / "passwords"
    names = [line.split(":$7$")[0] for line in file.read_text().splitlines()]
    assert names == ["carewatch", "A", "B"]
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("A b:x", "not watch_id:password"),
        ("+:x", "not watch_id:password"),
        ("A/../B:x", "not watch_id:password"),
        ("C:x:y", "not watch_id:password"),
        ("C:", "not watch_id:password"),
        ("Carewatch-2:x", "begin with carewatch"),
        ("A:again", "more than once: A"),
    ],
)
def test_a_wrong_line_of_passwords_is_refused_whole(secrets: Path, tmp_path: Path, line: str, words: str) -> None:
    before = make_passwords(secrets, tmp_path / "auth") and (tmp_path / "auth" / "passwords").read_text()
    with (secrets / "watch_passwords").open("a") as file:
        file.write(f"{line}\n")
    refused = make_passwords(secrets, tmp_path / "auth")
    assert refused.returncode == 1
    assert words in refused.stderr
    assert (tmp_path / "auth" / "passwords").read_text() == before


def test_a_secret_that_is_missing_is_named(secrets: Path, tmp_path: Path) -> None:
    (secrets / "mqtt_password").write_text("")
    assert "mqtt_password is missing or empty" in make_passwords(secrets, tmp_path / "auth").stderr


def test_a_password_with_a_colon_is_refused_since_the_broker_would_cut_it(secrets: Path, tmp_path: Path) -> None:
    (secrets / "mqtt_password").write_text("a:b")
    assert "mqtt_password holds a colon" in make_passwords(secrets, tmp_path / "auth").stderr


def test_without_watches_carewatch_alone_can_sign_in(secrets: Path, tmp_path: Path) -> None:
    (secrets / "watch_passwords").write_text("")
    assert make_passwords(secrets, tmp_path / "auth").stdout == "make-passwords: carewatch and 0 watches can sign in\n"
