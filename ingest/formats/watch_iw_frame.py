"""`IWAP49,68#`: how the text of IW and TRV watches is cut into frames.

`IW` or `TRV`, then a letter and `P`, then two characters that say what it is, then the content, then `#`. Some
bridges take the `#` off. Facts of the format: the captured frames in the tests of traccar's
`trv` protocol, and makers' servers that are public.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_PADDING = b" \t\r\n\0"
_BETWEEN = _PADDING + b"#"
_HEAD = re.compile(rb"(IW|TRV)([A-Z]P[0-9A-Z]{2})")
_ALARM = re.compile(rb"(?:IW|TRV)AP10\d{6}[AV]")
"""Where an alarm begins within a frame that was cut off, the alarm counts."""
_END = re.compile(rb"#(?=[ \t\r\n\0#]{0,16}(?:\Z|(?:IW|TRV)[A-Z]P[0-9A-Z]{2}))")
"""Names of WLANs and voice hold `#` too: one that nothing or another frame follows is the end."""
_POSITION = re.compile(
    r"(\d{6})([AV])(\d{2})(\d{2}\.\d{1,8})([NS])(\d{3})(\d{2}\.\d{1,8})([EW])(\d{1,3}\.\d)(\d{6})(.*)", re.ASCII
)
_STATE = re.compile(r"[\d.]{6}\d{6}(\d{3})\d{5}\d{0,5}", re.ASCII)


class Frame(NamedTuple):
    """One frame. `content` is what stands between type and `#`; `fields` are its parts between commas.

    The first field is what stands before the first comma: empty in `AP49,68`, the IMEI in `AP00355932600077007`.
    """

    maker: str
    type: str
    content: str
    fields: tuple[str, ...]

    def answer(self, content: str = "") -> bytes:
        """`IWAP10` is answered by `IWBP10...#`, `TRVYP03` by `TRVZP03#`: the next letter."""
        return f"{self.maker}{chr(ord(self.type[0]) + 1)}{self.type[1:]}{content}#".encode("latin-1", "replace")

    def field(self, place: int) -> str:
        """Empty where the frame has no such field."""
        return self.fields[place] if place < len(self.fields) else ""


class Fix(NamedTuple):
    """The glued head of a position: `yymmddAddmm.mmmmNdddmm.mmmmE...`; lat, lon None where it is no fix."""

    day: str
    clock: str
    lat: float | None
    lon: float | None
    speed_kmh: float
    battery: float | None


def frames(payload: bytes) -> Iterator[Frame | str]:
    """Every frame of a payload in order; a text where there is something else, saying what."""
    place = _begin(payload, 0)
    alarm = -1
    while place < len(payload):
        if alarm <= place:  # looked for once each, or a payload of many frames would take its square
            found = _ALARM.search(payload, place + 1)
            alarm = len(payload) if found is None else found.start()
        head = _HEAD.match(payload, place)
        ending = _END.search(payload, place if head is None else head.end(), alarm)
        end = alarm if ending is None else ending.start()
        yield "no frame `IWAP..#` or `TRVAP..#`" if head is None else _frame(head, payload[head.end() : end])
        place = _begin(payload, end)


def _begin(payload: bytes, place: int) -> int:
    while place < len(payload) and payload[place] in _BETWEEN:
        place += 1
    return place


def _frame(head: re.Match[bytes], content: bytes) -> Frame:
    text = content.rstrip(_PADDING).decode("latin-1")
    return Frame(head[1].decode(), head[2].decode(), text, tuple(text.split(",")))


def read_fix(head: str) -> Fix | None:
    """Of a frame's first field; None if it is no position."""
    found = _POSITION.fullmatch(head)
    if found is None:
        return None
    day, validity, lat_deg, lat_min, ns, lon_deg, lon_min, ew, speed, clock, rest = found.groups()
    lat = _degrees(lat_deg, lat_min, negative=ns == "S")
    lon = _degrees(lon_deg, lon_min, negative=ew == "W")
    if validity == "V" or lat is None or lon is None or (lat == 0 and lon == 0):
        lat = lon = None  # a fix in the Gulf of Guinea is none
    return Fix(day, clock, lat, lon, float(speed), battery_of(rest))


def battery_of(state: str) -> float | None:
    """Of course (6 characters), signal (3), satellites (3), battery (3) and five digits or more."""
    found = _STATE.fullmatch(state)
    return float(found[1]) if found is not None else None


def _degrees(degrees: str, minutes: str, *, negative: bool) -> float | None:
    if float(minutes) >= 60:
        return None
    value = int(degrees) + float(minutes) / 60
    return -value if negative else value
