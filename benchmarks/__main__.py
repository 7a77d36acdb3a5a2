"""`make bench`: every benchmark of ingest, one after another, each in a process of its own.

    make bench ARGS="--only drain live"        some of them
    make bench ARGS="--telegraf ~/go/bin/telegraf"   Telegraf beside ours where it can take part
    make bench ARGS="--write"                  the results into docs/performance.md

Each is a module with options of its own: `python -m benchmarks.ingest.drain --help`. Each prints a table and, last, one
line of JSON. Compare ratios of one run; numbers belong to a machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import page

BENCHMARKS = {
    "mqtt_drain": "benchmarks.mqtt_drain",
    "decode": "benchmarks.ingest.decode",
    "drain": "benchmarks.ingest.drain",
    "bad": "benchmarks.ingest.bad",
    "drain_influx": "benchmarks.ingest.drain_influx",
    "live": "benchmarks.ingest.live",
    "known": "benchmarks.ingest.known",
    "replay": "benchmarks.ingest.replay",
    "year": "benchmarks.ingest.year",
}
WITH_TELEGRAF = ("drain", "drain_influx")
ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(BENCHMARKS), default=list(BENCHMARKS), metavar="NAME")
    parser.add_argument("--telegraf", type=Path, help="path of Telegraf's program")
    parser.add_argument("--write", action="store_true", help="put the results into docs/performance.md")
    asked = parser.parse_args()
    told, failed = [], []
    for name in asked.only:
        code, results = ran(name, asked.telegraf)
        told += results
        failed += [name] if code else []
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")
    if asked.write:
        page.write(told)


def ran(name: str, telegraf: Path | None) -> tuple[int, list[dict[str, Any]]]:
    """Its exit code and what it told in JSON; all its words go on to the terminal."""
    with_telegraf = ["--telegraf", str(telegraf)] if telegraf is not None and name in WITH_TELEGRAF else []
    told = []
    with subprocess.Popen(
        [sys.executable, "-m", BENCHMARKS[name], *with_telegraf], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as running:
        for line in running.stdout or ():
            print(line, end="", flush=True)
            if line.startswith('{"benchmark"'):
                told.append(json.loads(line))
    return running.returncode, told


if __name__ == "__main__":
    main()
