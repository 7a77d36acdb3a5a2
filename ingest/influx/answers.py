"""What InfluxDB's answer to a write means, and what is to be done about it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

WORDS_CHARACTERS = 500
RETRY_AFTER_MAX_S = 300.0
DROPPED = re.compile(r"\bdropped=(\d+)")


class Pace(Enum):
    """When to send the same lines again."""

    NOT = "the answer is final"
    SOON = "it passes by itself: again with backoff"
    SLOWLY = "a person must act: again and again, slowly, losing nothing"


class Verdict(Enum):
    """One class of answers: what is wrong, the remedy, when to send again."""

    WRITTEN = "written", "", Pace.NOT
    REFUSED = "points refused", "see the file of refused points for the server's words", Pace.NOT
    TOO_LARGE = "write too large", "none needed: it is halved; if it lasts, raise max-body-size in InfluxDB", Pace.NOT
    CUT_OFF = "breaks writes off", "look at InfluxDB's own log; if it lasts, raise max-body-size", Pace.SOON
    LATE = "does not answer in time", "give InfluxDB more room; what it cannot take at once is halved", Pace.SOON
    UNREACHABLE = "not reachable", "start InfluxDB, or correct influx.url", Pace.SOON
    BUSY = "asks us to wait", "none needed, unless it lasts: then give InfluxDB more room", Pace.SOON
    FAILING = "failing", "look at InfluxDB's own log, its disk and memory", Pace.SOON
    WHO = "does not know us", "correct influx.token (1.8: user:password), or influx.username and password", Pace.SLOWLY
    FORBIDDEN = (
        "does not let us write",
        "grant write access to the bucket (1.x: GRANT WRITE ON db TO user)",
        Pace.SLOWLY,
    )
    NO_BUCKET = (
        "has no such bucket",
        "make it with `carewatch influx setup`, or correct influx.bucket, influx.org",
        Pace.SLOWLY,
    )
    ADDRESS = "is not what answers", "correct influx.url and influx.api (v2 or v1)", Pace.SLOWLY

    def __init__(self, reason: str, remedy: str, pace: Pace) -> None:
        self.reason = reason
        self.remedy = remedy
        self.pace = pace

    @property
    def may_be_size(self) -> bool:
        """Passes by itself, or is how a write that is too large shows: a server closes before all of it is read."""
        return self in {Verdict.CUT_OFF, Verdict.LATE}

    @property
    def is_silence(self) -> bool:
        """No answer at all."""
        return self is Verdict.UNREACHABLE or self.may_be_size


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer understood. `words`: the server's own. `dropped`: how many points it says it refused."""

    verdict: Verdict
    words: str = ""
    dropped: int | None = None
    retry_after_s: float | None = None


_BY_STATUS = {
    400: Verdict.REFUSED,
    401: Verdict.WHO,
    403: Verdict.FORBIDDEN,
    404: Verdict.NO_BUCKET,
    413: Verdict.TOO_LARGE,
    422: Verdict.REFUSED,  # 2.x: out of retention, type conflict
    429: Verdict.BUSY,
    503: Verdict.BUSY,
}
_NAMES_WHAT_IS_MISSING = re.compile("bucket|database|retention policy|organization")
_BY_WORDS = {  # 1.8 says these with a status that means something else
    "retention policy not found": Verdict.NO_BUCKET,  # 500
    "database is required": Verdict.NO_BUCKET,  # 400
    "invalid precision": Verdict.ADDRESS,  # 400
}


def understand(response: httpx.Response) -> Answer:
    """The verdict on a write's response.

    Statuses: https://docs.influxdata.com/influxdb/v2/api/#operation/PostWrite, and services/httpd of 1.8.10.
    """
    if response.is_success:
        return Answer(Verdict.WRITTEN)
    words = _words(response)
    verdict = next((v for said, v in _BY_WORDS.items() if said in words), None)
    if verdict is None:
        fallback = Verdict.FAILING if response.status_code >= 500 else Verdict.ADDRESS
        verdict = _BY_STATUS.get(response.status_code, fallback)
    if verdict is Verdict.NO_BUCKET and not _NAMES_WHAT_IS_MISSING.search(words):
        verdict = Verdict.ADDRESS  # "page not found": something that is no InfluxDB, or one without the API of 2.x
    dropped = DROPPED.search(words)
    return Answer(verdict, words, int(dropped[1]) if dropped else None, _retry_after_s(response))


def _words(response: httpx.Response) -> str:
    """`error` of 1.x, `message` of 2.x, else the text; with the status in front."""
    text = response.text.strip()
    try:
        said = json.loads(text)
    except ValueError:
        said = text
    if isinstance(said, dict):
        said = said.get("error") if isinstance(said.get("error"), str) else said.get("message", text)
    return f"{response.status_code} {said}"[:WORDS_CHARACTERS]


def _retry_after_s(response: httpx.Response) -> float | None:
    """Seconds only; the date form is not sent by any InfluxDB."""
    said = response.headers.get("Retry-After", "")
    return min(float(said), RETRY_AFTER_MAX_S) if said.isdecimal() else None
