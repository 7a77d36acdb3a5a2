"""OwnTracks JSON (WIRE.md section 3); facts: the booklet's page on JSON, https://owntracks.org/booklet/tech/json/.

Whose it is: the level of the topic that the source's first `+` matches (`owntracks/+/+`: the user; `owntracks/care/+`:
the device). Where the topic does not say, user and device of the payload's `topic` (HTTP gateways put it in), joined
by a dot, or else its `tid`.

Choices where the format leaves room:
- `tst` is the time of the fix; `created_at`, when the message was written, stands in only where `tst` is missing.
- acc, alt and vel are left out when they are zero, and -1 says unknown (batt too): absent in every case.
- `bs` 2 (charging) and 3 (full) both mean that the phone hangs on its charger.
- A transition is a position; entering and leaving are counted, as our own rules judge places.
- `lwt` is the broker's word for a phone that is gone: offline, at its arrival. Its `tst` is when the phone connected.
- What is no reading is counted by its type and not kept: cards hold names and pictures, configurations passwords.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.formats.contract import Decoded, Message, Reason, Refusal
from ingest.formats.identity import is_watch_id
from ingest.formats.json_payload import number_of, parsed
from ingest.formats.rows import Rows, shown
from ingest.formats.times import LATEST_MS
from ingest.reading import Event, Kind, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

NOT_READINGS = frozenset(
    {"beacon", "card", "cmd", "configuration", "dump", "request", "status", "steps", "waypoint", "waypoints"}
)
ENCRYPTED = "encrypted by a key that only the phone knows; take the encryption key out of the app, and use TLS instead"
_KNOWN = frozenset(
    {"_type", "_id", "_http", "BSSID", "SSID", "acc", "alt", "batt", "bs", "cid", "cog", "conn", "created_at", "desc"}
    | {"event", "imei", "inregions", "inrids", "isotst", "lac", "lat", "lon", "m", "mcc", "mnc", "motionactivities"}
    | {"p", "poi", "rad", "rid", "sent", "source", "t", "tag", "tid", "topic", "tst", "vac", "vel", "wtst"}
)
_CHARGING = {1: 0, 2: 1, 3: 1}
_TRIGGERS = {"9": Event.BATTERY_LOW, "1": Event.BOOT, "f": Event.BOOT, "3": Event.CHARGING, "L": Event.POWER_OFF}
"""Triggers of Queclink and Greenwich devices that tell of the device; a phone's triggers tell why it spoke."""
_SECONDS_UNTIL = 100_000_000_000
"""A `tst` beyond it is in milliseconds: the year 5138 in seconds, 1973 in milliseconds."""


