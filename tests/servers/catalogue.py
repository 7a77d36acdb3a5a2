"""The real servers that tests use: where each is found, and what brings it. Standard library only."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

BIN = Path(__file__).resolve().parents[2] / ".cache" / "servers" / "bin"

# Debian keeps daemons in /usr/sbin, which is not on every user's PATH.
_FOLDERS = (str(BIN), *os.get_exec_path(), "/usr/sbin")


def find(program: str) -> Path | None:
    """The path of `program` in our own folder, on PATH, or where Debian puts it."""
    found = shutil.which(program, path=os.pathsep.join(_FOLDERS))
    return Path(found) if found else None


@dataclass(frozen=True)
class Server:
    """One server: the programs that show that it is here, and where it comes from."""

    name: str
    programs: tuple[str, ...]
    debian: tuple[str, ...] = ()
    go: str = ""
    deb: tuple[str, str] = ("", "")  # a Debian package that is unpacked, not installed, and its one program
    go_name: str = ""  # what Go calls the program, when that is not its name here
    tests: str = ""
    files: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """The programs and files that are not on this machine."""
        return [p for p in self.programs if find(p) is None] + [f for f in self.files if not Path(f).exists()]


SERVERS = (
    Server("Mosquitto", ("mosquitto", "mosquitto_passwd"), debian=("mosquitto",), tests="MQTT tests"),
    Server("InfluxDB", ("influxd",), go="github.com/influxdata/influxdb/cmd/influxd@v1.8.10", tests="InfluxDB tests"),
    Server(
        "InfluxDB 1.6",
        ("influxd-1.6",),
        deb=("influxdb", "usr/bin/influxd"),  # installed it would start a server of its own
        tests="tests of InfluxDB without the API of 2.x",
    ),
    Server(
        "Compose checker",
        ("compose-spec",),
        # The newest that Go 1.21 builds.
        go="github.com/compose-spec/compose-go/v2/cmd@v2.1.6",
        go_name="cmd",
        tests="the check of docker-compose.yml",
    ),
    Server("Kannel", ("bearerbox", "smsbox"), debian=("kannel",), tests="SMS tests"),
    Server(
        "Chromium",
        ("chromium", "chromedriver"),
        debian=("chromium", "chromium-driver", "fonts-noto-cjk"),
        # Without a Chinese font the board's screenshots would show boxes.
        files=("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",),
        tests="board tests",
    ),
)
