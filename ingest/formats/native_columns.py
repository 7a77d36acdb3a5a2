"""carewatch's own JSON, a batch at a time: the quick way for messages with nothing odd in them.

A payload becomes one struct of a kind; the structs of a kind are packed by msgspec into one buffer of equal strides,
from which numpy takes a column each: no Python object a field. Every payload is decoded on its own, never joined with
others, or one could smuggle a second message in. What msgspec refuses, and what only the careful way can judge (a
time that is missing, a count that is no count), is left to `native_reading`; both ways give the same.

Fields that WIRE.md does not know are skipped, but must be counted: each field has a colon, so a message that has more
colons than known fields is looked through once more, if the struct that forbids unknown ones has refused it. A firmware
that adds a field to every message costs that, no more.
"""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ingest.formats.native_forms import READERS, UNREADABLE
from ingest.formats.native_reading import FULL_ARRAY, FULL_PAYLOAD_BYTES
from ingest.formats.native_sheet import Sheet, decoded
from ingest.reading import KIND_BY_TOPIC, Flag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from ingest.formats.contract import Decoded, Messages, Refusal
    from ingest.formats.native_forms import Form, Reader
    from ingest.reading import Kind

_CODE_OF_KIND: dict[Kind | None, int] = {kind: code for code, kind in enumerate(READERS)}
_json = msgspec.json.Decoder()


def read_regular(messages: Messages, count_unknown: Callable[[str, int], None]) -> tuple[Decoded, list[int]]:
    """The regular messages as `Decoded` (unknown fields go to `count_unknown`), and the places of the others."""
    reading = _Reading(messages, count_unknown)
    sheets = [sheet for kind, places in _by_kind(messages) for sheet in reading.read(kind, places)]
    left_out = reading.irregular | reading.refused
    kept = [sheet.kept(~left_out[sheet.messages]) for sheet in sheets] if left_out.any() else sheets
    return decoded(kept, messages, reading.flags, reading.refusals), np.flatnonzero(reading.irregular).tolist()


def _by_kind(messages: Messages) -> Iterator[tuple[Kind | None, NDArray[np.int64]]]:
    kinds = messages.kinds
    if kinds.count(kinds[0]) == len(kinds):
        yield kinds[0], np.arange(len(kinds))
        return
    codes = np.fromiter(map(_CODE_OF_KIND.__getitem__, kinds), np.int8, len(kinds))
    for kind, code in _CODE_OF_KIND.items():
        if len(places := np.flatnonzero(codes == code)):
            yield kind, places


