"""Mosquitto on a port and a folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.process import Process, accepts, free_port, program

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# What production sets too (config/mosquitto/mosquitto.conf): a subscriber that acknowledges only after its
# commit needs a wide window, and nothing may be dropped while it is away.
LIKE_PRODUCTION = (
    "max_inflight_messages 20000",
    "max_queued_messages 100000000",
    "set_tcp_nodelay true",
    "persistence true",
)


class Mosquitto:
    """A broker. `.host .port .url`; `.stop()` and `.start()` keep port and persistence; `.kill()` is kill -9."""

    def __init__(self, folder: Path, conf_lines: Iterable[str] = ()) -> None:
        self.host, self.port = "127.0.0.1", free_port()
        self.url = f"mqtt://{self.host}:{self.port}"
        self.folder = folder
        conf = folder / "mosquitto.conf"
        conf.write_text(
            "\n".join(
                (
                    f"listener {self.port} {self.host}",
                    f"persistence_location {folder}/",
                    "user root",  # else a broker started by root becomes `mosquitto`, who may not write here
                    "log_dest stderr",
                    *LIKE_PRODUCTION,
                    *_with_access(conf_lines),
                    "",
                )
            )
        )
        command = [program("mosquitto"), "-c", str(conf)]
        self.process = Process(command, folder / "mosquitto.log", lambda: accepts(self.port))

    def start(self) -> None:
        """Return when it accepts connections."""
        self.process.start()

    def stop(self) -> None:
        """Ordered shutdown: what is queued for sessions is saved."""
        self.process.stop()

    def kill(self) -> None:
        """kill -9: what was not saved by autosave is lost, as on a power cut."""
        self.process.kill()


def _with_access(conf_lines: Iterable[str]) -> list[str]:
    lines = list(conf_lines)
    said = any(line.startswith(("allow_anonymous", "password_file")) for line in lines)
    return lines if said else ["allow_anonymous true", *lines]
