"""Why a rule fired for a watch, or did not: the log run again under the settings that held then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from alerts.engine.settings import EngineSettings
from alerts.rules.explain import explain
from alerts.store.settings_versions import all_versions
from alerts.store.tables import alert
from carewatch.moments import SECOND_MS, from_ms
from ingest.watches import Watches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    from alerts.engine.contract import SettingsDocument
    from alerts.rules.rule import Rule
    from alerts.store.database import Store
    from ingest.log.contract import LogReader, Record
    from ingest.watches import Watch

DAY_MS = 86_400_000
READ_RECORDS = 256


class ExplainError(Exception):
    """What was asked has no answer; the text says why and the remedy."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the records that answer it: those after the offset `after`, `records` of them."""

    watch: Watch
    rule: str
    time_ms: int
    settings: EngineSettings
    after: int
    records: int


def moment_ms(text: str, time_zone: str, now_ms: int) -> int:
    """The newest ms of the second that `text` names, as local time of `time_zone`, or the ms itself.

    A whole second, since that is how pages and messages write times. ExplainError if it is none of the forms.
    """
    try:
        first_ms = from_ms(text, time_zone, now_ms)
    except ValueError as error:
        raise ExplainError(str(error)) from None
    return first_ms if text.isdecimal() else first_ms + SECOND_MS - 1


def question_of(store: Store, reader: LogReader, watch_id: str, rule: str, time_ms: int, time_zone: str) -> Question:
    """What the log and the store have for it. ExplainError if a name is unknown, or the log does not hold the time."""
    watch = _watch(reader, watch_id)
    _check_time(reader, time_ms, ZoneInfo(time_zone))
    offset = reader.offset_before(time_ms + 1)
    with store.reading() as connection:
        settings = EngineSettings.of(_version_at(all_versions(connection), offset))
        since_ms = _since_ms(connection, watch_id, _rule(settings, rule), time_ms)
    after = max(reader.offset_before(since_ms), reader.start() - 1)
    return Question(watch, rule, time_ms, settings, after, offset - after)


def answer_of(question: Question, reader: LogReader, on_record: Callable[[int], object]) -> str:
    """A page of text. `on_record` is told how many records are done."""
    records = _records(question, reader, on_record)
    return explain(
        question.rule,
        records,
        question.settings,
        question.watch.index,
        question.time_ms,
        watch_id=question.watch.watch_id,
    )


def _watch(reader: LogReader, watch_id: str) -> Watch:
    watches = reader.watches()
    found = Watches(watches).get(watch_id)
    if found is None:
        known = _nearest(watch_id, [watch.watch_id for watch in watches])
        raise ExplainError(f"watch {watch_id!r}: nobody knows it{known}; `carewatch watch list` names them")
    return found


def _check_time(reader: LogReader, time_ms: int, zone: ZoneInfo) -> None:
    first = reader.read(reader.start() - 1, 1)
    if not first:
        raise ExplainError("the log holds nothing yet; `carewatch run --roles ingest` fills it")
    (newest,) = reader.read(reader.end() - 1, 1)
    if not first[0].log_time_ms <= time_ms < newest.log_time_ms + SECOND_MS:
        held = f"{_local(first[0].log_time_ms, zone)} to {_local(newest.log_time_ms, zone)}"
        raise ExplainError(f"TIME {_local(time_ms, zone)}: the log does not hold it, but {held}; name a time in there")


def _version_at(versions: Sequence[SettingsDocument], offset: int) -> SettingsDocument:
    """As alerts.judge: the newest that holds at the record."""
    for version in reversed(versions):
        if version.from_offset < offset:
            return version
    first = f"the first holds from record {versions[0].from_offset + 1}" if versions else "the store has none"
    raise ExplainError(f"no rules were in force at record {offset}: {first}; `carewatch run` puts rules_file in force")


def _rule(settings: EngineSettings, name: str) -> Rule:
    names = list(settings.number)
    if name not in names:
        raise ExplainError(
            f"rule {name!r}: not in settings version {settings.version}, which held then"
            f"{_nearest(name, names)}; it has {', '.join(names)}"
        )
    return settings.rules[settings.number[name]]


def _since_ms(connection: Connection, watch_id: str, rule: Rule, time_ms: int) -> int:
    """From where the log may matter: a day, longer where the rule's own times are, or where an open alert began."""
    own = (rule.hold_ms, rule.clear_hold_ms, rule.wait_ms, rule.same_within_ms, rule.reopen_within_ms, rule.expire_ms)
    memory_ms = max(DAY_MS, sum(own))
    since_ms = time_ms - memory_ms
    still_open = alert.c.resolved_ms.is_(None) | (alert.c.resolved_ms >= since_ms)
    of_rule = (alert.c.watch_id == watch_id, alert.c.rule == rule.name, alert.c.fired_ms <= time_ms)
    begun_ms = connection.execute(select(func.min(alert.c.started_ms)).where(*of_rule, still_open)).scalar()
    return since_ms if begun_ms is None else min(since_ms, begun_ms - memory_ms)


def _records(question: Question, reader: LogReader, on_record: Callable[[int], object]) -> Iterator[Record]:
    after, last = question.after, question.after + question.records
    while after < last:
        records = reader.read(after, min(READ_RECORDS, last - after))
        if not records:
            return  # pruned meanwhile
        yield from records
        after = records[-1].offset
        on_record(after - question.after)


def _nearest(word: str, words: Sequence[str]) -> str:
    near = get_close_matches(word, words, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _local(time_ms: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(time_ms / SECOND_MS, zone):%Y-%m-%d %H:%M:%S}"