class _Reading:
    """One batch being read. `irregular`: messages for the careful way. `flags`: of all readings of a message.

    `refused`: messages of which all is said in `refusals`.
    """

    def __init__(self, messages: Messages, count_unknown: Callable[[str, int], None]) -> None:
        self.messages = messages
        self.irregular = np.zeros(len(messages), np.bool_)
        if None in set(messages.watch_ids):
            self.irregular[:] = [watch_id is None for watch_id in messages.watch_ids]
        self.refused = np.zeros(len(messages), np.bool_)
        self.refusals: list[Refusal] = []
        self.flags = np.zeros(len(messages), np.uint32)
        self._flag(messages.backlog, Flag.FROM_BACKLOG)
        self._flag(messages.retained, Flag.RETAINED)
        self._count_unknown = count_unknown

    def read(self, kind: Kind | None, places: NDArray[np.int64]) -> list[Sheet]:
        """The readings of the messages at `places`, a sheet a kind of reading, irregular ones among them."""
        payloads = self._payloads(places)
        reader = READERS[kind]
        contents, odd = reader.read(payloads)
        if odd:
            sheets = self._flattened(reader, places.tolist(), contents)
            where, strange = places[odd], [payloads[at] for at in odd]
            known, unexplained = self._unexplained(where, strange, sheets)
        else:
            packed = reader.forms[0].pack(contents, plain=True)
            sheets = [Sheet(reader.forms[0], places, None, packed)]
        for sheet in sheets:
            asked = ~self.irregular[sheet.messages]
            # Where each colon is a known field's, nothing was skipped, and the time is not absent for being a text.
            self._refuse(sheet, asked & sheet.is_bare() & ~unexplained[sheet.messages] if odd else asked)
            odd_ones = sheet.messages[~sheet.is_regular()]
            self.irregular[odd_ones] |= ~self.refused[odd_ones]
        if odd:
            self._look_for_unknown(kind, where, strange, known, unexplained)
        return sheets

    def _refuse(self, sheet: Sheet, asked: NDArray[np.bool_]) -> None:
        """What bare readings are refused for, where no more has to be known of them."""
        rows, refusals = sheet.refusals(asked)
        self.refused[sheet.messages[rows]] = True
        self.refusals += refusals

    def _flag(self, those: Sequence[bool], flag: Flag) -> None:
        if True in those:
            self.flags[np.array(those, np.bool_)] |= np.uint32(flag)

    def _payloads(self, places: NDArray[np.int64]) -> Sequence[bytes]:
        """Of the messages at `places`; the long ones are flagged."""
        every = self.messages.payloads
        payloads = every if len(places) == len(every) else [every[place] for place in places.tolist()]
        if max(map(len, payloads)) > FULL_PAYLOAD_BYTES:
            is_long = [len(payload) > FULL_PAYLOAD_BYTES for payload in payloads]
            self.flags[places[is_long]] |= np.uint32(Flag.OVERSIZED)
        return payloads

    def _flattened(self, reader: Reader, places: Sequence[int], contents: Sequence[Any]) -> list[Sheet]:
        structs: list[msgspec.Struct] = []
        owners: list[int] = []
        elements: list[int] = []
        for place, content in zip(places, contents, strict=True):
            if not content and not isinstance(content, msgspec.Struct):
                self.irregular[place] = True  # unreadable, or an empty array, which on /sos alerts
            elif isinstance(content, list):
                structs += content
                owners += repeat(place, len(content))
                elements += range(len(content))
                if len(content) > FULL_ARRAY:
                    self.flags[place] |= np.uint32(Flag.OVERSIZED)
            else:
                structs.append(content)
                owners.append(place)
                elements.append(-1)
        return _sheets(reader.forms, structs, np.array(owners, np.int64), np.array(elements, np.int64))

    def _unexplained(
        self, where: NDArray[np.int64], payloads: Sequence[bytes], sheets: Sequence[Sheet]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Known fields of each message, and which of those at `where` have more colons: a colon a field, at least."""
        known, expected = np.zeros(len(self.messages), np.int64), np.zeros(len(self.messages), np.int64)
        for sheet in sheets:
            np.add.at(known, sheet.messages, sheet.packed.fields)
            np.add.at(expected, sheet.messages, sheet.packed.colons)
        colons = np.fromiter(map(bytes.count, payloads, repeat(b":")), np.int64, len(payloads))
        unexplained = np.zeros(len(self.messages), np.bool_)
        unexplained[where] = colons != expected[where]
        return known, unexplained

    def _look_for_unknown(
        self,
        kind: Kind | None,
        where: NDArray[np.int64],
        payloads: Sequence[bytes],
        known: NDArray[np.int64],
        unexplained: NDArray[np.bool_],
    ) -> None:
        """Where there are more colons than fields, the message is looked through."""
        unknown: dict[str, int] = {}
        chosen = np.flatnonzero(unexplained[where] & ~self.irregular[where])
        places_chosen = where[chosen]
        for at, place, fields in zip(
            chosen.tolist(), places_chosen.tolist(), known[places_chosen].tolist(), strict=True
        ):
            if not _look_through(kind, payloads[at], fields, unknown):
                self.irregular[place] = True
        for name, count in unknown.items():
            self._count_unknown(name, count)


def _look_through(kind: Kind | None, payload: bytes, known: int, unknown: dict[str, int]) -> bool:
    """Count the unknown fields of a message; False where there is more to it than those."""
    try:
        content = _json.decode(payload)
    except UNREADABLE:
        return False  # in what the quick way skipped
    fields, others = 0, []
    for element in content if type(content) is list else (content,):
        names = _known(kind, element)
        fields += len(element)
        others += [name for name in element if name not in names]
    if fields - len(others) != known:
        return False
    for name in others:
        if name != "kind":
            unknown[name] = unknown.get(name, 0) + 1
    return True


def _sheets(
    forms: Sequence[Form], structs: Sequence[msgspec.Struct], owners: NDArray[np.int64], elements: NDArray[np.int64]
) -> list[Sheet]:
    """A sheet for each kind that came."""
    if len(forms) == 1:
        return [Sheet(forms[0], owners, elements, forms[0].pack(structs))] if structs else []
    found = []
    types = list(map(type, structs))
    for form in forms:
        if chosen := [row for row, one in enumerate(types) if one is form.struct]:
            packed = form.pack([structs[row] for row in chosen])
            found.append(Sheet(form, owners[chosen], elements[chosen], packed))
    return found


def _known(kind: Kind | None, element: dict[str, Any]) -> frozenset[str]:
    if kind is not None:
        return READERS[kind].forms[0].known
    return READERS[None].forms[KIND_BY_TOPIC[element["kind"]]].known
