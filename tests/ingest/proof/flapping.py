"""A way to the broker that breaks: a proxy which cuts every connection after so long."""

from __future__ import annotations

import asyncio
from threading import Thread


class Flapping:
    """Between ingest and a broker, in a thread of its own. `lasts_s` 0: it holds. `connections`: how many came."""

    def __init__(self, host: str, port: int, lasts_s: float) -> None:
        self.lasts_s = lasts_s
        self.connections = 0
        self.port = 0
        self._to = host, port
        self._pipes: set[asyncio.Future[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()

    async def _serve(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self.connections += 1
        far, out = await asyncio.open_connection(*self._to)
        pipes = [asyncio.ensure_future(_pass_on(near, out)), asyncio.ensure_future(_pass_on(far, back))]
        self._pipes.update(pipes)
        try:
            await asyncio.wait(pipes, timeout=self.lasts_s or None, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pipe in pipes:
                pipe.cancel()
            self._pipes.difference_update(pipes)
            for writer in (back, out):
                writer.transport.abort()

    def cut(self) -> None:
        """Every connection, now: from here on they last as long as `lasts_s` says."""
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for pipe in self._pipes:
            pipe.cancel()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return
