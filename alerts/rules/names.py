"""Every name that an expression may use, beside signals and limits, which the rule file itself defines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.rules.units import DURATIONS, Type
from ingest.reading import ALL_KINDS, COLUMN, KIND_BY_TOPIC, PAYLOAD_COLUMNS, Kind

if TYPE_CHECKING:
    from ingest.reading import Column

CARRIED = ("battery", "worn", "charging")
"""Come with every kind of reading and are carried from one to the next."""

CALENDAR = ("local_hour", "local_minute", "weekday")
"""local_minute counts from midnight (0..1439); weekday: Monday is 0."""

FACTS = {"counts_down": Type.TRUTH, "interval_s": Type.NUMBER}
"""`watch.x`: it counts down on its own before it reports a fall; how often it samples."""

TRUTH_FUNCTIONS = {"since": Type.DURATION, "maybe": Type.TRUTH}
"""Take a boolean."""

NUMBER_FUNCTIONS = ("previous", "delta", "rate")
"""Take a number and yield one."""

KIND_FUNCTIONS = ("age", "after")
HOME_FUNCTIONS = {"distance": Type.NUMBER, "outside": Type.TRUTH}
FUNCTIONS = (*TRUTH_FUNCTIONS, *NUMBER_FUNCTIONS, "unknown", *KIND_FUNCTIONS, *HOME_FUNCTIONS)

BUILT_IN = {
    # A watch that said so is silent for a known reason: off the wrist, on the charger, empty, or switched off.
    "known_cause": 'not worn or charging or battery <= 5 or event == "power_off"',
}
"""Names that stand for an expression without the file's saying so."""

COLUMN_NAMES = tuple(column.name for column in PAYLOAD_COLUMNS if column.name != "datum")


def type_of_column(column: Column) -> Type:
    """Truth for flags, word for closed sets, else number."""
    if column.words is not None:
        return Type.WORD
    return Type.TRUTH if column.is_flag else Type.NUMBER


def kinds_of_column(name: str) -> tuple[Kind, ...]:
    """The kinds of reading on which the name can be known."""
    return ALL_KINDS if name in CARRIED else COLUMN[name].kinds


def words_of_column(name: str) -> tuple[str, ...]:
    """The closed set of a word column, in the order of its codes."""
    words = COLUMN[name].words
    return () if words is None else tuple(word.name.lower() for word in words)


def plain_names(signals: tuple[str, ...]) -> tuple[str, ...]:
    """All that may stand as a bare name."""
    on = tuple(f"on_{topic}" for topic in KIND_BY_TOPIC)
    return (*COLUMN_NAMES, *CALENDAR, *DURATIONS, *BUILT_IN, *on, *signals)
