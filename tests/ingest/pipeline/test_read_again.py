"""What lay in quarantine is read again when carewatch has learned how: once, and with the arrival that it had."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from ingest.formats import decoder_for
from ingest.log.contract import LogError, QuarantineQuery
from ingest.log.sqlite import SqliteLog
from ingest.mqtt.delivered import Delivered
from ingest.normalise.seen_restore import restored
from ingest.prepare import Preparation
from ingest.read_again import Outcome, ReadAgain, read_again
from ingest.reading import Datum
from ingest.sources import Source, Sources
from ingest.watches import Watches
from tests.ingest.pipeline.flow import START_MS, heart, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR_MS = 3_600_000
FRAME = "[3G*6907919734*003e*AL_LTE,170525,214118,V,0,N,0,E,0,0,0,0,0,22,0,0,00010000,0,0,0]"


class Native:
    """The native decoder as a later carewatch has it: it knows what `was` means, and versions `v`."""

    name = "native"

    def __init__(self, *known: tuple[str, str]) -> None:
        self._known, self._decoder = known, decoder_for("native")

    def decode(self, messages):
        return self._decoder.decode([replace(one, payload=self._understood(one.payload)) for one in messages])

    def _understood(self, payload: bytes) -> bytes:
        for was, meant in self._known:
            payload = payload.replace(was.encode(), meant.encode())
        return payload


class Desk:
    """Messages in, retries, and what the log holds then."""

    def __init__(self, folder: Path, sources: Sources) -> None:
        self.log = SqliteLog(folder / "readings.sqlite")
        self.watches = Watches(self.log.watches())
        decoders = {"native": decoder_for("native"), "watch_3g": decoder_for("watch_3g")}
        self.then = Preparation(
            sources,
            self.watches,
            restored(self.log, 0),
            lambda route: decoders[route.format],
            lambda _route: Datum.WGS84,
        )

    def takes(self, topic: str, *contents: Any, at_ms: int = START_MS) -> None:
        payloads = [one.encode() if isinstance(one, str) else json.dumps(one).encode() for one in contents]
        count = len(payloads)
        delivered = Delivered(1, [topic] * count, payloads, [False] * count, [1] * count)
        prepared = self.then.prepare([delivered], at_ms, deaf=False)
        if not prepared.is_empty:
            self.log.append(prepared.batch)
        self.then.seen.commit()

    def entries(self, **query: Any) -> list[Any]:
        return list(self.log.quarantine(QuarantineQuery(**query)))

    def retries(self, now: Preparation, at_ms: int = START_MS + HOUR_MS) -> list[ReadAgain]:
        return [read_again(now, self.log, entry, at_ms, deaf=False) for entry in reversed(self.entries())]

    def today(self, *known: tuple[str, str]) -> Preparation:
        return replace(self.then, decoder_of=lambda _route: Native(*known))

    @property
    def seqs(self) -> list[int]:
        return [row["seq"] for row in rows_of(self.log) if "seq" in row]

    @property
    def bpms(self) -> list[float]:
        return [row["bpm"] for row in rows_of(self.log) if "bpm" in row]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    one = Desk(tmp_path, Sources())
    with closing(one.log):
        yield one


def backlog(*seqs: int, kind: str = "heart_rate", **fields: Any) -> list[dict[str, Any]]:
    return [{**heart(seq, at_ms=START_MS - 60_000 + seq), "bpm": 60 + seq, "kind": kind, **fields} for seq in seqs]


PULSE = ('"kind": "pulse"', '"kind": "heart_rate"')


def test_a_payload_that_can_be_read_now_goes_in_with_its_old_arrival_and_is_marked(desk):
    desk.takes("watch/w1/heart_rate", "bpm 71")
    now = desk.today(("bpm 71", json.dumps(heart(1))))
    [answer] = desk.retries(now)
    assert (answer.outcome, answer.readings) == (Outcome.READ, 1)
    [row] = rows_of(desk.log)
    assert (row["seq"], row["arrival_ms"], row["watch"]) == (1, START_MS, "w1")
    [record] = desk.log.read(desk.log.end() - 1, 1)
    assert record.log_time_ms == START_MS + HOUR_MS
    [entry] = desk.entries()
    assert (entry.outcome, entry.retried_ms) == ("read", START_MS + HOUR_MS)
    assert desk.entries(unread=True) == []


def test_what_was_read_is_not_read_twice_also_when_the_watch_sends_it_again(desk):
    desk.takes("watch/w1/heart_rate", "bpm 71")
    now = desk.today(("bpm 71", json.dumps(heart(1))))
    desk.retries(now)
    assert [answer.outcome for answer in desk.retries(now)] == [Outcome.READ_BEFORE]
    desk.takes("watch/w1/heart_rate", heart(1))
    assert desk.seqs == [1]


def test_what_came_by_itself_meanwhile_is_known(desk):
    desk.takes("watch/w1/heart_rate", "bpm 71")
    desk.takes("watch/w1/heart_rate", heart(1))
    [answer] = desk.retries(desk.today(("bpm 71", json.dumps(heart(1)))))
    assert (answer.outcome, answer.readings) == (Outcome.KNOWN, 0)
    assert desk.seqs == [1]
    assert desk.entries(unread=True) == []


def test_a_payload_that_cannot_be_read_yet_stays_and_may_be_tried_again(desk):
    desk.takes("watch/w1/heart_rate", "bpm 71")
    [answer] = desk.retries(desk.today())
    assert answer.outcome is Outcome.REFUSED
    assert "not_json" in answer.why
    [entry] = desk.entries(unread=True)
    assert entry.outcome.startswith("refused: not_json")
    assert entry.retried_ms == START_MS + HOUR_MS
    assert rows_of(desk.log) == []
    [answer] = desk.retries(desk.today(("bpm 71", json.dumps(heart(1)))))
    assert answer.outcome is Outcome.READ


def test_refused_elements_of_an_array_come_in_once_though_they_were_receipted(desk):
    desk.takes("watch/w1/backlog", [*backlog(1, 2), *backlog(3, 4, kind="pulse"), *backlog(5)])
    assert desk.bpms == [61, 62, 65]
    assert desk.log.refused_seqs("w1", [(1, 2), (1, 3), (1, 4)]) == {(1, 3): (1, False), (1, 4): (1, False)}
    [answer] = desk.retries(desk.today(PULSE))
    assert (answer.outcome, answer.readings) == (Outcome.READ, 2)
    assert desk.bpms == [61, 62, 65, 63, 64]
    desk.takes("watch/w1/backlog", [*backlog(1, 2, 3, 4, 5)])
    assert desk.bpms == [61, 62, 65, 63, 64]


def test_the_watchs_newest_element_brought_back_is_no_reset_of_its_count(desk):
    """A committed seq with a newer time would be one: its later seqs would be counted apart."""
    desk.takes("watch/w1/backlog", [*backlog(1), *backlog(2, kind="pulse")])
    desk.retries(desk.today(PULSE))
    desk.takes("watch/w1/heart_rate", heart(3))
    assert all(not row["flags"].SEQ_RESET & row["flags"] for row in rows_of(desk.log))
    assert desk.then.seen.newest_generation(0, 1) == 0


def test_an_array_of_which_a_part_is_refused_still_brings_the_rest_now_and_that_part_later(desk):
    content = [*backlog(1, kind="pulse"), *backlog(2, kind="puls")]
    desk.takes("watch/w1/backlog", content)
    [answer] = desk.retries(desk.today(PULSE))
    assert (answer.outcome, answer.readings) == (Outcome.PARTLY, 1)
    assert "unknown_kind" in answer.why
    assert desk.bpms == [61]
    for bpms, outcome in (([61, 62], Outcome.READ), ([61, 62], Outcome.READ_BEFORE)):
        [answer] = desk.retries(desk.today(PULSE, ('"kind": "puls"', '"kind": "heart_rate"')))
        assert answer.outcome is outcome
        assert desk.bpms == bpms


def test_two_entries_of_one_seq_bring_one_reading(desk):
    element = backlog(1, kind="pulse")
    desk.takes("watch/w1/backlog", element, element)
    assert len(desk.entries()) == 2
    answers = desk.retries(desk.today(PULSE))
    assert sum(answer.readings for answer in answers) == 1
    assert desk.bpms == [61]


def test_an_element_beside_a_good_one_of_its_seq_is_not_brought_over_it(desk):
    desk.takes("watch/w1/backlog", [*backlog(1), *backlog(1, kind="pulse", bpm=99)])
    desk.retries(desk.today(PULSE))
    assert desk.bpms == [61]


def test_an_emergency_that_alerted_unreadable_does_not_alert_again(desk):
    desk.takes("watch/w1/sos", "help")
    assert [row["kind"] for row in rows_of(desk.log)] == ["sos"]
    [answer] = desk.retries(desk.today(("help", json.dumps({"v": 1, "boot": 1, "seq": 1, "time": START_MS}))))
    assert answer.outcome is Outcome.KNOWN
    assert [row["kind"] for row in rows_of(desk.log)] == ["sos"]


def test_an_emergency_of_an_unknown_version_is_one_emergency(desk):
    desk.takes("watch/w1/sos", {"v": 2, "boot": 1, "seq": 7, "time": START_MS})
    desk.retries(desk.today(('"v": 2', '"v": 1')))
    assert [row["kind"] for row in rows_of(desk.log)] == ["sos"]


def test_a_frame_whose_topic_no_source_knew_is_read_when_one_does_and_its_emergency_alerts(desk):
    desk.takes("3g/x/up", FRAME)
    assert rows_of(desk.log) == []
    sources = Sources([Source("3g/+/up", "watch_3g", "")])
    now = replace(desk.then, sources=sources, decoder_of=lambda _route: decoder_for("watch_3g"))
    [answer] = desk.retries(now)
    assert (answer.outcome, answer.readings) == (Outcome.READ, 2)
    assert [(row["kind"], row["watch"]) for row in rows_of(desk.log)] == [
        ("sos", "6907919734"),
        ("status", "6907919734"),
    ]
    assert [watch.watch_id for watch in desk.log.watches()] == ["6907919734"]


def test_a_log_that_does_not_take_it_leaves_everything_as_it_was(desk, monkeypatch):
    desk.takes("watch/w1/backlog", backlog(1, kind="pulse"))
    desk.takes("watch/w2/heart_rate", "bpm 71")
    now = desk.today(PULSE, ("bpm 71", json.dumps(heart(1))))

    def refuses(_batch):
        raise LogError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(desk.log, "append", refuses)
        with pytest.raises(LogError, match="disk full"):
            desk.retries(now)
    assert [entry.outcome for entry in desk.entries()] == ["", ""]
    assert [answer.readings for answer in desk.retries(now)] == [1, 1]


def test_retries_are_remembered_with_the_log(desk, tmp_path):
    desk.takes("watch/w1/backlog", [*backlog(1, kind="pulse"), *backlog(2, kind="puls")])
    desk.retries(desk.today(PULSE))
    desk.log.close()
    with closing(apsw.Connection(str(tmp_path / "readings.sqlite"))) as file:
        file.execute("DELETE FROM seen_value")  # as two days later: what has no seq is known by its values no more
    again = Desk(tmp_path, Sources())
    [answer] = again.retries(again.today(PULSE, ('"kind": "puls"', '"kind": "heart_rate"')))
    assert (answer.outcome, again.bpms) == (Outcome.READ, [61, 62])
    again.log.close()


def test_entries_are_found_by_reason_watch_and_time(desk):
    desk.takes("watch/w1/heart_rate", "bpm 71")
    desk.takes("watch/w2/heart_rate", "[]", '{"time": 1, "bpm": 1, "v": 9}', at_ms=START_MS + 5)
    assert [entry.topic for entry in desk.entries(watch_id="w1")] == ["watch/w1/heart_rate"]
    assert [entry.payload for entry in desk.entries(reason="unknown_version")] == [b'{"time": 1, "bpm": 1, "v": 9}']
    assert len(desk.entries(since_ms=START_MS + 5)) == len(desk.entries(watch_id="w2")) > 0
    assert [entry.watch_id for entry in desk.entries(before_ms=START_MS + 5)] == ["w1"]
    assert desk.entries(entry=1)[0].topic == "watch/w1/heart_rate"
    assert desk.entries(entry=99) == []
