"""A whole installation in a folder of its own: ports, settings by environment, people, and the roles."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carewatch.settings_sources import DEFAULT_FILE, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from carewatch.clock import ScaledClock
    from carewatch.demo.options import DemoOptions
    from carewatch.settings import Settings

ACCOUNT = "carewatch"
SENDER = "10690000"


@dataclass(frozen=True, slots=True)
class Ports:
    """Of this machine, free when they were chosen."""

    broker: int
    sms: int
    mail: int
    board: int
    influx: int
    influx_rpc: int


@dataclass(frozen=True, slots=True)
class Installation:
    """`environment`: what makes the roles run here. `settings`: the same, as the roles read it."""

    folder: Path
    ports: Ports
    environment: Mapping[str, str]
    settings: Settings

    @property
    def board_url(self) -> str:
        """Where the board is."""
        return f"http://127.0.0.1:{self.ports.board}"

    @property
    def reply_url(self) -> str:
        """Where the phones' gateway reports replies."""
        secret = self.settings.sms.callback_secret.get_secret_value()
        return f"{self.board_url}/gateways/kannel/reply?secret={secret}"


def install(
    options: DemoOptions, folder: Path, ports: Ports, clock: ScaledClock, influx_url: str, language: str
) -> Installation:
    """Settings for the roles. Nothing of the user's own settings or environment is touched."""
    board_url = f"http://127.0.0.1:{ports.board}"
    chosen = {
        "SITE__LANGUAGE": language,
        "MQTT__URL": f"mqtt://127.0.0.1:{ports.broker}",
        "LOG__PATH": folder / "readings.sqlite",
        "STORE__URL": f"sqlite:///{folder / 'store.sqlite'}",
        "INFLUX__URL": influx_url,
        "EMAIL__HOST": "127.0.0.1",
        "EMAIL__PORT": ports.mail,
        "EMAIL__SECURITY": "none",
        "EMAIL__SENDER": "carewatch@example.org",
        "SMS__GATEWAY": "kannel",
        "SMS__URL": f"http://127.0.0.1:{ports.sms}/cgi-bin/sendsms",
        "SMS__USERNAME": ACCOUNT,
        "SMS__PASSWORD": secrets.token_urlsafe(12),
        "SMS__SENDER": SENDER,
        "SMS__CALLBACK_URL": board_url,
        "SMS__CALLBACK_SECRET": secrets.token_urlsafe(16),
        "BOARD__PORT": ports.board,
        "BOARD__PUBLIC_URL": board_url,
        "CLOCK__SPEED": options.speed,
        "CLOCK__ORIGIN_NS": clock.origin_ns,
        "CLOCK__ORIGIN_BOOT_NS": clock.origin_boot_ns,
    }
    environment = {f"CAREWATCH_{name}": str(value) for name, value in chosen.items()}
    return Installation(folder, ports, environment, load_settings(DEFAULT_FILE, environment))


def choose_ports(board: int) -> Ports:
    """The board's as wished if it is free, else any; all others free ones."""
    wished = board if board and _is_free(board) else 0
    sockets = [socket.create_server(("127.0.0.1", port)) for port in (0, 0, 0, wished, 0, 0)]
    try:
        return Ports(*(one.getsockname()[1] for one in sockets))
    finally:
        for one in sockets:
            one.close()


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
