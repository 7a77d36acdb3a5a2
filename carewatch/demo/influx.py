"""Which InfluxDB the demo writes to: one that answers, one of `make servers`, or none, with a word on how to get it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from ingest.influx.setup import set_up
from ingest.influx.steps import SetupError

if TYPE_CHECKING:
    from ingest.influx.options import InfluxOptions

LOCAL = "http://127.0.0.1:8086"
OF_MAKE_SERVERS = Path(".cache/servers/bin/influxd")
POLL_S = 0.1
CONFIGURATION = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{http}"
flux-enabled = true
log-enabled = false
"""


@dataclass(slots=True)
class DemoInflux:
    """`url` empty: none. `process`: ours, to be ended with the demo."""

    url: str
    process: asyncio.subprocess.Process | None = None

    async def stop(self) -> None:
        """End it if it is ours."""
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()


async def demo_influx(wish: str, folder: Path, ports: tuple[int, int]) -> DemoInflux:
    """As `--influx` says. The log has everything in any case."""
    if wish == "none":
        return DemoInflux("")
    if wish != "auto":
        return DemoInflux(wish)
    if await _answers(LOCAL):
        return DemoInflux(LOCAL)
    program = await asyncio.to_thread(OF_MAKE_SERVERS.absolute)
    if not await asyncio.to_thread(program.exists):
        return DemoInflux("")
    return await _started(program, folder / "influx", ports)


async def make_bucket(options: InfluxOptions) -> str:
    """Where the readings go; a problem in words if InfluxDB refuses, else empty. The writer goes on trying."""
    try:
        await asyncio.to_thread(set_up, options, 0)
    except SetupError as error:
        return str(error)
    return ""


async def _started(program: Path, folder: Path, ports: tuple[int, int]) -> DemoInflux:
    configuration = folder / "influxdb.conf"
    await asyncio.to_thread(_write, configuration, CONFIGURATION.format(folder=folder, http=ports[0], rpc=ports[1]))
    process = await asyncio.create_subprocess_exec(
        str(program),
        "-config",
        str(configuration),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us; we end it after the last point
    )
    url = f"http://127.0.0.1:{ports[0]}"
    while process.returncode is None and not await _answers(url):  # noqa: ASYNC110 - a program tells by answering
        await asyncio.sleep(POLL_S)
    return DemoInflux(url, process)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


async def _answers(url: str) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=1.0) as http:
        try:
            return (await http.get(f"{url}/ping")).is_success
        except httpx.HTTPError:
            return False
