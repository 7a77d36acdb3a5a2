"""Measuring a program's own wall and CPU seconds, and telling results side by side.

A ratio of two programs in one run means something on every machine; a number alone belongs to this one.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import tempfile
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection

FOLDER = Path(__file__).parents[1] / ".cache" / "benchmarks"
"""On the disk of this repository: a log in a memory file system would prove nothing."""
CORES = sorted(os.sched_getaffinity(0))
SPAWN = multiprocessing.get_context("spawn")
OURS, SERVERS = CORES[0], CORES[-1]
"""What is measured has the first core for itself, servers and publishers the last."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one program needed: `cpu_s` of its own process, all its threads. `more`: anything else it counted."""

    wall_s: float
    cpu_s: float
    more: Mapping[str, float] = field(default_factory=dict)

    def per_million(self, count: int) -> dict[str, float]:
        """As a table shows it, for `count` messages or readings."""
        rate = count / self.wall_s
        return {"per_s": round(rate), "cpu_s_per_million": round(self.cpu_s * 1e6 / count, 2), **self.more}


def middle(results: Sequence[Taken]) -> Taken:
    """The run whose wall time is the median (of an even number the slower one)."""
    return sorted(results, key=lambda one: one.wall_s)[len(results) // 2]


def with_ratios(rows: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The rows of `Taken.per_million`, each with how its rate and its CPU stand to those of the first."""
    first = next(iter(rows.values()))
    return {
        name: {
            **row,
            "rate_ratio": round(row["per_s"] / first["per_s"], 2),
            "cpu_ratio": round(row["cpu_s_per_million"] / first["cpu_s_per_million"], 2),
        }
        for name, row in rows.items()
    }


class Child:
    """`work` in a new process that is pinned to `core`, begun at once."""

    def __init__(self, work: Callable[..., Any], *arguments: object, core: int | None = OURS) -> None:
        self._name = work.__name__
        self._here, there = SPAWN.Pipe(duplex=False)
        self._process = SPAWN.Process(target=_answer, args=(there, core, work, arguments))
        self._process.start()
        there.close()

    def result(self) -> Any:
        """What it returned, once it has ended. RuntimeError with the child's words."""
        try:
            good, result = self._here.recv()
        except EOFError:
            self._process.join()
            raise RuntimeError(f"{self._name} ended with {self._process.exitcode} and said nothing") from None
        self._process.join()
        if not good:
            raise RuntimeError(f"{self._name} failed in its process:\n{result}")
        return result


def in_child(work: Callable[..., Any], *arguments: object, core: int | None = OURS) -> Any:
    """The result of `work` in a process of its own, on our core."""
    return Child(work, *arguments, core=core).result()


def _answer(to: Connection, core: int | None, work: Callable[..., Any], arguments: Sequence[object]) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        answer = True, work(*arguments)
    except Exception:  # noqa: BLE001 - whatever it is, the parent raises it with these words
        answer = False, traceback.format_exc()
    to.send(answer)


def of_command(command: Sequence[str], core: int = OURS) -> Taken:
    """Run a command to its end, its output thrown away. CalledProcessError if it fails."""
    started = time.perf_counter()
    running = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509 - no threads here
    )
    _, status, usage = os.wait4(running.pid, 0)
    wall_s = time.perf_counter() - started
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, list(command))
    return Taken(wall_s, usage.ru_utime + usage.ru_stime)


def cpu_of(pid: int) -> float:
    """CPU seconds that a running process has used so far, its threads included (man 5 proc, stat)."""
    after_name = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int | str = "self") -> float:
    """Resident memory of a process in MB of 2**20 bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def new_folder() -> Iterator[Path]:
    """An empty folder on a real disk, removed afterwards."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        yield Path(folder)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50 and p99 of at least 100 values, else p50 and the highest."""
    if len(values) < 100:
        return {"p50": round(statistics.median(values), 2), "highest": round(max(values), 2)}
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 2), "p99": round(cuts[98], 2), "highest": round(max(values), 2)}


def machine() -> dict[str, object]:
    """What the numbers belong to."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": model,
        "cores": len(CORES),
        "load_before": round(os.getloadavg()[0], 2),
    }


def report(benchmark: str, asked: argparse.Namespace, rows: Mapping[str, Mapping[str, object]], on: object) -> None:
    """A table for people, and one line of JSON, the last."""
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    width = max(map(len, rows))
    print(f"\n{benchmark}\n{'':{width}}  " + "  ".join(f"{name:>12}" for name in columns))
    for name, row in rows.items():
        cells = (f"{row.get(column, ''):>{max(12, len(column))}}" for column in columns)
        print(f"{name:{width}}  " + "  ".join(cells))
    options = {name: str(value) if isinstance(value, Path) else value for name, value in vars(asked).items()}
    print(json.dumps({"benchmark": benchmark, "options": options, "machine": on, "results": rows}), flush=True)
