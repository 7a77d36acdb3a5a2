"""The kinds of our own JSON as msgspec structs, and how a list of such structs becomes columns.

msgspec packs a list of structs into MessagePack. A float takes nine bytes there, a boolean or nil one, and the names
are the same in each struct: so all have one length, and the same field stands at the same offset of every one. numpy
reads it as a column with that stride. Measured on 15 fields: 175 ns a reading, against 700 for one field at a time.

A bare object of known fields, its time a number, is `plain`: read by a stricter struct, and nothing of it has to be
looked at again. An array, an unknown field and a time as text are for the struct that is patient.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, Union

import msgspec
import numpy as np

from ingest.formats.native_times import times_ms_of
from ingest.reading import PAYLOAD_COLUMNS, Column, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

HEAD = ("v", "boot", "seq", "oldest", "time")
"""Of every kind, besides what the watch measured."""
KIND_FIELD, TIME = "kind", "time"
_ABSENT = float("nan")
_FLOAT_BYTES, _NIL_BYTES = 9, 1
_FLAG_OF_BYTE = np.full(256, -1, np.int8)
_FLAG_OF_BYTE[0xC2], _FLAG_OF_BYTE[0xC3] = 0, 1  # false and true of MessagePack; nil says nothing
MOST_ODD = 8
"""Payloads of a batch, not plain, until the rest is read with patience."""
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for a payload; the last for one that is nested too deep."""
_pack = msgspec.msgpack.Encoder().encode


_UNCOUNTED = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Packed:
    """Readings of one kind as columns. `numbers`: float64, NaN where absent. `codes`: int8, -1 where absent.

    `fields`: how many known fields each reading carried, and `colons` how many colons at least it was written with (a
    time as text has some of its own), shape (rows,); empty for plain ones. A column that no reading carries is left
    out.
    """

    numbers: dict[str, NDArray[np.float64]]
    codes: dict[str, NDArray[np.int8]]
    fields: NDArray[np.int64]
    colons: NDArray[np.int64]

    def kept(self, keep: NDArray[np.bool_]) -> Packed:
        """The readings that the mask names."""
        return Packed(
            {name: values[keep] for name, values in self.numbers.items()},
            {name: values[keep] for name, values in self.codes.items()},
            self.fields[keep] if len(self.fields) else self.fields,
            self.colons[keep] if len(self.colons) else self.colons,
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
        self.struct = self._defined(float | str, forbid=False)
        self.strict = self._defined(float, forbid=True)
        self._offsets, self._stride = self._measured()

    def pack(self, structs: Sequence[msgspec.Struct], *, plain: bool = False) -> Packed:
        """Structs of this form as columns; words, and times as text, are taken out of them. `plain`: all are strict."""
        words = {name: self._taken(structs, name) for name in self._words}
        marks = None if plain else _times_taken(structs)
        packed = _pack(structs)
        start = len(packed) - self._stride * len(structs)
        numbers = {name: self._column(packed, start, name, ">f8").astype(np.float64) for name in self._numbers}
        flags = {name: _FLAG_OF_BYTE[self._column(packed, start, name, "u1")] for name in self._flags}
        if plain:
            carried = {name: one for name, one in numbers.items() if one[0] == one[0] or not np.isnan(one).all()}
            codes = {name: one for name, one in (words | flags).items() if one[0] >= 0 or one.max() >= 0}
            return Packed(carried, codes, _UNCOUNTED, _UNCOUNTED)
        fields = np.full(len(structs), int(self.is_tagged), np.int64)
        carried = {name: one for name, one in numbers.items() if _counted(fields, ~np.isnan(one))}
        codes = {name: one for name, one in (words | flags).items() if _counted(fields, one >= 0)}
        return Packed(carried, codes, fields, fields if marks is None else fields + marks)

    def _defined(self, time: Any, *, forbid: bool) -> type[msgspec.Struct]:
        fields: list[tuple[str, Any, Any]] = [(name, float, _ABSENT) for name in self._numbers]
        fields[HEAD.index(TIME)] = (TIME, time, _ABSENT)
        fields += [(name, bool, None) for name in self._flags]
        fields += [(name, Literal[tuple(word for word in words if word)], None) for name, words in self._words.items()]
        tag: dict[str, Any] = {"tag_field": KIND_FIELD, "tag": self.kind.topic} if self.is_tagged else {}
        return msgspec.defstruct(self.kind.topic, fields, gc=False, forbid_unknown_fields=forbid, **tag)

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
        self._patient: Callable[[bytes], Any] = msgspec.json.Decoder(one | list[one]).decode
        plain = forms[0].strict if len(forms) == 1 else None
        self._strict = None if plain is None else msgspec.json.Decoder(plain).decode

    def read(self, payloads: Sequence[bytes]) -> tuple[list[Any], Sequence[int]]:
        """Of each payload a struct, a list of structs, or None where it is not regular; and which are not plain.

        Where many are not plain, the rest is read with patience: what refuses a payload costs twice its decoding.
        """
        found: list[Any] = []
        odd: list[int] = []
        while self._strict is not None and len(found) < len(payloads) and len(odd) < MOST_ODD:
            try:
                found.extend(map(self._strict, islice(payloads, len(found), None)))  # keeps what came before an error
            except UNREADABLE:
                odd.append(len(found))
                found.append(self._patiently(payloads[len(found)]))
        rest = range(len(found), len(payloads))
        found += [self._patiently(payloads[place]) for place in rest]
        return found, [*odd, *rest] if odd else rest

    def _patiently(self, payload: bytes) -> Any:
        try:
            return self._patient(payload)
        except UNREADABLE:  # the careful way says why
            return None


def _codes(column: Column) -> dict[str | None, int]:
    return {None: -1} | {word.name.lower(): int(word) for word in column.words or ()}


def _times_taken(structs: Sequence[msgspec.Struct]) -> NDArray[np.int64] | None:
    """Put numbers in the place of times as text, and tell how many colons each was written with; None: there is none.

    One that is not surely a time is left out, which makes its reading irregular.
    """
    said = list(map(attrgetter(TIME), structs))
    if str not in set(map(type, said)):
        return None
    rows = [row for row, time in enumerate(said) if type(time) is str]
    texts = [said[row] for row in rows]
    for row, time_ms in zip(rows, times_ms_of(texts).tolist(), strict=True):
        setattr(structs[row], TIME, time_ms)
    colons = np.zeros(len(said), np.int64)
    colons[rows] = np.fromiter(map(str.count, texts, repeat(":")), np.int64, len(texts))
    return colons


def _counted(fields: NDArray[np.int64], carried: NDArray[np.bool_]) -> bool:
    """Add a column's cells to each reading's count; whether there were any."""
    fields += carried
    return bool(carried.any())


READERS: dict[Kind | None, Reader] = {kind: Reader([Form(kind, is_tagged=False)]) for kind in Kind}
READERS[None] = Reader([Form(kind, is_tagged=True) for kind in Kind])
"""By the kind that the topic says; None: each element says its own."""
