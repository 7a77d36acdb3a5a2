"""One MQTT connection, of one watch or (for load) of many."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import aiomqtt
import structlog

from simulator.seams import NS_PER_MS
from simulator.watch import last_will

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.seams import Clock
    from simulator.watch import Message

log = structlog.get_logger(__name__)

RETRY_MS = (1_000, 2_000, 4_000, 8_000, 15_000, 30_000)
KEEPALIVE_S = 60
PENDING_A_WATCH = 50
"""aiomqtt warns beyond. Every emergency that a watch kept goes out at once, and waits for no other's PUBACK."""
REMEDY = "start the broker, or correct its address, user name and password; watches hold their readings meanwhile"
LEAVE_S = 0.5
"""Real seconds that a session gets to leave before it is asked again."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is, and as whom to go there."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None


class Reach:
    """Whether the town reaches its broker: said once at the first connection that fails, and when one is up again."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._is_told = False

    def failed(self, error: Exception) -> None:
        """A connection did not come up."""
        if not self._is_told:
            self._is_told = True
            where = f"{self._broker.host}:{self._broker.port}"
            log.warning("broker_not_reached", broker=where, problem=str(error), remedy=REMEDY)

    def came_up(self) -> None:
        """One did."""
        if self._is_told:
            self._is_told = False
            log.info("broker_reached", broker=f"{self._broker.host}:{self._broker.port}")


class Subscriber(Protocol):
    """A watch, as its connection sees it."""

    @property
    def watch_id(self) -> str:
        """The id in its topics."""

    def on_connected(self) -> None:
        """Connected and subscribed to the receipts."""

    def on_disconnected(self) -> None:
        """The connection is gone."""

    def on_receipt(self, payload: bytes) -> None:
        """A receipt came."""


class Link:
    """Keeps one connection up while it is wanted. Loss of it is told to the watches and retried for ever."""

    def __init__(
        self, broker: Broker, reach: Reach, watches: Sequence[Subscriber], clock: Clock, *, with_will: bool
    ) -> None:
        self._broker = broker
        self._reach = reach
        self._watches = {watch.watch_id: watch for watch in watches}
        self._clock = clock
        self._will = aiomqtt.Will(*last_will(watches[0].watch_id), qos=1) if with_will else None
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._client: aiomqtt.Client | None = None
        self._session: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """Connected and subscribed."""
        return self._client is not None

    @property
    def is_shared(self) -> bool:
        """It serves more than one watch, so none of them may cut it."""
        return self._will is None

    async def run(self) -> None:
        """Connect, listen, and connect again, until cancelled; then disconnect in order, without a last will."""
        failures = 0
        while True:
            await self._wanted.wait()
            self._session = asyncio.create_task(self._listen())
            try:
                await asyncio.wait({self._session})
            except asyncio.CancelledError:
                await self._leave()
                raise
            was_up = self._end_of_session()
            failures = 0 if was_up else failures + 1
            if self._wanted.is_set():
                wait_ms = RETRY_MS[min(failures, len(RETRY_MS) - 1)]
                await self._clock.sleep_until(self._clock.now_ns() + wait_ms * NS_PER_MS)

    async def publish(self, message: Message) -> bool:
        """Hand a message to the broker (QoS 1); False if it is not known to have arrived: the watch holds it yet."""
        if self._client is None or self._session is None:
            return False
        sending = asyncio.create_task(self._client.publish(message.topic, message.payload, qos=1))
        try:
            # The end of the session ends the wait: a PUBACK can't come any more.
            await asyncio.wait({sending, self._session}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            finished = sending.done() or not sending.cancel()
        error = sending.exception() if finished else "the connection was lost"
        if error is not None and not isinstance(error, aiomqtt.MqttError | str):
            raise error
        if error is not None:
            log.debug("publish_failed", topic=message.topic, error=str(error))
        return error is None

    def cut(self) -> None:
        """The radio goes dead: no DISCONNECT, so the broker speaks the last will. Stays off until `allow`."""
        self._wanted.clear()
        if self._client is not None:
            sock = self._client._client.socket()  # noqa: SLF001 - aiomqtt has no way to die without a goodbye
            if isinstance(sock, socket.socket):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Switched off in order: DISCONNECT, no last will. Stays off until `allow`."""
        self._wanted.clear()
        if self._session is not None and self._client is not None:
            self._session.cancel()

    def allow(self) -> None:
        """The connection is wanted (again)."""
        self._wanted.set()

    async def _listen(self) -> None:
        client = aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.username,
            password=self._broker.password,
            will=self._will,
            keepalive=KEEPALIVE_S,
        )
        client.pending_calls_threshold = PENDING_A_WATCH * len(self._watches)
        async with client:
            await client.subscribe([(f"watch/{watch_id}/receipt", 0) for watch_id in self._watches])
            if not self._wanted.is_set():
                return  # switched off while it was connecting
            self._client = client
            self._reach.came_up()
            for watch in self._watches.values():
                watch.on_connected()
            async for message in client.messages:
                payload = message.payload
                watch_id = message.topic.value.split("/")[1]
                self._watches[watch_id].on_receipt(payload if isinstance(payload, bytes) else b"")

    def _end_of_session(self) -> bool:
        """After a session: tell the watches, and why it ended; True if it had been up."""
        session, was_up = self._session, self._client is not None
        self._session = self._client = None
        for watch in self._watches.values() if was_up else ():
            watch.on_disconnected()
        if session is None or session.cancelled():
            return was_up
        error = session.exception()
        if error is not None and not isinstance(error, aiomqtt.MqttError):
            raise error
        if error is not None and not was_up and self._wanted.is_set():
            self._reach.failed(error)
        log.debug("link_lost", was_up=was_up, error=str(error))
        return was_up

    async def _leave(self) -> None:
        """A cancellation that meets a connection just coming up can be lost in asyncio.wait_for: asked again."""
        if self._session is None:
            return
        while not self._session.done():
            self._session.cancel()
            await asyncio.wait({self._session}, timeout=LEAVE_S)
        self._end_of_session()
