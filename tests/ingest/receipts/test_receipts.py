import msgspec

from ingest.normalise.seen import Seen
from ingest.reading import Event, Kind, Readings
from ingest.receipts import Receipts

T0 = 1_760_000_000_000


class Desk:
    """Ingest in small: judge, commit, and what is said back."""

    def __init__(self):
        self.seen = Seen()
        self.receipts = Receipts(self.seen, lambda index: f"w{index}")

    def committed(self, *rows, at_s=0, refused=()):
        readings = Readings.of_rows(rows) if rows else Readings.empty()
        judgement = self.seen.judge(readings)
        for watch, boot, seq in refused:
            self.seen.mark_refused(watch, boot, seq, T0)
        self.seen.commit()
        self.receipts.note_committed(readings, judgement, refused, T0 + round(at_s * 1000))

    def said(self, at_s):
        return [
            (watch, *msgspec.json.decode(payload).values())
            for watch, payload in self.receipts.due(T0 + round(at_s * 1000))
        ]


def reading(seq, minute=None, kind=Kind.HEART_RATE, watch=0, boot=7, **more):
    raw = T0 + 60_000 * (seq if minute is None else minute)
    return {"watch": watch, "kind": kind, "boot": boot, "seq": seq, "oldest": 1, "raw_time_ms": raw, "time_ms": raw,
            "arrival_ms": raw} | more  # fmt: skip


def until(minute):
    return T0 + 60_000 * minute


def test_a_receipt_says_boot_through_also_until_and_nothing_else():
    desk = Desk()
    desk.committed(reading(1), reading(2), reading(5))
    [(watch, payload)] = desk.receipts.due(T0)
    assert watch == "w0"
    assert payload == b'{"boot":7,"through":2,"also":[[1,2],[5,5]],"until":%d}' % until(5)


def test_the_first_is_said_at_once_and_the_next_after_ten_seconds():
    desk = Desk()
    desk.committed(reading(1), at_s=0)
    assert desk.said(0) == [("w0", 7, 1, [[1, 1]], until(1))]
    desk.committed(reading(2), at_s=1)
    desk.committed(reading(3), at_s=5)
    assert desk.said(9.9) == []
    assert desk.receipts.next_due_ms() == T0 + 10_000
    assert desk.said(10) == [("w0", 7, 3, [[2, 3]], until(3))]
    assert desk.receipts.next_due_ms() is None


def test_an_emergency_is_receipted_at_once_and_takes_along_what_waits():
    desk = Desk()
    desk.committed(reading(1))
    desk.said(0)
    desk.committed(reading(2), at_s=1)
    desk.committed(reading(3, kind=Kind.FALL), at_s=2)
    assert desk.said(2) == [("w0", 7, 3, [[2, 3]], until(3))]
    desk.committed(reading(4, kind=Kind.SOS), at_s=2.5)
    assert desk.said(2.5) == [("w0", 7, 4, [[4, 4]], until(4))]


def test_online_is_receipted_at_once_for_every_boot_it_names():
    desk = Desk()
    desk.committed(reading(1))
    desk.said(0)
    online = {"kind": Kind.STATUS, "event": Event.ONLINE}
    desk.committed(reading(2, **online), reading(1, minute=9, boot=8, **online), at_s=1)
    assert desk.said(1) == [("w0", 7, 2, [[2, 2]], until(2)), ("w0", 8, 1, [[1, 1]], until(9))]


def test_duplicates_are_receipted_again_at_most_once_a_second():
    desk = Desk()
    desk.committed(reading(1))
    desk.said(0)
    desk.committed(reading(1), at_s=0.2)
    assert desk.said(0.9) == []
    assert desk.said(1) == [("w0", 7, 1, [[1, 1]], until(1))]
    desk.committed(reading(1), at_s=5)
    assert desk.said(5) == [("w0", 7, 1, [[1, 1]], until(1))]


def test_what_is_quarantined_with_a_readable_seq_is_receipted():
    desk = Desk()
    desk.committed(reading(1), refused=[(0, 7, 2)])
    assert desk.said(0) == [("w0", 7, 2, [[1, 2]], until(1))]


def test_a_count_that_began_again_is_receipted_by_also_only():
    desk = Desk()
    desk.committed(reading(1), reading(2), reading(3))
    desk.said(0)
    desk.committed(reading(1, minute=10), at_s=10)
    assert desk.said(10) == [("w0", 7, 0, [[1, 1]], until(10))]


def test_readings_without_seq_get_no_receipt():
    desk = Desk()
    desk.committed(reading(0))
    assert desk.said(100) == []


def test_watches_wait_each_for_its_own():
    desk = Desk()
    desk.committed(reading(1), reading(1, watch=1))
    assert [watch for watch, *_ in desk.said(0)] == ["w0", "w1"]
    desk.committed(reading(2), at_s=3)
    desk.committed(reading(2, watch=2), at_s=3)
    assert [watch for watch, *_ in desk.said(3)] == ["w2"]
