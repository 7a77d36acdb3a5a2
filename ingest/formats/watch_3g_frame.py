"""`[3G*id*len*TYPE,...]`: how the bracket text of makers 3G, SG, CS, ZJ is cut into frames.

Some firmware puts an index before the length (`[ZJ*id*index*len*TYPE,...]`) and wants it back in the answer. The
length is wrong in many models, and names of WLANs hold commas, stars and brackets: a frame ends where the next
begins. Facts of the format: the captured frames in the tests of traccar's `watch` protocol.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = re.compile(rb"\[([0-9A-Za-z]{2})\*([^*\[\],]{1,64})\*")
_BODY = re.compile(r"(?:([^*,]{1,8})\*(?=[0-9A-Fa-f]{4}\*))?([^*,]{0,8})\*(.*)", re.DOTALL)
_PADDING = b" \t\r\n\0"


class Frame(NamedTuple):
    """One frame. `fields` are those after the type; `complete` is false when its end never came."""

    maker: str
    device: str
    sequence: str | None
    type: str
    fields: tuple[str, ...]
    complete: bool

    def answer(self, content: str) -> bytes:
        """The frame that tells the watch it was heard."""
        index = "" if self.sequence is None else f"{self.sequence}*"
        return f"[{self.maker}*{self.device}*{index}{len(content):04x}*{content}]".encode("latin-1")


def frames(payload: bytes) -> Iterator[Frame | str]:
    """Every frame of a payload in order; a text where there is something else, saying what."""
    heads = list(_HEAD.finditer(payload))
    if not heads or payload[: heads[0].start()].strip(_PADDING):
        yield "no frame `[3G*id*len*TYPE]`" if not heads else "bytes before the first frame"
    ends = [head.start() for head in heads[1:]] + [len(payload)]
    for head, end in zip(heads, ends[: len(heads)], strict=True):
        yield _frame(head, payload[head.end() : end].rstrip(_PADDING))


def _frame(head: re.Match[bytes], rest: bytes) -> Frame | str:
    end = rest.rfind(b"]")
    body = _BODY.fullmatch((rest if end < 0 else rest[:end]).decode("latin-1"))
    if body is None:
        return "a frame without length and type"
    content = body[3]
    is_plain = " " not in content and content.isprintable()
    fields = content.split(",") if is_plain else _stripped(content)
    kind = fields.pop(0)
    if end < 0 and fields:
        fields.pop()  # cut off somewhere: 7 may have been 71
    maker, device = (part.decode("latin-1") for part in head.groups())
    return Frame(maker, device, body[1], kind.strip(), tuple(fields), end >= 0)


def _stripped(content: str) -> list[str]:
    """Some firmware writes a space before a longitude, and line ends between frames."""
    return [field.strip() for field in content.split(",")]
