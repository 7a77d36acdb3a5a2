"""The broker of config/mosquitto, run by the real Mosquitto: only paths and ports are moved."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import aiomqtt

from tests.servers.process import Process, accepts, free_port, program

FILES = Path(__file__).resolve().parents[2] / "config" / "mosquitto"


def make_passwords(secrets: Path, auth: Path) -> subprocess.CompletedProcess[str]:
    tool = Path(program("mosquitto_passwd"))
    environment = {
        "PATH": f"{tool.parent}:{os.environ['PATH']}", "SECRETS_DIR": str(secrets), "AUTH_DIR": str(auth),
        "BROKER_USER": f"{os.getuid()}:{os.getgid()}",
    }  # fmt: skip
    return subprocess.run(
        ["sh", str(FILES / "make-passwords.sh")], env=environment, capture_output=True, text=True, check=False
    )


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
