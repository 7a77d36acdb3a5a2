"""One TCP, TLS or Unix-socket connection to the broker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from ingest.mqtt import packets
from ingest.mqtt.delivered import Delivered
from ingest.mqtt.fields import MqttProtocolError
from ingest.mqtt.outcomes import Trouble, of_lost
from ingest.mqtt.scanner import Scanner
from ingest.mqtt.session import Ending, Phase, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.mqtt.inbox import Inbox
    from ingest.mqtt.options import MqttOptions

log = structlog.get_logger(__name__)

COALESCE_S = 0.002
"""At a high rate, reading rests so long that the next read brings more: fewer wake-ups, larger batches."""
LARGE_READ_BYTES = 64 << 10
"""A read of this size needs no rest."""
WRITE_BUFFER_BYTES = 1 << 20
"""Beyond it the broker is not reading; receipts are refused, PUBACKs still go (65,535 of 4 bytes at most)."""


class Connection(asyncio.Protocol):
    """Feeds the inbox, answers the broker, keeps the link alive. `ended` tells why it is over.

    `on_progress` is called when the broker accepted us and after every SUBACK.
    """

    def __init__(
        self,
        number: int,
        options: MqttOptions,
        filters: Sequence[str],
        inbox: Inbox,
        on_progress: Callable[[Connection], None],
    ) -> None:
        self.number = number
        self.session = Session(options, filters)
        self.congested = False
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Ending] = self._loop.create_future()
        self._options = options
        self._inbox = inbox
        self._on_progress = on_progress
        self._scanner = Scanner(options.version, options.max_packet_bytes)
        self._transport: asyncio.Transport | None = None
        self._heard = False
        self._resting = False
        self._leaving = False
        self._settled = asyncio.Event()
        self._heard_at = self._said_at = self._asked_at = self._loop.time()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the broker."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"{transport!r} is no stream")
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._heard_at = self._loop.time()
        self._write(self.session.hello())
        self._tick()

    def data_received(self, data: bytes) -> None:
        """Cut, deliver, answer. A protocol error ends the connection; what came before it is delivered."""
        now = self._loop.time()
        lately, self._heard_at = now - self._heard_at < 2 * COALESCE_S, now
        # While leaving, nothing is taken any more: unacknowledged, it stays the broker's.
        batch = Delivered(self.number) if self._leaving else self._inbox.open(self.number)
        try:
            if not self._heard:
                self._heard = True
                self.session.check_first(data)
            self._answer(self._scanner.feed(data, batch), batch)
        except MqttProtocolError as error:
            self.end(Ending(Trouble.PROTOCOL, str(error)))
        if not self._leaving:
            self._inbox.added(len(data))
            self._rest(lately and bool(batch.topics) and len(data) < LARGE_READ_BYTES)

    def pause_writing(self) -> None:
        """The broker does not read."""
        self.congested = True

    def resume_writing(self) -> None:
        """It reads again."""
        self.congested = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell `ended`. What is no I/O error is our own mistake and goes up to whoever runs us."""
        for timer in self._timers.values():
            timer.cancel()
        self._settled.set()
        if self.ended.done():
            return
        if exc is not None and not isinstance(exc, OSError):
            self.ended.set_exception(exc)
            return
        trouble = of_lost(exc, greeting=self.session.phase is Phase.GREETING)
        self.ended.set_result(Ending(trouble, str(exc or "closed by the broker")))

    # the subscriber calls these

    @property
    def accepted(self) -> bool:
        """The broker accepted us and the connection stands."""
        return self.session.phase is not Phase.GREETING and not self.ended.done() and not self._leaving

    def room(self) -> None:
        """The consumer has caught up."""
        self._heard_at = self._loop.time()
        self._steer()

    def send(self, data: bytes) -> None:
        """Write, if the connection still stands; if not, nothing is lost that the broker would not ask for again."""
        if not self.ended.done():
            self._write(data)

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """PUBACK (PUBREC for QoS 2) in the given order, in one write. 0 is QoS 0 and needs none."""
        ids = [packet_id for packet_id in packet_ids if packet_id] if 0 in packet_ids else packet_ids
        twice = self._scanner.exactly_once
        if not ids:
            return
        if not twice:
            self.send(packets.encode_acks(packets.PUBACK, ids))
            return
        kinds = [packets.PUBREC if packet_id in twice else packets.PUBACK for packet_id in ids]
        twice.difference_update(ids)
        self.send(b"".join(packets.encode_acks(kind, [packet_id]) for kind, packet_id in zip(kinds, ids, strict=True)))

    def end(self, ending: Ending) -> None:
        """Drop the connection for this reason."""
        if not self.ended.done():
            self.ended.set_result(ending)
        if self._transport is not None:
            self._transport.abort()

    async def leave(self) -> None:
        """Orderly: wait until the broker has read every PUBACK (a ping after them is answered), then DISCONNECT.

        Each of the two waits is bounded by `close_timeout_s`; after it the connection is dropped, and what the
        broker did not read it will deliver again.
        """
        if self.accepted:
            self._leaving = True
            self._settled.clear()
            self._write(self.session.farewell() + self.session.ping())
            self._steer()
            try:
                async with asyncio.timeout(self._options.close_timeout_s):
                    await self._settled.wait()
            except TimeoutError:
                log.warning("broker_did_not_answer_last_ping", broker=self._options.broker, connection=self.number)
        if self._transport is not None and not self.ended.done():
            self._write(packets.DISCONNECT_BYTES)
            self._transport.close()
            await asyncio.wait({self.ended}, timeout=self._options.close_timeout_s)
        self.end(Ending(Trouble.DISCONNECTED, "we left"))

    # inside

    def _answer(self, control: list[tuple[int, bytes]], batch: Delivered) -> None:
        for first_byte, body in control:
            kind = first_byte >> 4
            self._write(self.session.receive(first_byte, body))
            if self.session.ended is not None:
                self.end(self.session.ended)
                return
            if kind in (packets.CONNACK, packets.SUBACK):
                self._on_progress(self)
            elif kind == packets.PINGRESP and self.session.settled:
                self._settled.set()
        if batch.topics and self.session.phase is Phase.GREETING:
            raise MqttProtocolError("PUBLISH before CONNACK")

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._said_at = self._loop.time()
            self._transport.write(data)

    def _rest(self, rest: bool) -> None:
        if rest:
            self._resting = True
            self._timers["rest"] = self._loop.call_later(COALESCE_S, self._wake)
        self._steer()

    def _wake(self) -> None:
        self._resting = False
        self._steer()

    @property
    def _held(self) -> bool:
        return self._inbox.full and not self._leaving

    def _steer(self) -> None:
        """Read or do not read."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._held or self._resting:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _tick(self) -> None:
        """Ping a quiet broker, drop a dead one, ask again for refused filters. While held we can't hear: no verdict."""
        now, keep_alive_s = self._loop.time(), self.session.keep_alive_s
        quiet_s = 0.0 if self._held else now - self._heard_at
        if self.session.phase is not Phase.OPEN:
            if quiet_s >= self._options.connect_timeout_s:
                self.end(Ending(Trouble.NO_ANSWER, f"{self.session.phase.value}, no answer for {quiet_s:.0f} s"))
        elif quiet_s >= keep_alive_s:
            self.end(Ending(Trouble.KEEP_ALIVE, f"nothing heard for {quiet_s:.0f} s"))
        elif max(quiet_s, now - self._said_at) >= keep_alive_s / 2:
            self._write(self.session.ping())
        if now - self._asked_at >= keep_alive_s:
            self._asked_at = now
            self._write(self.session.subscribe_again())
        self._timers["tick"] = self._loop.call_later(min(keep_alive_s / 4, 5.0), self._tick)
