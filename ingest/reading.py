"""Every column of a reading: its name, type, unit, range, and what it means.

Decoders, normalisation, the log, the line protocol, the rules and the docs derive from `COLUMNS`; nothing else in
the program declares a column. `Readings` is a batch of them: a struct of numpy arrays, one row a reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

SCHEMA_VERSION = 1
"""Of the columns below. A change of name, type or meaning is a new version, and the log keeps a reader for the old."""


class Kind(IntEnum):
    """What a reading tells of; the last level of its topic (WIRE.md section 1)."""

    HEART_RATE = 0
    FALL = 1
    LOCATION = 2
    SOS = 3
    STATUS = 4

    @property
    def topic(self) -> str:
        """As the wire writes it: `heart_rate`, `fall`, ..."""
        return self.name.lower()

    @property
    def is_emergency(self) -> bool:
        """Never refused, never shed, receipted at once."""
        return self in EMERGENCY_KINDS


EMERGENCY_KINDS = frozenset({Kind.FALL, Kind.SOS})
KIND_BY_TOPIC = {kind.topic: kind for kind in Kind}
ALL_KINDS = tuple(Kind)


class Source(IntEnum):
    """Where a position came from."""

    GPS = 0
    WIFI = 1
    CELL = 2


class Datum(IntEnum):
    """The geodetic datum in which a position arrived; after normalisation every position is WGS-84."""

    WGS84 = 0
    GCJ02 = 1


class Event(IntEnum):
    """What a status reading reports (WIRE.md section 1)."""

    BOOT = 0
    ONLINE = 1
    OFFLINE = 2
    WORN = 3
    REMOVED = 4
    CHARGING = 5
    CHARGED = 6
    BATTERY_LOW = 7
    POWER_OFF = 8
    FIRMWARE = 9


class Flag(IntFlag):
    """What normalisation found or changed. A flag is never a refusal; the raw value's fate is told by its name."""

    CLOCK_REPAIRED = 1 << 0  # the watch's clock was absurd; time_ms comes from arrival and seq
    CLOCK_SET = 1 << 1  # a higher seq with an earlier time: the watch's clock was set back, its lanes start again
    DATUM_CONVERTED = 1 << 2  # GCJ-02 to WGS-84
    OUT_OF_RANGE = 1 << 3  # a known field was out of range and emptied
    WRONG_TYPE = 1 << 4  # a known field was of the wrong type and emptied
    NOT_WORN_BY_ZERO = 1 << 5  # bpm 0 came: worn = false
    UNKNOWN_WATCH = 1 << 6  # the registry did not know the watch
    UNDECODABLE = 1 << 7  # an emergency's payload could not be read; it alerts all the same
    UNKNOWN_VERSION = 1 << 8  # an emergency of an unknown format version; it alerts all the same
    TIME_MISSING = 1 << 9  # an emergency without a time: arrival stands in
    SEQ_JUMP = 1 << 10  # seq jumped by more than 1,000,000
    SEQ_RESET = 1 << 11  # a committed seq with a newer time: the watch's count began again without a new boot
    BOOT_STORM = 1 << 12  # more boots or ranges than are kept
    TWO_SENDERS = 1 << 13  # two watches seem to share this id
    OVERSIZED = 1 << 14  # part of a message of more than 500 readings or 64 KiB
    FROM_BACKLOG = 1 << 15  # came in a backlog array
    RETAINED = 1 << 16  # the broker delivered it as a retained message


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `Readings`.

    `low` and `high` are inclusive; a value outside is emptied with `Flag.OUT_OF_RANGE`. `absent` is what an empty
    cell holds. `kinds` are the kinds that carry the column. `stale_after_s`: how long the last known value may stand
    in for a missing one in rules (None: as long as the watch lives). `influx` is the type of its InfluxDB field.
    """

    name: str
    dtype: np.dtype[Any]
    absent: float | int
    unit: str
    kinds: tuple[Kind, ...]
    meaning: str
    low: float | None = None
    high: float | None = None
    influx: Literal["float", "integer", "boolean", "text"] | None = None
    words: type[IntEnum] | None = None
    stale_after_s: int | None = None
    required: bool = False

    @property
    def is_flag(self) -> bool:
        """Three-valued: 1 true, 0 false, -1 unknown."""
        return self.dtype == np.int8 and self.words is None


def _real(
    name: str, unit: str, kinds: tuple[Kind, ...], bounds: tuple[float, float], meaning: str, **more: Any
) -> Column:
    more.setdefault("influx", "float")
    return Column(name, np.dtype(np.float32), np.nan, unit, kinds, meaning, *bounds, **more)


def _flag(name: str, kinds: tuple[Kind, ...], meaning: str, **more: Any) -> Column:
    return Column(name, np.dtype(np.int8), -1, "1 true, 0 false", kinds, meaning, 0, 1, influx="boolean", **more)


def _integer(name: str, unit: str, bounds: tuple[int, int] | None, meaning: str, **more: Any) -> Column:
    low, high = bounds or (None, None)
    return Column(name, np.dtype(np.int64), -1, unit, ALL_KINDS, meaning, low, high, **more)


def _words(name: str, kinds: tuple[Kind, ...], words: type[IntEnum], meaning: str, **more: Any) -> Column:
    return Column(name, np.dtype(np.int8), -1, "word", kinds, meaning, words=words, **more)


def _degrees(name: str, unit: str, most: int, meaning: str) -> Column:
    real = np.dtype(np.float64)
    return Column(name, real, np.nan, unit, _PLACE, meaning, -most, most, influx="float", stale_after_s=15 * 60)


HOUR_S = 3600
DAY_S = 86_400
UINT32_MAX = 4_294_967_295
_HEART = (Kind.HEART_RATE,)
_STEPS = (Kind.HEART_RATE, Kind.STATUS)
_FALL = (Kind.FALL,)
_PLACE = (Kind.LOCATION,)

COLUMNS: tuple[Column, ...] = (
    _integer("watch", "index", None, "the watch's index in the registry", required=True),
    Column("kind", np.dtype(np.int8), -1, "word", ALL_KINDS, "what the reading tells of", words=Kind, required=True),
    _integer("time_ms", "ms since 1970 UTC", None, "when it happened, after clock repair", required=True),
    _integer("raw_time_ms", "ms since 1970 UTC", None, "when it happened, as the watch said; -1: it said nothing"),
    _integer("arrival_ms", "ms since 1970 UTC", None, "when the broker delivered it", required=True),
    _integer("boot", "number", (0, UINT32_MAX), "random at each power-up of the watch"),
    _integer("seq", "number", (0, UINT32_MAX), "one count over every kind of this boot; 0: deduplicate by values"),
    _integer("oldest", "number", (0, UINT32_MAX), "the lowest seq that the watch still holds"),
    Column("flags", np.dtype(np.uint32), 0, "bits", ALL_KINDS, "what normalisation found or changed", influx="integer"),
    _real("battery", "%", ALL_KINDS, (0, 100), "charge of the watch's battery", stale_after_s=DAY_S),
    _flag("worn", ALL_KINDS, "the watch is on a wrist", stale_after_s=HOUR_S),
    _flag("charging", ALL_KINDS, "the watch is being charged", stale_after_s=HOUR_S),
    _real("bpm", "/min", _HEART, (20, 300), "heart rate; 0 on the wire means not worn", stale_after_s=15 * 60),
    _real("quality", "0..1", _HEART, (0, 1), "the sensor's own confidence in bpm", stale_after_s=15 * 60),
    _real(
        "steps",
        "steps",
        _STEPS,
        (0, 5000),
        "since the previous reading that carried steps",
        influx="integer",
        stale_after_s=15 * 60,
    ),
    _real("spo2", "%", _HEART, (50, 100), "blood oxygen saturation", stale_after_s=HOUR_S),
    _real("systolic", "mmHg", _HEART, (50, 300), "systolic blood pressure", stale_after_s=HOUR_S),
    _real("diastolic", "mmHg", _HEART, (20, 250), "diastolic blood pressure", stale_after_s=HOUR_S),
    _real("skin_c", "C", _HEART, (10, 45), "skin temperature", stale_after_s=HOUR_S),
    _real("confidence", "0..1", _FALL, (0, 1), "the watch's own confidence in the fall"),
    _real("impact_g", "g", _FALL, (0, 50), "peak acceleration of the fall"),
    _real("still_s", "s", _FALL, (0, 86_400), "how long the wearer has not moved since the fall"),
    _flag("cancelled", (Kind.FALL, Kind.SOS), "the wearer called it off"),
    _degrees("lat", "degrees north", 90, "latitude, WGS-84"),
    _degrees("lon", "degrees east", 180, "longitude, WGS-84"),
    _real("accuracy_m", "m", _PLACE, (0, 100_000), "radius of the position's uncertainty", stale_after_s=15 * 60),
    _real("speed_kmh", "km/h", _PLACE, (0, 300), "ground speed", stale_after_s=15 * 60),
    _words("source", _PLACE, Source, "where the position came from", influx="text", stale_after_s=15 * 60),
    _words("datum", _PLACE, Datum, "datum in which the position arrived (lat, lon are WGS-84 by now)"),
    _words("event", (Kind.STATUS,), Event, "what the status reading reports", influx="text"),
)

COLUMN: dict[str, Column] = {column.name: column for column in COLUMNS}
PAYLOAD_COLUMNS: tuple[Column, ...] = COLUMNS[9:]
"""Those that a watch fills; the ones before say whose and when."""


class Readings:
    """A batch of readings in arrival order: one numpy array a column, all of `rows` length.

    A column that no row carries may be left out; reading it gives an array of its `absent` value.
    Frozen by convention: operations return new batches.
    """

    __slots__ = ("_columns", "rows")

    def __init__(self, columns: Mapping[str, NDArray[Any]], rows: int | None = None) -> None:
        self.rows: int = len(next(iter(columns.values()))) if rows is None else rows
        for name, values in columns.items():
            if name not in COLUMN or values.dtype != COLUMN[name].dtype or values.shape != (self.rows,):
                raise ValueError(
                    f"column {name!r}: {values.dtype}{values.shape} does not fit {self.rows} rows of reading.py"
                )
        self._columns = dict(columns)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """The column `name`, shape (rows,); all absent if no row carries it."""
        found = self._columns.get(name)
        if found is None:
            column = COLUMN[name]
            return np.full(self.rows, column.absent, dtype=column.dtype)
        return found

    def __len__(self) -> int:
        return self.rows

    @property
    def present(self) -> tuple[str, ...]:
        """Names of the columns held, in the order of `COLUMNS`."""
        return tuple(column.name for column in COLUMNS if column.name in self._columns)

    def replace(self, **columns: NDArray[Any]) -> Readings:
        """The same readings with some columns exchanged."""
        return Readings({**self._columns, **columns}, self.rows)

    def take(self, chosen: NDArray[Any]) -> Readings:
        """The rows that a boolean mask or an index array names, in that order."""
        picked = {name: values[chosen] for name, values in self._columns.items()}
        return Readings(picked, int(np.count_nonzero(chosen)) if chosen.dtype == np.bool_ else len(chosen))

    def without_empty_columns(self) -> Readings:
        """Leave out optional columns in which every row is absent."""
        return Readings(
            {n: v for n, v in self._columns.items() if COLUMN[n].required or not _all_absent(n, v)}, self.rows
        )

    @staticmethod
    def empty() -> Readings:
        """No reading at all."""
        return Readings({c.name: np.empty(0, c.dtype) for c in COLUMNS if c.required}, 0)

    @staticmethod
    def of_rows(rows: Sequence[Mapping[str, float]]) -> Readings:
        """From one mapping a reading (name -> value); what a row does not name is absent."""
        names = {name for row in rows for name in row} | {c.name for c in COLUMNS if c.required}
        return Readings(
            {n: np.array([row.get(n, COLUMN[n].absent) for row in rows], dtype=COLUMN[n].dtype) for n in names},
            len(rows),
        )

    @staticmethod
    def concatenate(parts: Iterable[Readings]) -> Readings:
        """One batch after the other."""
        batches = [part for part in parts if part.rows]
        if not batches:
            return Readings.empty()
        names = {name for part in batches for name in part.present}
        return Readings({n: np.concatenate([p[n] for p in batches]) for n in names}, sum(p.rows for p in batches))


def _all_absent(name: str, values: NDArray[Any]) -> bool:
    absent = COLUMN[name].absent
    return bool(np.isnan(values).all()) if absent != absent else bool((values == absent).all())  # noqa: PLR0124 - NaN
