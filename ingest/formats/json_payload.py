"""JSON payloads of makers: the value, or the reason why there is none. Never raises."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ingest.formats.contract import Reason

_NUMBER = re.compile(r"[+-]?\d{1,18}(?:\.\d{0,18})?", re.ASCII)
_json = msgspec.json.Decoder()


def parsed(payload: bytes) -> tuple[Any, Reason | None, str]:
    """(value, None, "") or (None, reason, detail). A bare `null` is no value either."""
    try:
        value = _json.decode(payload)
    except msgspec.DecodeError as error:
        return None, Reason.NOT_JSON, str(error)
    except UnicodeDecodeError as error:
        return None, Reason.NOT_UTF8, str(error)
    except RecursionError:
        return None, Reason.TOO_DEEP, "nested deeper than any reading is"
    return (None, Reason.NOT_AN_OBJECT, "null") if value is None else (value, None, "")


def number_of(value: object) -> float | None:
    """A JSON number, or a plain decimal number as a string; None for anything else, NaN and infinities as words too.

    An integer too large for a float is infinite, and so out of every range.
    """
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value) if abs(value) < 10**300 else float("inf")
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _NUMBER.fullmatch(text) else None
    return None


def text_of(value: object) -> str | None:
    """A value as a device map writes it: 1, 1.0, "1" and " 1" are one; true and "TRUE" too. None: it has no text."""
    if isinstance(value, str):
        return value.strip().lower()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**40 else None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 10**15 else repr(value)
    return None
