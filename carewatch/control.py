"""The owner's local socket: who owns a file executes its changes.

One JSON object a line: {"do": "...", ...} in, {"ok": true, ...} or {"ok": false, "problem": "..."} out. Only the user
that runs carewatch may connect (the socket's mode is 0600).
"""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    Do = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]

log = structlog.get_logger(__name__)
LONGEST_PATH_BYTES = 107
"""Linux, unix(7): sun_path holds 108 bytes, a zero at the end."""
LINE_LIMIT = 64 * 1024 * 1024
"""A city's residents file fits."""


class ControlError(Exception):
    """The owner refused; the text is its words."""


class ControlSocket:
    """Serves `actions` (name -> coroutine) until cancelled.

    Raises `ControlError` at once for a path that no socket can have.
    """

    def __init__(self, path: Path, actions: Mapping[str, Do]) -> None:
        if len(bytes(path)) > LONGEST_PATH_BYTES:
            raise ControlError(
                f"{path}: {len(bytes(path))} bytes; the path of a socket holds {LONGEST_PATH_BYTES}: "
                "put log.path into a folder with a shorter name"
            )
        self._path = path
        self._actions = actions
        self._open: set[asyncio.StreamWriter] = set()

    async def run(self) -> None:
        """Listen. A socket left by a killed process is replaced: the file's lock has decided who owns it."""
        self._path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, str(self._path), limit=LINE_LIMIT)
        self._path.chmod(0o600)
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            for writer in self._open:
                writer.transport.abort()  # an asker who idles must not hold our end up
            await server.wait_closed()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            async for line in reader:
                writer.write(json.dumps(await self._answer(line), ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError) as error:
            log.warning("control_connection_ended", problem=str(error))
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            action = self._actions[request["do"]]
        except (ValueError, KeyError, TypeError) as error:
            return {"ok": False, "problem": f"not understood: {error!r}; known: {', '.join(sorted(self._actions))}"}
        try:
            return {"ok": True, **await action(request)}
        except KeyError as error:
            return {"ok": False, "problem": f"{request['do']}: the request lacks {error}"}
        except Exception as error:  # whatever went wrong is the asker's answer, and the owner goes on
            log.warning("control_action_failed", action=request["do"], exc_info=error)
            return {"ok": False, "problem": str(error) or repr(error)}


def is_served(path: Path) -> bool:
    """Someone listens at the socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def ask(path: Path, do: str, *, timeout_s: float = 60.0, **arguments: Any) -> dict[str, Any]:
    """Ask the owner to `do` it. Raises `ControlError` with its words, or OSError when nobody listens."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        connection.connect(str(path))
        connection.sendall(json.dumps({"do": do, **arguments}, ensure_ascii=False).encode() + b"\n")
        with connection.makefile("rb") as lines:
            answer: dict[str, Any] = json.loads(lines.readline() or b'{"ok": false, "problem": "no answer"}')
    if not answer.get("ok"):
        raise ControlError(str(answer.get("problem", "refused without a reason")))
    return answer
