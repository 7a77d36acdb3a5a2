"""A disk without room: emergencies are kept, all else is let go, held by its watch and sent again."""

import json

import pytest

from ingest.log.room import Room
from ingest.reading import Flag
from tests.ingest.pipeline.flow import START_MS, heart

ALARM = b"[3G*8800000015*00CD*AL,180916,064153,A,22.570512,N,113.8623267,E,0.00,154.8,0.0,11,100,100,0,0,00110010]"


class Disk:
    """In the place of `DiskRoom`."""

    room = Room.PLENTY

    def look(self, _now_ms):
        return self.room


@pytest.fixture
async def full(flow):
    disk = Disk()
    flow.ingest._room = disk
    disk.room = Room.SHEDDING
    return flow, disk


async def test_calm_readings_are_acknowledged_and_neither_kept_nor_receipted(full):
    flow, _ = full
    await flow.takes("watch/w1/status", {"time": START_MS, "boot": 1, "seq": 1, "event": "online"})
    assert flow.rows() == []
    assert flow.receipts == []
    assert flow.ingest.tally.shed == 1
    assert len(flow.log.watches()) == 0


async def test_they_are_taken_when_they_come_again_and_there_is_room(full):
    flow, disk = full
    await flow.takes("watch/w1/heart_rate", heart(1))
    disk.room = Room.LOW
    await flow.takes("watch/w1/heart_rate", heart(1))
    assert [row["seq"] for row in flow.rows()] == [1]


async def test_an_emergency_is_kept_and_receipted_wherever_it_stands(full):
    flow, _ = full
    await flow.takes("watch/w1/sos", heart(1, bpm=None))
    backlog = [heart(2, kind="heart_rate"), {"kind": "fall", "boot": 1, "seq": 3, "time": START_MS}]
    await flow.takes("watch/w1/backlog", backlog)
    assert [(row["kind"], row["seq"]) for row in flow.rows()] == [("sos", 1), ("fall", 3)]
    told = [payload["also"] for _, payload in flow.receipts]
    assert told == [[[1, 1]], [[3, 3]]], "seq 2 is not settled: its watch holds it"
    assert flow.ingest.tally.shed == 1


async def test_an_emergency_that_cannot_be_read_alerts_and_stands_in_quarantine(full):
    flow, _ = full
    await flow.takes("watch/w1/fall", b"help!")
    await flow.takes("watch/w 2/sos", b"{}")
    assert [(row["kind"], Flag.UNDECODABLE in row["flags"]) for row in flow.rows()] == [("fall", True), ("sos", False)]
    assert {reason for reason, _ in flow.quarantine()} == {"not_json", "bad_watch_id"}


async def test_what_is_refused_is_not_settled_and_takes_no_room(full):
    flow, disk = full
    element = {"boot": 1, "seq": 5, "bpm": 70}
    await flow.takes("watch/w1/heart_rate", element)
    await flow.takes("watch/w1/heart_rate", b"noise")
    assert flow.quarantine() == []
    disk.room = Room.PLENTY
    await flow.takes("watch/w1/heart_rate", element)
    assert flow.quarantine() == [("no_time", json.dumps(element).encode())]


async def test_what_is_refused_beside_an_emergency_is_told_and_not_settled(full):
    flow, _ = full
    backlog = [{"kind": "sos", "boot": 1, "seq": 4}, {"kind": "heart_rate", "boot": 1, "seq": 5, "bpm": 70}]
    await flow.takes("watch/w1/backlog", backlog)
    assert [reason for reason, _ in flow.quarantine()] == ["no_time"]
    assert [payload["also"] for _, payload in flow.receipts] == [[[4, 4]]]


async def test_an_alarm_frame_is_kept_and_answered_without_its_place_and_a_sign_of_life_is_not(full):
    flow, _ = full
    answered = []
    flow.urgent.publish_all = lambda messages: answered.extend(messages) or []
    await flow.takes("3g/8800000015/up", ALARM)
    await flow.takes("3g/8800000015/up", b"[3G*8800000015*0009*LK,0,0,100]")
    assert [row["kind"] for row in flow.rows()] == ["sos"]
    assert answered == [("watch/8800000015/receipt", b"[3G*8800000015*0002*AL]")]
