"""`make servers` on machines of every kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import get
from tests.servers.catalogue import SERVERS, Server

ROOT = Path(__file__).resolve().parents[2]
HERE = Server("Shell", ("sh",), debian=("dash",), tests="shell tests")
BY_APT = Server("Ghost", ("no-such-program",), debian=("ghost",), tests="ghost tests")
BY_DEB = Server("Shade", ("no-such-program",), deb=("shade", "usr/bin/shade"), tests="shade tests")
BY_GO = Server("Spook", ("no-such-program",), go="example.org/spook@v1", tests="spook tests")


def test_what_is_here_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert get.main([HERE], {"PATH": "", "CI": "true"}) == 0
    assert capsys.readouterr().out == "Shell: here\n"


@pytest.mark.parametrize(
    ("server", "line"),
    [
        (BY_APT, "Ghost: not here and apt-get is missing; ghost tests will be skipped (in CI: fail)\n"),
        (BY_DEB, "Shade: not here and apt-get or dpkg-deb is missing; shade tests will be skipped (in CI: fail)\n"),
        (
            BY_GO,
            "Spook: not here and Go is missing, and apt-get is missing; spook tests will be skipped (in CI: fail)\n",
        ),
    ],
)
def test_a_machine_without_apt_and_go_skips_in_one_line(
    server: Server, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert get.main([server], {"PATH": ""}) == 0
    assert capsys.readouterr().out.endswith(line)


def test_in_ci_a_missing_server_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert get.main([HERE, BY_APT], {"PATH": "", "CI": "true"}) == 1
    assert "apt-get is missing; this fails CI" in capsys.readouterr().out


def test_who_is_not_root_is_told_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path / "apt-get", "exit 0")
    monkeypatch.setattr(get.os, "geteuid", lambda: 1000)
    get.main([BY_APT], {"PATH": str(tmp_path)})
    assert "sudo apt-get install ghost" in capsys.readouterr().out


def test_old_package_lists_are_brought_up_to_date_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    program(tmp_path / "apt-get", f'echo "$1 $DEBIAN_FRONTEND" >> {calls}; [ "$1" = update ]')
    monkeypatch.setattr(get.os, "geteuid", lambda: 0)
    get.main([BY_APT], {"PATH": str(tmp_path)})
    assert calls.read_text().split("\n") == [
        "install noninteractive", "update noninteractive", "install noninteractive", "",
    ]  # fmt: skip
    assert "`apt-get install ghost` failed" in capsys.readouterr().out


def test_a_package_may_be_unpacked_without_being_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path / "apt-get", "touch shade_1_amd64.deb")
    program(tmp_path / "dpkg-deb", "mkdir -p $3/usr/bin; echo shade > $3/usr/bin/shade")
    monkeypatch.setattr(get, "BIN", tmp_path / "bin")
    get.main([BY_DEB], {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (tmp_path / "bin" / "no-such-program").read_text() == "shade\n"


def test_a_package_that_cannot_be_had_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    program(tmp_path / "apt-get", "exit 100")
    program(tmp_path / "dpkg-deb", "exit 0")
    get.main([BY_DEB], {"PATH": str(tmp_path)})
    assert "`apt-get download shade` failed" in capsys.readouterr().out


def test_a_program_that_is_still_not_found_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path / "apt-get", "exit 0")
    monkeypatch.setattr(get.os, "geteuid", lambda: 0)
    assert get.main([BY_APT], {"PATH": str(tmp_path), "CI": "true"}) == 1
    assert "no-such-program is still not found" in capsys.readouterr().out


def test_it_runs_without_what_the_tests_need() -> None:
    """`make servers` has only the run requirements: nothing outside the standard library may be imported."""
    code = (
        "import sys; import tests.servers.get;"
        "print(sorted({m.split('.')[0] for m in sys.modules} - sys.stdlib_module_names - {'tests', '__main__'}))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_server_says_which_tests_need_it_and_where_it_comes_from() -> None:
    assert all(server.tests and (server.debian or server.go or server.deb[0]) for server in SERVERS)


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
