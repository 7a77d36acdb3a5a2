"""An InfluxDB that answers as a test wants."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

OK = httpx.Response(204)


class Answers(httpx.MockTransport):
    """Asks `answer` about each write's lines; keeps those that it let in, in order."""

    def __init__(self, answer: Callable[[list[str]], httpx.Response]) -> None:
        super().__init__(self._handle)
        self.answer = answer
        self.requests: list[httpx.Request] = []
        self.written: list[str] = []

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        packed = request.headers.get("Content-Encoding") == "gzip"
        sent = (gzip.decompress(request.content) if packed else request.content).decode().splitlines()
        response = self.answer(sent)
        if response.is_success:
            self.written += sent
        return response


def in_turn(*responses: httpx.Response | Exception) -> Callable[[list[str]], httpx.Response]:
    """These answers, one a write, then 204."""
    left = list(responses)

    def answer(sent: list[str]) -> httpx.Response:
        response = left.pop(0) if left else OK
        if isinstance(response, Exception):
            raise response
        return response

    return answer