class OwnTracks:
    """The decoder."""

    name = "owntracks"

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Every object of every payload: readings, or a refusal with its reason. Raises for none."""
        rows = Rows()
        for index, message in enumerate(messages):
            content, reason, detail = parsed(message.payload)
            if reason is not None:
                rows.refusals.append(Refusal(index, reason, detail))
            elif isinstance(content, list):
                for place, element in enumerate(content):
                    _Element(rows, (index, message), element, place).read()
            else:
                _Element(rows, (index, message), content, None).read()
        return rows.finish()


class _Element:
    """One object being read into `rows`."""

    def __init__(self, rows: Rows, message: tuple[int, Message], content: Any, place: int | None) -> None:
        self.rows = rows
        self.message = message
        self.content = content
        self.place = place
        self.watch_id = ""

    def read(self) -> None:
        content = self.content
        if not isinstance(content, dict):
            self._refuse(Reason.NOT_AN_OBJECT, shown(content))
            return
        what = content.get("_type")
        if what == "encrypted":
            self._refuse(Reason.NOT_A_READING, ENCRYPTED)
        elif isinstance(what, str) and what in NOT_READINGS:
            self.rows.count_unknown(f"owntracks {what}")
        elif what not in ("location", "transition", "lwt"):
            self._refuse(Reason.UNKNOWN_KIND, f"_type: {shown(what)}")
        elif self._knows_its_watch():
            self._reading(str(what))

    def _refuse(self, reason: Reason, detail: str) -> None:
        self.rows.refusals.append(Refusal(self.message[0], reason, detail, self.place))

    def _knows_its_watch(self) -> bool:
        named = self.message[1].watch_id or _named_in(self.content)
        if named is None or not is_watch_id(named):
            remedy = 'name the watch in the topic: filter = "owntracks/+/+"'
            self._refuse(Reason.BAD_WATCH_ID, f"{shown(named)}: no watch; {remedy}")
            return False
        self.watch_id = named
        return True

    def _reading(self, what: str) -> None:
        for name in self.content:
            if name not in _KNOWN:
                self.rows.count_unknown(name)
        if what == "lwt":
            self._event(None, Event.OFFLINE)
            return
        time_ms = self._time_ms()
        if time_ms is None:
            return
        trigger = self.content.get("t")
        if isinstance(trigger, str) and trigger in _TRIGGERS and what == "location":
            self._state(self._event(time_ms, _TRIGGERS[trigger]))
        if what == "transition":
            self.rows.count_unknown(f"owntracks transition {str(self.content.get('event'))[:16]}")
        self._place(time_ms, needs_place=what == "location")

    def _time_ms(self) -> int | None:
        """Refused where there is none."""
        said = self.content.get("tst")
        said = self.content.get("created_at") if said is None else said
        seconds = number_of(said)
        if said is None:
            self._refuse(Reason.NO_TIME, "tst: absent")
            return None
        if seconds is not None and 0 <= seconds <= LATEST_MS:
            return round(seconds * 1000) if seconds < _SECONDS_UNTIL else round(seconds)
        self._refuse(Reason.BAD_TIME, f"tst: {shown(said)} is no number of seconds since 1970")
        return None

    def _event(self, time_ms: int | None, event: Event) -> int:
        row = self.rows.open(self.message, self.watch_id, Kind.STATUS, time_ms, 0, self.place)
        self.rows.put(row, "event", event)
        return row

    def _place(self, time_ms: int, *, needs_place: bool) -> None:
        content = self.content
        lat, lon = number_of(content.get("lat")), number_of(content.get("lon"))
        if lat is None or lon is None:
            if needs_place:
                said = f"lat: {shown(content.get('lat'))}, lon: {shown(content.get('lon'))}"
                self._refuse(Reason.WRONG_TYPE, f"{said}: no place")
                return
            self._state(self.rows.open(self.message, self.watch_id, Kind.STATUS, time_ms, 0, self.place))
            return
        row = self.rows.open(self.message, self.watch_id, Kind.LOCATION, time_ms, 0, self.place)
        self.rows.put(row, "lat", lat)
        self.rows.put(row, "lon", lon)
        self._known_number(row, "accuracy_m", "acc")
        self._known_number(row, "speed_kmh", "vel")
        if content.get("source") == "gps":  # `network` and `fused` do not say which
            self.rows.put(row, "source", Source.GPS)
        self._state(row)

    def _state(self, row: int) -> None:
        """Battery and charger."""
        self._known_number(row, "battery", "batt")
        status = self.content.get("bs")
        if type(status) is int and status in _CHARGING:
            self.rows.put(row, "charging", _CHARGING[status])

    def _known_number(self, row: int, column: str, name: str) -> None:
        """Below zero says that it is unknown; so does an accuracy of 0 m, which no receiver has."""
        said = self.content.get(name)
        if said is None:
            return
        value = number_of(said)
        if value is None:
            self.rows.empty_field(row, column, Reason.WRONG_TYPE, said)
        elif value > 0 or (value == 0 and column != "accuracy_m"):
            self.rows.put(row, column, value)


def _named_in(content: dict[str, Any]) -> str | None:
    """`owntracks/user/device` of the payload as `user.device`; else the tracker id."""
    topic, tid = content.get("topic"), content.get("tid")
    levels = topic.split("/") if isinstance(topic, str) else []
    if len(levels) >= 3:
        return ".".join(levels[1:3])
    return tid if isinstance(tid, str) else None
