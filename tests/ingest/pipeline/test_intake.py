"""What goes into one commit: emergencies first, and no more than an SOS may wait for."""

import asyncio

import pytest

from ingest import intake as intake_module
from ingest.intake import FULL_BYTES, FULL_MESSAGES, Intake
from tests.ingest.pipeline.flow import Session
from tests.servers.waiting import eventually


@pytest.fixture
async def sessions():
    return Session(), Session()


@pytest.fixture
async def intake(sessions):
    whole = Intake(*sessions)
    task = asyncio.create_task(whole.run())
    yield whole
    await whole.close()
    await task


def many(count, payload=b"{}"):
    return [(f"watch/w{number}/status", payload) for number in range(count)]


def topics(parcels):
    return [topic for parcel in parcels for topic in parcel.delivered.topics]


async def test_a_large_delivery_is_cut_and_keeps_its_order_and_its_packet_ids(intake, sessions):
    count = 2 * FULL_MESSAGES + 5
    sessions[1].deliver(*many(count))
    taken = [await intake.gather() for _ in range(3)]
    assert [len(topics(parcels)) for parcels in taken] == [FULL_MESSAGES, FULL_MESSAGES, 5]
    every = [parcel.delivered for parcels in taken for parcel in parcels]
    assert [topic for one in every for topic in one.topics] == [topic for topic, _ in many(count)]
    assert [packet_id for one in every for packet_id in one.packet_ids] == list(range(1, count + 1))


async def test_arrays_are_cut_by_their_bytes(intake, sessions):
    sessions[1].deliver(*many(5, b"x" * (FULL_BYTES // 2)))
    taken = [await intake.gather() for _ in range(3)]
    assert [len(topics(parcels)) for parcels in taken] == [2, 2, 1]


async def test_one_message_larger_than_a_commit_goes_alone(intake, sessions):
    sessions[1].deliver(*many(2, b"x" * (FULL_BYTES + 1)))
    assert [len(topics(await intake.gather())) for _ in range(2)] == [1, 1]


async def test_what_was_cut_keeps_its_oversized_messages_apart(intake, sessions, monkeypatch):
    monkeypatch.setattr(intake_module, "FULL_MESSAGES", 1)
    sessions[1].deliver(*many(2), whole_bytes=70_000)
    taken = [(await intake.gather())[0].delivered.oversized for _ in range(2)]
    assert taken == [{0: 70_000}, {}]


async def test_an_emergency_goes_before_a_backlog_that_was_there_first(intake, sessions):
    sessions[1].deliver(*many(2 * FULL_MESSAGES))
    assert len(topics(await intake.gather())) == FULL_MESSAGES
    here = intake.waiting
    sessions[0].deliver(("watch/w1/sos", b"{}"))
    await eventually(lambda: intake.waiting > here, why="the SOS to be here")
    assert topics(await intake.gather()) == ["watch/w1/sos"]
    assert len(topics(await intake.gather())) == FULL_MESSAGES


async def test_an_emergency_that_comes_while_others_are_gathered_goes_alone_and_first(intake, sessions, monkeypatch):
    monkeypatch.setattr(intake_module, "GATHER_S", 3600.0)
    sessions[1].deliver(*many(3))
    gathering = asyncio.create_task(intake.gather())
    await eventually(lambda: intake.waiting, why="the calm ones to be here")
    sessions[0].deliver(("watch/w1/sos", b"{}"))
    async with asyncio.timeout(30):
        assert topics(await gathering) == ["watch/w1/sos"]
    monkeypatch.setattr(intake_module, "GATHER_S", 0.0)
    assert len(topics(await intake.gather())) == 3


async def test_calm_readings_that_come_close_together_are_one_commit(intake, sessions, monkeypatch):
    monkeypatch.setattr(intake_module, "GATHER_S", 3600.0)
    monkeypatch.setattr(intake_module, "FULL_MESSAGES", 4)
    gathering = asyncio.create_task(intake.gather())
    for _ in range(4):
        sessions[1].deliver(*many(1))
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        assert len(topics(await gathering)) == 4


async def test_what_was_left_over_waits_for_no_company(intake, sessions, monkeypatch):
    monkeypatch.setattr(intake_module, "FULL_MESSAGES", 2)
    sessions[1].deliver(*many(3))
    await intake.gather()
    monkeypatch.setattr(intake_module, "GATHER_S", 3600.0)
    async with asyncio.timeout(30):
        assert topics(await intake.gather()) == ["watch/w2/status"]
