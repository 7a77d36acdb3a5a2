"""Where InfluxDB is and how it is written to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class InfluxOptions:
    """Settings section `influx`, without the settings' library.

    `bucket`: a bucket of 2.x, or `database/retention policy` of 1.x. `token`: for 1.8 with api v2 `user:password`.
    `gzip`: None decides by the address: not on this machine. A write holds at most `batch_lines` lines; a reading waits
    at most `flush_ms` for company. Between attempts `retry_first_s` is doubled up to `retry_max_s`.
    """

    url: str
    api: Literal["v2", "v1"] = "v2"
    org: str = "-"
    bucket: str = "carewatch/autogen"
    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    gzip: bool | None = None
    batch_lines: int = 50_000
    flush_ms: int = 500
    timeout_s: float = 20.0
    retry_first_s: float = 0.5
    retry_max_s: float = 30.0

    @property
    def database(self) -> str:
        """For 1.x: the part of `bucket` before the slash."""
        return self.bucket.partition("/")[0]

    @property
    def retention_policy(self) -> str:
        """For 1.x: the part of `bucket` after the slash; empty: the database's default."""
        return self.bucket.partition("/")[2]
