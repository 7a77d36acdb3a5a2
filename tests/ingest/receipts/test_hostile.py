"""One watch that makes boots and counts up by the thousand does not hold up the others: look-ups are counted."""

import json

import pytest

from ingest.normalise import seen_open
from ingest.normalise.seen import Seen
from ingest.normalise.seen_table import RunsInMemory
from ingest.reading import Readings
from ingest.receipts import MOST_ALSO, Receipts
from ingest.receipts_owed import MOST_HELD
from tests.ingest.receipts.test_receipts import T0, Desk, reading


class CountingTable(RunsInMemory):
    asked_runs = asked_boots = 0

    def seen_runs_of(self, watch, boot):
        self.asked_runs += 1
        return super().seen_runs_of(watch, boot)

    def seen_boots_of(self, watch):
        self.asked_boots += 1
        return super().seen_boots_of(watch)


class CountingDesk(Desk):
    def __init__(self):
        self.table = CountingTable()
        self.seen = Seen()
        self.seen._table = self.seen._in_memory = self.table
        self.receipts = Receipts(self.seen, lambda index: f"w{index}")


@pytest.fixture
def desk():
    desk = CountingDesk()
    desk.committed(reading(1, boot=1), reading(1, boot=2))
    desk.said(0)
    desk.table.asked_runs = desk.table.asked_boots = 0
    return desk


def test_the_counts_of_one_boot_are_looked_up_once_for_a_receipt(desk):
    desk.committed(*[reading(1, boot=1, minute=minute) for minute in range(10, 400)], at_s=1)
    desk.table.asked_runs = 0
    assert len(desk.said(30)) == 391 - 1
    assert desk.table.asked_runs <= 1


def test_the_boot_of_refused_elements_is_looked_up_once(desk):
    desk.committed(refused=[(0, 1, 2 * seq) for seq in range(1, 1000)], at_s=1)
    assert desk.table.asked_runs <= 3
    [(_, boot, _, also, _)] = desk.said(30)
    assert (boot, len(also)) == (1, 999)


def test_made_up_boots_are_asked_for_by_a_few_look_ups_and_the_newest_are_receipted(desk):
    rows = [reading(1, boot=boot, minute=boot) for boot in range(10, 5010)]
    desk.committed(*rows, at_s=1)
    assert desk.table.asked_runs <= seen_open.ASK_ONCE_FROM + 1
    assert desk.table.asked_boots <= 3
    desk.table.asked_runs = 0
    assert [boot for _, boot, *_ in desk.said(30)] == list(range(5010 - MOST_HELD, 5010))
    assert desk.table.asked_runs <= MOST_HELD


def test_so_are_those_of_refused_elements(desk):
    desk.committed(refused=[(0, boot, 1) for boot in range(10, 5010)], at_s=1)
    assert desk.table.asked_runs <= seen_open.ASK_ONCE_FROM + 1 + MOST_HELD
    assert len(desk.said(30)) <= MOST_HELD


def test_a_boot_that_is_known_is_known_among_made_up_ones(desk):
    made_up = [reading(1, boot=boot, minute=boot) for boot in range(10, 200)]
    desk.committed(*made_up, reading(1, boot=1), reading(2, boot=1, minute=2), at_s=1)
    told = {boot: (through, also) for _, boot, through, also, _ in desk.said(30)}
    assert told[1] == (2, [[1, 2]])
    judged = desk.seen.judge(Readings.of_rows(made_up))
    assert not judged.is_new.any()


@pytest.mark.parametrize("gaps", [1999, 9000])
def test_the_receipt_that_a_flood_of_gaps_earns_is_one_that_a_broker_takes(desk, gaps):
    desk.committed(*[reading(2 * seq, boot=3, minute=seq) for seq in range(1, gaps + 1)], at_s=1)
    [(_, payload)] = desk.receipts.due(T0 + 30_000)
    also = json.loads(payload)["also"]
    assert (len(also), also[-1]) == (min(gaps, MOST_ALSO), [2 * gaps, 2 * gaps])
    assert len(payload) < 1 << 17
