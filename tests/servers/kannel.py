"""Kannel: bearerbox and smsbox, with `Phones` as the network behind them."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from tests.servers.phones import Phones
from tests.servers.process import Process, accepts, free_port, program
from tests.servers.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.phones import Sms

# https://www.kannel.org/download/1.4.5/userguide-1.4.5/userguide.html
CONF = """\
group = core
admin-port = {admin}
admin-password = admin
admin-interface = 127.0.0.1
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
store-type = file
store-location = {folder}/store

group = smsc
smsc = fake
smsc-id = fake
host = 127.0.0.1
port = {network}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = {user}
password = {password}
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
{answer}
"""

REPLY_QUERY = "from=%p&to=%P&text=%b&charset=%C&coding=%c&id=%I"


class Kannel:
    """`.sendsms_url .user .password`; `.sent()`, `.wait_for(n)`, `.reply(sender, receiver, text)`.

    `reply_url` is called (GET) for each message that a phone sends; without a `?` of its own it gets
    `REPLY_QUERY`, in which Kannel puts the sender, the receiver, the text and its charset.
    """

    def __init__(self, folder: Path, reply_url: str = "") -> None:
        self.user, self.password = "carewatch", "of-this-test-only"
        self.admin_port, self.sendsms_port, self.network_port = free_port(), free_port(), free_port()
        self.sendsms_url = f"http://127.0.0.1:{self.sendsms_port}/cgi-bin/sendsms"
        self.phones: Phones | None = None
        conf = folder / "kannel.conf"
        conf.write_text(self._conf(folder, reply_url))
        self.bearerbox = Process([program("bearerbox"), str(conf)], folder / "bearerbox.log", self._runs)
        self.smsbox = Process([program("smsbox"), str(conf)], folder / "smsbox.log", self._takes_messages)

    def _conf(self, folder: Path, reply_url: str) -> str:
        get_url = reply_url if "?" in reply_url else f"{reply_url}?{REPLY_QUERY}"
        return CONF.format(
            admin=self.admin_port,
            boxes=free_port(),
            network=self.network_port,
            sendsms=self.sendsms_port,
            folder=folder,
            user=self.user,
            password=self.password,
            answer=f'get-url = "{get_url}"' if reply_url else 'text = "nobody reads this"',
        )

    def start(self) -> None:
        """Return when it takes messages and the network is there."""
        self.bearerbox.start()
        self.connect_network()
        self.smsbox.start()

    def connect_network(self) -> None:
        """The network is there (again): Kannel sends it what it owes."""
        self.phones = wait_until(self._phones, why="Kannel's port for the network")
        wait_until(lambda: "(online" in self._status(), why="Kannel to see its network")

    def lose_network(self) -> None:
        """No phone can be reached; Kannel takes messages and keeps them."""
        if self.phones is not None:
            self.phones.close()
            wait_until(lambda: "(online" not in self._status(), why="Kannel to miss its network")

    def stop(self) -> None:
        """Both boxes are gone; a message that Kannel has taken stays in its store for the next `start`."""
        self.smsbox.kill()  # asked to end, each takes two seconds for it
        self.bearerbox.kill()
        if self.phones is not None:
            self.phones.close()

    def show_log(self) -> None:
        """Write both logs' ends to standard output."""
        self.bearerbox.show_log()
        self.smsbox.show_log()

    def sent(self) -> list[Sms]:
        """What has reached the phones since the network was last connected."""
        return self._network().sent()

    def wait_for(self, count: int, within_s: float = 15.0) -> list[Sms]:
        """`sent()` once it holds `count` messages."""
        return self._network().wait_for(count, within_s)

    def reply(self, sender: str, receiver: str, text: str) -> None:
        """A person with the phone `sender` writes to the number `receiver`."""
        self._network().reply(sender, receiver, text)

    def _network(self) -> Phones:
        if self.phones is None:
            raise AssertionError("Kannel is not started")
        return self.phones

    def _phones(self) -> Phones | None:
        try:
            return Phones(self.network_port)
        except ConnectionRefusedError:
            return None

    def _runs(self) -> bool:
        return "Status: running" in self._status()

    def _takes_messages(self) -> bool:
        return accepts(self.sendsms_port) and "(on-line" in self._status()

    def _status(self) -> str:
        """Its status page, "" while it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=5)
        try:
            connection.request("GET", "/status.txt?password=admin")
            return connection.getresponse().read().decode()
        except OSError:
            return ""
        finally:
            connection.close()
