"""Ids of watches that come from outside."""

from __future__ import annotations

import re
import zlib

from ingest.watches import WATCH_ID

STAND_IN = "bad-id."
"""How a stand-in begins."""
_STAND_IN = re.compile(r"bad-id\.[0-9a-f]{8}")


def is_watch_id(text: str) -> bool:
    """1 to 64 of `A-Z a-z 0-9 . _ -` (WIRE.md section 1)."""
    return WATCH_ID.fullmatch(text) is not None


def stand_in_id(text: str) -> str:
    """A readable id for one that cannot be used: an emergency under a bad id still alerts, as an unknown watch.

    The same bad id always gives the same one. The true text stands in the quarantine beside it.
    """
    return f"{STAND_IN}{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"


def is_stand_in(watch_id: str) -> bool:
    """Made by `stand_in_id`: no watch listens to the topics of this id."""
    return watch_id.startswith(STAND_IN) and _STAND_IN.fullmatch(watch_id) is not None
