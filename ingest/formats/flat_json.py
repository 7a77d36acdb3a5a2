"""Any JSON of named values, by the field map of its model in config/devices/ (WIRE.md section 3).

Choices where the format leaves room:
- Numbers may come as strings. `null` and the texts that the map calls absent say that there is no value.
- A maker's flag that the watch is worn is believed only when false; `bpm` 0 says the same.
- An emergency is never refused: bytes that are no JSON alert where a `"key": value` in them is one of the map's
  emergencies, or where the topic's last level is `sos` or `fall`.
- Values that no reading holds are counted under their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.formats.contract import Decoded, Message, Reason, Refusal
from ingest.formats.flat_json_element import Element, Origin
from ingest.formats.flat_json_map import FieldMap
from ingest.formats.flat_json_path import found_at
from ingest.formats.flat_json_plan import Plan, is_said
from ingest.formats.identity import is_watch_id, stand_in_id
from ingest.formats.json_payload import parsed, text_of
from ingest.formats.rows import Rows, shown
from ingest.reading import Flag, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.formats.profile import Profile

NO_MAP = "this source names no profile; write one for its model (docs/formats.md) and name it in [[sources]]"


class FlatJson:
    """The decoder; one a profile. Without a map it refuses everything, as nobody said what the values mean."""

    name = "flat_json"

    def __init__(self, profile: Profile | None = None) -> None:
        self.field_map = profile.field_map if profile is not None else None
        self._plan = Plan(self.field_map or FieldMap())

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Every element of every payload: readings, or a refusal with its reason. Raises for none."""
        rows = Rows()
        field_map = self.field_map or FieldMap()
        for index, message in enumerate(messages):
            _Payload(rows, (index, message), field_map, self._plan).read(has_map=self.field_map is not None)
        return rows.finish()


class _Payload:
    """One message being read into `rows`."""

    def __init__(self, rows: Rows, message: tuple[int, Message], field_map: FieldMap, plan: Plan) -> None:
        self.rows = rows
        self.message = message
        self.map = field_map
        self.plan = plan
        self.alerted: set[Kind] = set()
        self.readable: Element | None = None
        """Says whose and when, of what could be read."""

    def read(self, *, has_map: bool) -> None:
        _, message = self.message
        content, reason, detail = parsed(message.payload)
        if not has_map:
            self._refuse(Reason.NOT_A_READING, NO_MAP, None)
        elif reason is not None:
            self._refuse(reason, detail, None)
            self._alert_of_bytes(message.payload)
        else:
            self._elements(found_at(content, self.map.elements) if self.map.elements else content, content)
        if message.kind is not None and message.kind.is_emergency and message.kind not in self.alerted:
            self._alert(message.kind)

    def _elements(self, found: Any, content: Any) -> None:
        """Each by itself; the watch may be named once for all of them."""
        if isinstance(found, list) and (found or content is not found):
            if not found:
                self.rows.count_unknown("no elements")
            for place, element in enumerate(found):
                self._element(element, content, place)
        else:
            self._element(content if isinstance(content, dict) and found is None else found, content, None)

    def _refuse(self, reason: Reason, detail: str, place: int | None) -> None:
        self.rows.refusals.append(Refusal(self.message[0], reason, detail, place))

    def _alert_of_bytes(self, payload: bytes) -> None:
        for reading in self.map.readings:
            if reading.kind.is_emergency and reading.when is not None and reading.when.holds_somewhere(payload):
                self._alert(reading.kind)

    def _alert(self, kind: Kind) -> None:
        """That it happened is all that is known, or when it did, too."""
        self.alerted.add(kind)
        if self.readable is not None:
            self.rows.open(self.message, self.readable.watch_id, kind, self.readable.time_ms)
            return
        named = self._topic_watch()
        self.rows.open(self.message, named if is_watch_id(named) else stand_in_id(named), kind, None, Flag.UNDECODABLE)

    def _topic_watch(self) -> str:
        _, message = self.message
        return self.map.watch_of_topic(message.topic) or message.watch_id or ""

    def _element(self, element: Any, content: Any, place: int | None) -> None:
        if not isinstance(element, dict):
            self._refuse(Reason.NOT_AN_OBJECT, shown(element), place)
            return
        values = self.plan.values(element, self.rows.count_unknown)
        only = self.map.only
        if only is not None:
            said = self._of_whole(values[self.plan.only], only.paths, element, content)
            if not only.holds(said):
                self.rows.count_unknown(f"other message: {text_of(said)}")
                return
        named = self._of_whole(values[self.plan.watch], self.map.watch, element, content)
        watch = self._topic_watch() if named is None else named if isinstance(named, str) else text_of(named) or ""
        paths = () if self.map.time is None else self.map.time.paths
        time = self._of_whole(values[self.plan.time], paths, element, content)
        self.readable = Element(self.rows, self.map, Origin(self.message, place), values, watch, time)
        shared = [
            (cell, values[slot])
            for cell, slot in self.plan.shared
            if cell.constant is not None or (values[slot] is not None and is_said(values[slot], cell.absent))
        ]
        self.alerted |= self.readable.read(self.plan.readings, shared, list(element))

    def _of_whole(self, value: Any, paths: Any, element: Any, content: Any) -> Any:
        """What the element says, or else the whole payload."""
        return found_at(content, paths) if value is None and element is not content else value
