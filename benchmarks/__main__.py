"""`make bench`: every benchmark of ingest, one after another, each in a process of its own.

    make bench ARGS="--only drain live"        some of them
    make bench ARGS="--telegraf ~/go/bin/telegraf"   Telegraf beside ours where it can take part

Each is a module with options of its own: `python -m benchmarks.ingest.drain --help`. Each prints a table and, last, one
line of JSON. Compare ratios of one run; numbers belong to a machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

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
    asked = parser.parse_args()
    failed = [name for name in asked.only if not ran(name, asked.telegraf)]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def ran(name: str, telegraf: Path | None) -> bool:
    """Whether it ended well; its words are on the terminal."""
    with_telegraf = ["--telegraf", str(telegraf)] if telegraf is not None and name in WITH_TELEGRAF else []
    return (
        subprocess.run([sys.executable, "-m", BENCHMARKS[name], *with_telegraf], cwd=ROOT, check=False).returncode == 0
    )


if __name__ == "__main__":
    main()
