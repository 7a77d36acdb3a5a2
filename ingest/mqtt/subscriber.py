"""The subscriber: connected whenever that can be, delivering in batches, acknowledging only when told to."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING

import structlog

from ingest.mqtt.connection import Connection
from ingest.mqtt.inbox import Inbox
from ingest.mqtt.link import Link, LinkState
from ingest.mqtt.outcomes import Trouble, of_connect_error
from ingest.mqtt.packets import encode_publishes
from ingest.mqtt.session import Ending, Phase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
    from random import Random

    from ingest.mqtt.delivered import Delivered
    from ingest.mqtt.options import MqttOptions
    from ingest.seams import Clock

log = structlog.get_logger(__name__)

NS_PER_S = 1_000_000_000
MAX_TOPIC_BYTES = 0xFFFF


class Published(Enum):
    """What became of a message handed to `publish`. Only `SENT` left us; nothing is kept for later."""

    SENT = "sent"
    NOT_CONNECTED = "not connected"
    CONGESTED = "the broker does not read"
    TOO_LARGE = "larger than the broker takes"
    BAD_TOPIC = "no topic one can publish to"


class Subscriber:
    """One session at one broker.

    `clock` times the reconnects, `rng` spreads them; `on_change` is told every change of the link, from within the
    event loop, and must not block. Run `run()` in a task; take batches in another; acknowledge each batch once, in the
    order taken, after it is durable.
    """

    def __init__(
        self,
        options: MqttOptions,
        filters: Sequence[str],
        *,
        clock: Clock,
        rng: Random,
        on_change: Callable[[LinkState], None],
    ) -> None:
        for one in filters or [""]:
            _check_filter(one)
        self._options = options
        self._filters = tuple(filters)
        self._clock = clock
        self._rng = rng
        self._on_change = on_change
        self._inbox = Inbox(options)
        self._connection: Connection | None = None
        self._connections = 0
        self._closing = asyncio.Event()
        self._state = LinkState(Link.CONNECTING, clock.now_ns())

    @property
    def state(self) -> LinkState:
        """The link as it is now."""
        return self._state

    async def run(self) -> None:
        """Connect, and connect again, for ever: until cancelled or `close()`. Broker faults end up in the state."""
        self._on_change(self._state)
        failures = 0
        try:
            while not self._closing.is_set():
                started_s = asyncio.get_running_loop().time()
                ending = await self._connect_once()
                if self._closing.is_set():
                    break
                self._become(Link.DOWN, ending)
                lasted_s = asyncio.get_running_loop().time() - started_s
                # One that breaks at once is no success: two clients with one id would take turns at full speed.
                failures = (
                    0 if lasted_s >= self._options.reconnect_max_s + self._options.connect_timeout_s else failures
                )
                await self._pause(failures)
                failures += 1
        finally:
            self._inbox.close()
            self._become(Link.CLOSED)

    async def next_batch(self) -> Delivered | None:
        """What has come since the last batch, as soon as there is something; None once closed."""
        was_full = self._inbox.full
        batch = await self._inbox.take()
        if was_full and self._connection is not None and not self._inbox.full:
            self._connection.room()
        return batch

    async def batches(self) -> AsyncIterator[Delivered]:
        """Every batch until closed. What nobody took by then was not acknowledged: the broker delivers it again."""
        while (batch := await self.next_batch()) is not None:
            yield batch

    def acknowledge(self, *batches: Delivered) -> None:
        """Tell the broker, in one write, that these are ours now. What a connection now gone brought comes again."""
        connection = self._connection
        if connection is None:
            return
        ours = [batch.packet_ids for batch in batches if batch.connection == connection.number]
        if ours:
            connection.acknowledge(ours[0] if len(ours) == 1 else [one for ids in ours for one in ids])

    def publish(self, topic: str, payload: bytes) -> Published:
        """Send one message at QoS 0."""
        return self.publish_all([(topic, payload)])[0]

    def publish_all(self, messages: Iterable[tuple[str, bytes]]) -> list[Published]:
        """Send messages at QoS 0 in one write; an answer each."""
        messages = list(messages)
        connection = self._connection
        if connection is None or not connection.accepted:
            return [Published.NOT_CONNECTED] * len(messages)
        if connection.congested:
            return [Published.CONGESTED] * len(messages)
        sound = messages
        if not _are_topics([topic for topic, _ in messages]):
            sound = [message for message in messages if _are_topics([message[0]])]
        packets = encode_publishes(self._options.version, sound)
        most = connection.session.max_publish_bytes
        if len(sound) == len(messages) and max(map(len, packets), default=0) <= most:
            if packets:
                connection.send(b"".join(packets))
            return [Published.SENT] * len(messages)
        connection.send(b"".join(packet for packet in packets if len(packet) <= most))
        sizes = iter(packets)
        return [
            (Published.SENT if len(next(sizes)) <= most else Published.TOO_LARGE)
            if _are_topics([topic])
            else Published.BAD_TOPIC
            for topic, _ in messages
        ]

    async def close(self) -> None:
        """Leave in order: PUBACKs read by the broker, DISCONNECT, `run()` returns. Bounded by 2 x close_timeout_s."""
        self._closing.set()
        self._inbox.close()
        if self._connection is not None:
            await self._connection.leave()

    async def _connect_once(self) -> Ending:
        """One connection from its first byte to its end."""
        await self._inbox.room()
        self._connections += 1
        connection = Connection(self._connections, self._options, self._filters, self._inbox, self._progress)
        # Known before it opens: messages may come, and want their PUBACK, before this task runs again.
        self._connection = connection
        try:
            async with asyncio.timeout(self._options.connect_timeout_s):
                await self._unless_closing(self._open(connection))
            if self._closing.is_set():
                return Ending(Trouble.DISCONNECTED)
            return await connection.ended
        except OSError as error:
            return Ending(of_connect_error(error), str(error) or type(error).__name__)
        finally:
            self._connection = None
            connection.end(Ending(Trouble.DISCONNECTED))

    async def _open(self, connection: Connection) -> None:
        options, loop = self._options, asyncio.get_running_loop()
        if options.unix_path:
            name = options.host if options.tls else None
            await loop.create_unix_connection(
                lambda: connection, options.unix_path, ssl=options.tls, server_hostname=name
            )
        else:
            await loop.create_connection(lambda: connection, options.host, options.port, ssl=options.tls)

    async def _pause(self, failures: int) -> None:
        """Exponential, half of it by chance, ended early by `close()`."""
        ceiling_s = min(self._options.reconnect_max_s, self._options.reconnect_min_s * 2 ** min(failures, 30))
        delay_ns = int(self._rng.uniform(0.5, 1.0) * ceiling_s * NS_PER_S)
        await self._unless_closing(self._clock.sleep_until(self._clock.now_ns() + delay_ns))

    async def _unless_closing(self, work: Coroutine[None, None, None]) -> None:
        """Do the work, or break it off when `close()` is called. Its errors are raised."""
        waits = {asyncio.create_task(work), asyncio.create_task(self._wait_for_closing())}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in waits:
                one.cancel()

    async def _wait_for_closing(self) -> None:
        await self._closing.wait()

    def _progress(self, connection: Connection) -> None:
        session = connection.session
        if session.phase is not Phase.OPEN:
            return
        if session.unacknowledged:
            log.warning(
                "subscription_without_acknowledgement",
                filters=session.unacknowledged,
                remedy="let the broker grant QoS 1: what it sends while carewatch is down is lost",
            )
        self._mind_expiry(session.kept_s)
        if session.trouble is None:
            self._become(Link.UP)
        else:
            self._become(Link.PARTIAL, Ending(session.trouble, ", ".join(session.refused)))

    def _mind_expiry(self, kept_s: int | None) -> None:
        if kept_s is not None and kept_s < self._options.session_expiry_s:
            remedy = "raise the broker's limit: after a longer absence what came meanwhile waits in the watches only"
            log.warning("session_kept_shorter", kept_s=kept_s, asked_s=self._options.session_expiry_s, remedy=remedy)

    def _become(self, link: Link, ending: Ending | None = None) -> None:
        """Tell a change once: the same trouble again is no news."""
        trouble = ending.trouble if ending is not None else None
        detail = ending.detail if ending is not None else ""
        fewer = link is Link.PARTIAL and detail != self._state.detail
        if (link, trouble) == (self._state.link, self._state.trouble) and not fewer:
            return
        present = self._connection is not None and self._connection.session.session_present
        self._state = LinkState(link, self._clock.now_ns(), trouble, detail, self._connections, present)
        if trouble is None:
            log.info("broker_link", link=link.value, broker=self._options.broker, session_present=present)
        else:
            log.warning(
                "broker_link",
                link=link.value,
                broker=self._options.broker,
                reason=trouble.text,
                detail=detail,
                remedy=trouble.remedy,
            )
        self._on_change(self._state)


def _are_topics(topics: Sequence[str]) -> bool:
    """Whether one can publish to every one of them (OASIS MQTT 5.0, section 4.7)."""
    text = "".join(topics)
    if "+" in text or "#" in text or "\0" in text or "" in topics:
        return False
    longest = max(map(len, topics), default=0)
    return 4 * longest <= MAX_TOPIC_BYTES or max(len(topic.encode()) for topic in topics) <= MAX_TOPIC_BYTES


def _check_filter(topic_filter: str) -> None:
    """Raise `ValueError` naming the filter and what is wrong with it (OASIS MQTT 5.0, section 4.7)."""
    levels = topic_filter.split("/")
    if topic_filter.startswith("$share/") and (len(levels) < 3 or not levels[1] or not levels[2]):
        raise ValueError(f"topic filter {topic_filter!r}: write $share/group/filter, such as $share/edge/watch/#")
    if not topic_filter or "\0" in topic_filter or len(topic_filter.encode()) > MAX_TOPIC_BYTES:
        raise ValueError(f"topic filter {topic_filter!r}: give 1 to 65535 bytes without NUL, such as watch/+/+")
    if "#" in "".join(levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        raise ValueError(f"topic filter {topic_filter!r}: # stands alone and last, such as watch/#")
    if any("+" in level and level != "+" for level in levels):
        raise ValueError(f"topic filter {topic_filter!r}: + stands for a whole level, such as watch/+/sos")
