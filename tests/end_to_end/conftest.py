"""A duty office with everything around it: the real servers, the program set up to use them, and its commands."""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace

import pytest

from carewatch.cli import main
from tests.end_to_end.installed import ROOT, Around, Installed, board_port, reply_url
from tests.servers.kannel import Kannel

ANSWERING = "max-messages = 1\naccept-x-kannel-headers = true"


class AnsweringKannel(Kannel):
    """Sends the answer to a reply back to the phone (docs/operations.md, sms)."""

    def _conf(self, folder, reply_url):
        return super()._conf(folder, reply_url).replace("max-messages = 0", ANSWERING)


@pytest.fixture
def free_board_port():
    return board_port()


@pytest.fixture
def answering_kannel(tmp_path_factory, free_board_port):
    gateway = AnsweringKannel(tmp_path_factory.mktemp("kannel"), reply_url(free_board_port))
    gateway.start()
    yield gateway
    gateway.stop()
    gateway.show_log()


@pytest.fixture
def install(tmp_path_factory, free_board_port):
    """`install(mosquitto, sms_url, smtp_server, influxdb, CLOCK__SPEED=60)`: set up, not started."""
    made = []

    def set_up(*servers, **more):
        installed = Installed(tmp_path_factory.mktemp("carewatch"), Around(*servers), free_board_port, **more)
        made.append(installed)
        return installed

    yield set_up
    for installed in made:
        installed.process.stop()
        installed.process.show_log()


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """An installation of its own, with nothing in it yet."""
    for name in list(os.environ):
        if name.startswith("CAREWATCH_"):
            monkeypatch.delenv(name)
    (tmp_path / "carewatch.toml").write_text("", encoding="utf-8")
    for name, value in {
        "CONFIG": tmp_path / "carewatch.toml",
        "LOG__PATH": tmp_path / "readings.sqlite",
        "STORE__URL": f"sqlite:///{tmp_path / 'store.sqlite'}",
    }.items():
        monkeypatch.setenv(f"CAREWATCH_{name}", str(value))
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture
def carewatch(environment, monkeypatch, capsys):
    """`carewatch("rules", "check")`: `.code`, `.out`, `.err`, `.lines` (JSON lines of `.out`)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["carewatch", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return SimpleNamespace(
            code=ended.value.code or 0,
            out=said.out,
            err=said.err,
            lines=[json.loads(line) for line in said.out.splitlines() if line.startswith('{"')],
        )

    return call


@pytest.fixture
def write(environment):
    """`write("name", text)`: a file of the operator's."""

    def put(name, text):
        (environment / name).write_text(text, encoding="utf-8")
        return environment / name

    return put
