"""`make servers`: get the real servers that tests use. What is here already is left alone.

Mosquitto, Kannel, Chromium and an InfluxDB 1.6 come from Debian by apt, InfluxDB 1.8.10 is built by Go. A server that
cannot be had costs one line and the tests that need it are skipped; with `CI=true` it is an error (exit code 1).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.catalogue import BIN, SERVERS, Server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_GO = "/usr/bin/go"  # where Debian's golang-go puts it


class UnavailableError(Exception):
    """Why a server cannot be had on this machine."""


def main(servers: Sequence[Server] = SERVERS, environ: Mapping[str, str] = os.environ) -> int:
    """Get what is missing; 0 when all is here or this is not CI."""
    missing = [server for server in servers if server.missing()]
    lost = [server for server in missing if not _get(server, environ)]
    for server in servers:
        if server not in missing:
            _say(f"{server.name}: here")
    return 1 if lost and environ.get("CI") == "true" else 0


def _get(server: Server, environ: Mapping[str, str]) -> bool:
    try:
        _say(f"{server.name}: getting it ...")
        if server.debian:
            _apt_install(server.debian, environ)
        if server.deb[0]:
            _apt_unpack(*server.deb, BIN / server.programs[0], environ)
        if server.go:
            _go_install(server.go, BIN, environ)
        if server.go_name:
            (BIN / server.go_name).rename(BIN / server.programs[0])
    except UnavailableError as why:
        outcome = "this fails CI" if environ.get("CI") == "true" else f"{server.tests} will be skipped (in CI: fail)"
        _say(f"{server.name}: not here and {why}; {outcome}")
        return False
    if still := server.missing():
        _say(f"{server.name}: installed, but {', '.join(still)} is still not found")
        return False
    _say(f"{server.name}: installed")
    return True


def _apt_install(packages: Sequence[str], environ: Mapping[str, str]) -> None:
    apt = shutil.which("apt-get", path=environ.get("PATH"))
    if apt is None:
        raise UnavailableError("apt-get is missing")
    if os.geteuid() != 0:
        raise UnavailableError(f"only root may install it: sudo apt-get install {' '.join(packages)}")
    install = [apt, "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    quietly = {**environ, "DEBIAN_FRONTEND": "noninteractive"}
    if _run(install, quietly):
        return
    # The lists may be absent or name versions that are gone: bring them up to date and try once more.
    if not _run([apt, "update", "--quiet"], quietly) or not _run(install, quietly):
        raise UnavailableError(f"`apt-get install {' '.join(packages)}` failed (its words stand above)")


def _apt_unpack(package: str, member: str, program: Path, environ: Mapping[str, str]) -> None:
    """One program out of a package: no root needed, and no service is started."""
    tools = [shutil.which(tool, path=environ.get("PATH")) for tool in ("apt-get", "dpkg-deb")]
    if None in tools:
        raise UnavailableError("apt-get or dpkg-deb is missing")
    with tempfile.TemporaryDirectory() as folder:
        if not _run(["apt-get", "download", "--quiet", package], environ, folder):
            raise UnavailableError(f"`apt-get download {package}` failed (its words stand above)")
        for found in Path(folder).glob("*.deb"):
            _run(["dpkg-deb", "-x", str(found), folder], environ)
        program.parent.mkdir(parents=True, exist_ok=True)
        if (unpacked := Path(folder) / member).exists():
            shutil.copy2(unpacked, program)


def _go_install(module: str, bin_folder: Path, environ: Mapping[str, str]) -> None:
    go = shutil.which("go", path=environ.get("PATH"))
    if go is None:
        try:
            _apt_install(["golang-go"], environ)
        except UnavailableError as why:
            raise UnavailableError(f"Go is missing, and {why}") from None
        go = _GO
    bin_folder.mkdir(parents=True, exist_ok=True)
    if not _run([go, "install", module], {**environ, "GOBIN": str(bin_folder)}):
        raise UnavailableError(f"`go install {module}` failed (its words stand above)")


def _run(command: Sequence[str], environ: Mapping[str, str], folder: str | None = None) -> bool:
    """Run quietly; the output is shown when it fails."""
    done = subprocess.run(
        command, check=False, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=folder
    )
    if done.returncode:
        _say(f"$ {' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
