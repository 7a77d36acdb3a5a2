"""A duty office with everything around it: the real servers, and the program set up to use them."""

from __future__ import annotations

import pytest

from tests.end_to_end.installed import Around, Installed, board_port, reply_url
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
