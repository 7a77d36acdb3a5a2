"""The kinds of our own JSON as msgspec structs, and how a list of such structs becomes columns.

msgspec packs a list of structs into MessagePack. A float takes nine bytes there, a boolean or nil one, and the names
are the same in each struct: so all have one length, and the same field stands at the same offset of every one. numpy
reads it as a column with that stride. Measured on 15 fields: 175 ns a reading, against 700 for one field at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, Union

import msgspec
import numpy as np

from ingest.reading import PAYLOAD_COLUMNS, Column, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

HEAD = ("v", "boot", "seq", "oldest", "time")
"""Of every kind, besides what the watch measured."""
KIND_FIELD = "kind"
_ABSENT = float("nan")
_FLOAT_BYTES, _NIL_BYTES = 9, 1
_FLAG_OF_BYTE = np.full(256, -1, np.int8)
_FLAG_OF_BYTE[0xC2], _FLAG_OF_BYTE[0xC3] = 0, 1  # false and true of MessagePack; nil says nothing
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for a payload; the last for one that is nested too deep."""
_pack = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Packed:
    """Readings of one kind as columns. `numbers`: float64, NaN where absent. `codes`: int8, -1 where absent.

    `fields`: how many known fields each reading carried, shape (rows,). A column that no reading carries is left out.
    """

    numbers: dict[str, NDArray[np.float64]]
    codes: dict[str, NDArray[np.int8]]
    fields: NDArray[np.int64]

    def kept(self, keep: NDArray[np.bool_]) -> Packed:
        """The readings that the mask names."""
        return Packed(
            {name: values[keep] for name, values in self.numbers.items()},
            {name: values[keep] for name, values in self.codes.items()},
            self.fields[keep],
        )


class Form:
    """One kind. `known`: the fields that count as known, as the wire names them. `is_tagged`: `kind` is one of them."""

    def __init__(self, kind: Kind, *, is_tagged: bool) -> None:
        body = [column for column in PAYLOAD_COLUMNS if kind in column.kinds]
        self.kind = kind
        self.is_tagged = is_tagged
        self._numbers = (*HEAD, *(one.name for one in body if one.words is None and not one.is_flag))
        self._flags = tuple(one.name for one in body if one.is_flag)
        self._words = {one.name: _codes(one) for one in body if one.words is not None}
        self.known = frozenset((*self._numbers, *self._flags, *self._words, *((KIND_FIELD,) if is_tagged else ())))
        self.struct = self._defined()
        self._offsets, self._stride = self._measured()

    def pack(self, structs: Sequence[msgspec.Struct]) -> Packed:
        """Structs of this form as columns; their words are taken out of them."""
        words = {name: self._taken(structs, name) for name in self._words}
        packed = _pack(structs)
        start = len(packed) - self._stride * len(structs)
        numbers = {name: self._column(packed, start, name, ">f8").astype(np.float64) for name in self._numbers}
        flags = {name: _FLAG_OF_BYTE[self._column(packed, start, name, "u1")] for name in self._flags}
        fields = np.full(len(structs), int(self.is_tagged), np.int64)
        carried_numbers = {name: one for name, one in numbers.items() if _counted(fields, ~np.isnan(one))}
        codes = {name: one for name, one in (words | flags).items() if _counted(fields, one >= 0)}
        return Packed(carried_numbers, codes, fields)

    def _defined(self) -> type[msgspec.Struct]:
        fields: list[tuple[str, Any, Any]] = [(name, float, _ABSENT) for name in self._numbers]
        fields += [(name, bool, None) for name in self._flags]
        fields += [(name, Literal[tuple(word for word in words if word)], None) for name, words in self._words.items()]
        tag: dict[str, Any] = {"tag_field": KIND_FIELD, "tag": self.kind.topic} if self.is_tagged else {}
        return msgspec.defstruct(self.kind.topic, fields, gc=False, **tag)

    def _measured(self) -> tuple[dict[str, int], int]:
        """Where the value of each field stands in a packed struct, and the struct's length, in bytes."""
        one = _pack(self.struct())
        at = one.index(b"\xa1v")  # fixed text of one byte: the name of the first field
        offsets = {}
        for name in (*self._numbers, *self._flags, *self._words):
            at += 1 + len(name)
            is_number = name in self._numbers
            offsets[name] = at + 1 if is_number else at
            at += _FLOAT_BYTES if is_number else _NIL_BYTES
        return offsets, len(one)

    def _column(self, packed: bytes, start: int, name: str, dtype: str) -> NDArray[Any]:
        rows = (len(packed) - start) // self._stride
        return np.ndarray((rows,), dtype, packed, start + self._offsets[name], (self._stride,))

    def _taken(self, structs: Sequence[msgspec.Struct], name: str) -> NDArray[np.int8]:
        """A word has no fixed length: its code stands here, and nil in the struct."""
        said = list(map(attrgetter(name), structs))
        if said.count(None) == len(said):
            return np.full(len(said), -1, np.int8)
        for struct in structs:
            setattr(struct, name, None)
        return np.fromiter(map(self._words[name].__getitem__, said), np.int8, len(said))


class Reader:
    """Reads payloads of one topic's last level: an object, or an array, of one kind or each with its own."""

    def __init__(self, forms: Sequence[Form]) -> None:
        self.forms = tuple(forms)
        one: Any = Union[tuple(form.struct for form in forms)]  # noqa: UP007 - of a tuple known at run time only
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(one | list[one]).decode

    def read(self, payloads: Sequence[bytes]) -> list[Any]:
        """A struct, a list of structs, or None for a payload that is not regular."""
        found: list[Any] = []
        add, decode = found.append, self._decode
        for payload in payloads:
            try:
                add(decode(payload))
            except UNREADABLE:  # the careful way says why
                add(None)
        return found


def _codes(column: Column) -> dict[str | None, int]:
    return {None: -1} | {word.name.lower(): int(word) for word in column.words or ()}


def _counted(fields: NDArray[np.int64], carried: NDArray[np.bool_]) -> bool:
    """Add a column's cells to each reading's count; whether there were any."""
    fields += carried
    return bool(carried.any())


READERS: dict[Kind | None, Reader] = {kind: Reader([Form(kind, is_tagged=False)]) for kind in Kind}
READERS[None] = Reader([Form(kind, is_tagged=True) for kind in Kind])
"""By the kind that the topic says; None: each element says its own."""
