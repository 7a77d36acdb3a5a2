"""One InfluxDB as a place to send lines to."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from ingest.influx.answers import Answer, Verdict, understand

if TYPE_CHECKING:
    from ingest.influx.options import InfluxOptions

GZIP_LEVEL = 1  # 0.8 us a line for 28 % of its size; level 6 costs nine times that for 23 %


class InfluxServer:
    """Sends writes over kept connections, as many as are asked for at once. `aclose` when done."""

    def __init__(self, options: InfluxOptions, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._options = options
        self._client = httpx.AsyncClient(timeout=options.timeout_s, transport=transport)
        path, self._parameters = _target(options)
        self._url = options.url.rstrip("/") + path
        self._headers = {"Content-Type": "text/plain; charset=utf-8"}
        self._gzip = _is_elsewhere(options.url) if options.gzip is None else options.gzip
        if self._gzip:
            self._headers["Content-Encoding"] = "gzip"
        if options.api == "v2" and options.token:
            self._headers["Authorization"] = f"Token {options.token}"
        if options.api == "v1" and options.username:
            self._client.auth = httpx.BasicAuth(options.username, options.password)

    def encode(self, body: bytes) -> bytes:
        """The body as it is sent."""
        return gzip.compress(body, GZIP_LEVEL) if self._gzip else body

    async def write(self, encoded: bytes) -> Answer:
        """Send a body from `encode`. Every failure is an answer; only cancellation is raised."""
        try:
            response = await self._client.post(
                self._url, params=self._parameters, content=encoded, headers=self._headers
            )
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            return Answer(Verdict.ADDRESS, f"influx.url {self._options.url!r}: {error}")
        except httpx.HTTPError as error:
            return self._not_answered(error)
        return understand(response)

    def _not_answered(self, error: httpx.HTTPError) -> Answer:
        words = f"{error} ({type(error).__name__})".strip()
        if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
            return Answer(Verdict.UNREACHABLE, f"no connection in {self._options.timeout_s:g} s; {words}")
        if isinstance(error, httpx.TimeoutException):
            return Answer(Verdict.LATE, f"no answer in {self._options.timeout_s:g} s; {words}")
        if isinstance(error, httpx.WriteError | httpx.ReadError | httpx.RemoteProtocolError):
            return Answer(Verdict.CUT_OFF, words)
        return Answer(Verdict.UNREACHABLE, words)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._client.aclose()


def _is_elsewhere(url: str) -> bool:
    """Whether lines travel: on this machine gzip would only cost both sides their time."""
    host = urlsplit(url).hostname or ""
    return host not in {"localhost", "::1"} and not host.startswith("127.")


def _target(options: InfluxOptions) -> tuple[str, dict[str, str]]:
    if options.api == "v2":
        return "/api/v2/write", {"org": options.org, "bucket": options.bucket, "precision": "ns"}
    parameters = {"db": options.database, "precision": "n"}
    if options.retention_policy:
        parameters["rp"] = options.retention_policy
    return "/write", parameters
