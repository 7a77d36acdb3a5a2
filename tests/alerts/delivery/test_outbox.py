"""What is owed is handed over, whatever the gateway does."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import OperationalError

from alerts.delivery.contract import Fate, Handover
from alerts.delivery.letters import Writer
from alerts.delivery.outbox import AT_ONCE, Outbox
from alerts.incidents import outbox as owed
from alerts.store.messages import take_owed_rows
from carewatch.clock import NS_PER_S
from tests.servers.waiting import eventually

WRITER = Writer(ZoneInfo("Asia/Shanghai"), "http://board", "a secret of sixteen letters")


class Gateway:
    """A fake: a real one cannot misbehave on demand."""

    gateway = "fake"

    def __init__(self, name="sms", *answers):
        self.name = name
        self.answers = list(answers)
        self.letters = []
        self.hold = None

    async def send(self, letter):
        self.letters.append(letter)
        if self.hold is not None:
            await self.hold.wait()
        return self.answers.pop(0) if self.answers else Handover(Fate.HANDED, reference=f"ref{letter.message_id}")

    async def close(self):
        self.letters.append("closed")


@asynccontextmanager
async def running(store, desk, clock, *gateways):
    outbox = Outbox(store, gateways, WRITER, desk, clock)
    task = asyncio.create_task(outbox.run())
    try:
        yield outbox
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def is_owed(row, tries):
    return row.state == "owed" and row.tries == tries


async def test_an_emergency_goes_before_what_was_owed_earlier(store, desk, clock, owe_message, message_row):
    owe_message("routine", priority=1)
    urgent = owe_message("urgent", priority=0)
    gateway = Gateway()
    async with running(store, desk, clock, gateway):
        await eventually(lambda: len(gateway.letters) == 2)
        await eventually(lambda: message_row(urgent).state == "handed")
    assert gateway.letters[0].message_id == urgent
    assert gateway.letters[0].body.startswith("疑似跌倒 张三82岁 3栋502")
    assert message_row(urgent).body == gateway.letters[0].body
    assert gateway.letters[-1] == "closed"


async def test_a_gateway_that_is_down_is_tried_again_by_the_clock(store, desk, clock, owe_message, message_row):
    message_id = owe_message()
    gateway = Gateway("sms", Handover(Fate.TRY_AGAIN, problem="down"), Handover(Fate.TRY_AGAIN, problem="down"))
    async with running(store, desk, clock, gateway) as outbox:
        for tries, pause_s in ((1, 2), (2, 4)):
            await eventually(lambda tries=tries: is_owed(message_row(message_id), tries))
            assert message_row(message_id).due_ns == clock.now_ns() + pause_s * NS_PER_S
            assert outbox.problems["sms"][0] == "down"
            await clock.step_to(message_row(message_id).due_ns)
        await eventually(lambda: message_row(message_id).state == "handed")
        assert outbox.problems == {}
    assert message_row(message_id).tries == 3


@pytest.mark.parametrize("fate", [Fate.REFUSED, Fate.LOCKED_OUT])
async def test_a_refusal_is_final_and_kept(store, desk, clock, owe_message, message_row, fate):
    message_id = owe_message()
    async with running(store, desk, clock, Gateway("sms", Handover(fate, problem="no such number"))):
        await eventually(lambda: message_row(message_id).state == "failed")
    assert message_row(message_id).problem == "no such number"


async def test_a_channel_that_is_not_set_up_fails_with_the_remedy(store, desk, clock, owe_message, message_row):
    message_id = owe_message(channel="email")
    async with running(store, desk, clock, Gateway("sms")) as outbox:
        await eventually(lambda: message_row(message_id).state == "failed")
        assert "set email.host" in outbox.problems["email"][0]


async def test_words_that_fail_do_not_keep_an_alarm_back(store, desk, clock, owe_message, message_row):
    message_id = owe_message(template="no_such_template")
    gateway = Gateway()
    async with running(store, desk, clock, gateway):
        await eventually(lambda: message_row(message_id).state == "handed")
    assert "张三" in gateway.letters[0].body
    assert "K7Q2" in gateway.letters[0].body


async def test_what_was_in_hand_at_a_crash_is_owed_again(store, desk, clock, owe_message, message_row):
    message_id = owe_message()
    with store.transaction() as connection:
        take_owed_rows(connection, clock.now_ns(), 9, ("sms",))
    assert message_row(message_id).state == "sending"
    async with running(store, desk, clock, Gateway()):
        await eventually(lambda: message_row(message_id).state == "handed")


async def test_one_slow_letter_does_not_hold_up_the_next(store, desk, clock, owe_message, message_row):
    owe_message("slow")
    slow = Gateway()
    slow.hold = asyncio.Event()
    quick = Gateway("email")
    async with running(store, desk, clock, slow, quick):
        await eventually(lambda: len(slow.letters) == 1)
        later = owe_message("later", channel="email")
        await eventually(lambda: message_row(later).state == "handed")
        slow.hold.set()


async def test_a_mail_server_that_hangs_does_not_hold_up_an_sms(store, desk, clock, owe_message, message_row):
    for number in range(AT_ONCE + 4):
        owe_message(f"mail{number}", channel="email")
    mail, phone = Gateway("email"), Gateway("sms")
    mail.hold = asyncio.Event()
    async with running(store, desk, clock, mail, phone):
        await eventually(lambda: len(mail.letters) == AT_ONCE)
        urgent = owe_message("urgent", channel="sms")
        await eventually(lambda: message_row(urgent).state == "handed")
        mail.hold.set()


class Broken(Gateway):
    async def send(self, letter):
        if "bad" in letter.address:
            raise UnicodeError(letter.address)
        return await super().send(letter)


async def test_a_letter_that_breaks_the_channel_costs_no_other(store, desk, clock, owe_message, message_row):
    bad = owe_message("bad", address="bad")
    good = owe_message("good")
    async with running(store, desk, clock, Broken()) as outbox:
        await eventually(lambda: message_row(good).state == "handed")
        await eventually(lambda: message_row(bad).state == "failed")
        assert "UnicodeError" in message_row(bad).problem
        assert outbox.handed == 1


async def test_a_look_at_the_store_that_fails_is_taken_again(store, desk, clock, owe_message, message_row, monkeypatch):
    urgent = owe_message()
    look, failures = owed.next_owed, ["disk I/O error"]

    def failing(store):
        if failures:
            raise OperationalError("SELECT", {}, Exception(failures.pop()))
        return look(store)

    monkeypatch.setattr(owed, "next_owed", failing)
    async with running(store, desk, clock, Gateway()):
        await eventually(lambda: message_row(urgent).state == "handed")
