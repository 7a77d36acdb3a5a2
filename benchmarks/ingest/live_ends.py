"""The two ends of the live benchmark: a publisher that keeps a rate, and ingest that says when it committed what."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.broker import HOST, greet, publish_packet
from benchmarks.ingest import ours
from benchmarks.ingest.stream import BASE_MS, reading
from benchmarks.measured import percentiles
from carewatch.roles.ingest import build
from carewatch.roles.life import stay_out_of_collections
from ingest.mqtt import MqttOptions
from ingest.mqtt.link import Link

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.synchronize import Event
    from pathlib import Path
    from socket import socket

    from carewatch.roles.ingest_parts import Parts
    from ingest.log.contract import Batch

STEP_S = 0.002
WARM_S = 2
STUCK_AFTER_S = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """What is published: `rate` readings of `watches` each second, `urgent` emergencies among them."""

    seconds: int
    rate: int
    urgent: int
    watches: int

    @property
    def readings(self) -> int:
        """Calm ones, in all."""
        return self.seconds * (self.rate - self.urgent)

    @property
    def emergencies(self) -> int:
        """In all; each of a watch of its own, whose index follows the others'."""
        return self.seconds * self.urgent

    def is_warm(self, emergency: int) -> bool:
        """Whether it counts."""
        return emergency >= WARM_S * self.urgent


@dataclass(frozen=True, slots=True)
class Published:
    """When each message was published, in shared memory: first the readings, then the emergencies."""

    name: str
    at_ns: np.ndarray
    plan: Plan

    @staticmethod
    @contextmanager
    def made(plan: Plan) -> Iterator[Published]:
        """New, and removed at the end."""
        memory = SharedMemory(create=True, size=8 * (plan.readings + plan.emergencies))
        try:
            yield Published(memory.name, _times(memory, plan).copy(), plan)
        finally:
            memory.close()
            memory.unlink()

    @property
    def of_emergencies(self) -> np.ndarray:
        """As the publisher left them."""
        with _opened(self.name, self.plan) as times:
            return times[self.plan.readings :].copy()


def _times(memory: SharedMemory, plan: Plan) -> np.ndarray:
    return np.ndarray((plan.readings + plan.emergencies,), np.int64, memory.buf)


@contextmanager
def _opened(name: str, plan: Plan) -> Iterator[np.ndarray]:
    memory = SharedMemory(name)
    times = _times(memory, plan)
    try:
        yield times
    finally:
        del times
        memory.close()


def publish(port: int, plan: Plan, name: str) -> None:
    """Keep the rate; what is due is sent together every 2 ms."""
    calm = [publish_packet(*reading(n % plan.watches, n // plan.watches + 1, n), _id(n)) for n in range(plan.readings)]
    urgent = [publish_packet(*_sos(plan.watches + n), _id(n)) for n in range(plan.emergencies)]
    with _opened(name, plan) as times, _connected(port, "calm") as line, _connected(port, "urgent") as urgent_line:
        started = time.perf_counter()
        sent = sent_urgent = 0
        while sent < len(calm) or sent_urgent < len(urgent):
            elapsed_s = time.perf_counter() - started
            due_urgent = min(len(urgent), int(elapsed_s * plan.urgent))
            if due_urgent > sent_urgent:
                times[plan.readings + sent_urgent : plan.readings + due_urgent] = time.perf_counter_ns()
                _send(urgent_line, urgent[sent_urgent:due_urgent])
                sent_urgent = due_urgent
            due = min(len(calm), int(elapsed_s * (plan.rate - plan.urgent)))
            if due > sent:
                times[sent:due] = time.perf_counter_ns()
                _send(line, calm[sent:due])
                sent = due
            time.sleep(STEP_S)


def _id(number: int) -> int:
    return number % 60_000 + 1


def _sos(watch: int) -> tuple[bytes, bytes]:
    return b"watch/w%06d/sos" % watch, b'{"v":1,"boot":77,"seq":1,"oldest":1,"time":%d,"battery":50}' % BASE_MS


def _connected(port: int, client_id: str) -> socket:
    line = greet(port, MqttOptions(client_id, host=HOST, port=port, version=4, session_expiry_s=0))
    line.settimeout(0)
    return line


def _send(line: socket, packed: list[bytes]) -> None:
    """All of it, and throw away the PUBACKs that have come."""
    try:
        while line.recv(65536):
            pass
    except BlockingIOError:
        pass
    line.settimeout(10)
    line.sendall(b"".join(packed))
    line.settimeout(0)


def committed_after_ms(folder: Path, port: int, plan: Plan, name: str, ready: Event) -> dict[str, dict[str, float]]:
    """The role ingest until it has committed everything. TimeoutError if that is never."""
    ours.quiet()
    commits: list[tuple[int, np.ndarray, np.ndarray]] = []
    with ExitStack() as stack:
        parts = build(ours.settings_of(folder, port), stack)
        stay_out_of_collections()
        append = parts.reading_log.append

        def timed(batch: Batch) -> int:
            offset = append(batch)
            commits.append((time.perf_counter_ns(), batch.readings["watch"], batch.readings["seq"]))
            return offset

        parts.reading_log.append = timed
        asyncio.run(_until_all(parts, plan, ready))
    ingest = {"commits": len(commits), "cpu_s": round(time.process_time(), 1)}
    with _opened(name, plan) as times:
        return {**_after(commits, times.copy(), plan), "ingest": ingest}


async def _until_all(parts: Parts, plan: Plan, ready: Event) -> None:
    working = asyncio.create_task(parts.ingest.run())
    until = time.perf_counter() + plan.seconds + STUCK_AFTER_S
    while parts.ingest.tally.messages < plan.readings + plan.emergencies:
        if all(link.link is Link.UP for link in parts.ingest.links):
            ready.set()
        if working.done() or time.perf_counter() > until:
            raise TimeoutError(f"ingest has only {parts.ingest.tally.messages} messages")
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)  # receipts go out
    await ours.ended(working)


def _after(commits: list[tuple[int, Any, Any]], times: np.ndarray, plan: Plan) -> dict[str, dict[str, float]]:
    watch = np.concatenate([one[1] for one in commits])
    seq = np.concatenate([one[2] for one in commits])
    at_ns = np.concatenate([np.full(len(one[1]), one[0]) for one in commits])
    is_urgent = watch >= plan.watches
    number = np.where(is_urgent, plan.readings + watch - plan.watches, (seq - 1) * plan.watches + watch)
    after_ms = (at_ns - times[number]) / 1e6
    warm = times[number] >= times[0] + WARM_S * 1_000_000_000
    return {
        "all": percentiles(after_ms[warm].tolist()),
        "emergencies": percentiles(after_ms[warm & is_urgent].tolist()),
    }
