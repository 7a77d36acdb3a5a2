"""Receipts and replies, as Kannel calls them."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from alerts.delivery.gateway_routes import GatewayCallbacks, codes_in
from alerts.incidents.outbox import mark_handed, take_owed
from alerts.store import tables

SECRET = "of-this-test"


@pytest.fixture
def call(store, desk, clock):
    async def get(path, secret=SECRET, configured=SECRET):
        callbacks = GatewayCallbacks(store, desk, clock, configured, "zh")
        transport = httpx.ASGITransport(Starlette(routes=callbacks.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://carewatch") as http:
            return await http.get(f"/gateways/kannel/{path}&secret={secret}")

    return get


def reply(text, sender="13900000001", charset="UTF-8"):
    return f"reply?from={quote(sender)}&charset={charset}&text={quote(text.encode(charset))}"


async def test_a_reply_with_the_code_takes_the_incident(call, store, owe_message):
    owe_message()
    answer = await call(reply("K7Q2"))
    assert answer.text == "您已接单：张三82岁。处理后请在值守台结束。"
    assert answer.headers["X-Kannel-Coding"] == "2"
    with store.reading() as connection:
        row = connection.execute(select(tables.incident)).one()
    assert (row.state, row.owner_id, row.acknowledged_via) == ("acknowledged", 1, "sms")


@pytest.mark.parametrize("charset", ["UTF-8", "UTF-16BE", "GB18030"])
async def test_a_chinese_reply_in_any_charset(call, charset):
    assert (await call(reply("好的 ｋ７ｑ２ 接单", charset=charset))).text.startswith("您已接单")


async def test_the_second_hears_who_has_it(call):
    await call(reply("K7Q2", "13900000002"))
    assert (await call(reply("K7Q2"))).text == "王强已接单，无需再处理。"


async def test_another_phone_cannot_take_it(call, store):
    assert "不是发给这个号码" in (await call(reply("K7Q2", "13911111111"))).text
    with store.reading() as connection:
        assert connection.execute(select(tables.incident.c.state)).scalar_one() == "open"


async def test_a_reply_that_is_no_code_gets_an_example(call):
    assert "K7Q2" in (await call(reply("收到"))).text
    assert "没有找到" in (await call(reply("ZZZZ"))).text


async def test_a_receipt_marks_delivered_or_failed(call, store, owe_message, message_row, clock):
    for key in ("good", "bad"):
        owe_message(key)
    good, bad = (row.id for row in take_owed(store, clock.now_ns()))
    for message_id in (good, bad):
        mark_handed(store, message_id, "kannel", "0: Accepted", ("", "text"), clock.now_ns())
    assert (await call(f"receipt?message={good}&type=8&answer=ACK")).status_code == 200
    assert message_row(good).state == "handed"
    await call(f"receipt?message={good}&type=1&answer=ACK")
    assert message_row(good).state == "delivered"
    await call(f"receipt?message={bad}&type=2&answer=NACK")
    assert message_row(bad).state == "failed"


async def test_a_caller_without_the_secret_changes_nothing(call, store):
    assert (await call(reply("K7Q2"), secret="guess")).status_code == 403
    assert (await call(reply("K7Q2"), secret="", configured="")).status_code == 403
    with store.reading() as connection:
        assert connection.execute(select(tables.incident.c.state)).scalar_one() == "open"


async def test_a_receipt_that_names_no_message_is_refused_with_the_reason(call):
    answer = await call("receipt?type=1")
    assert answer.status_code == 400
    assert "message" in answer.text


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("K7Q2", ["K7Q2"]),
        ("k7q2", ["K7Q2"]),
        (" K7 Q2 ", ["K7Q2"]),
        ("Ｋ７Ｑ２", ["K7Q2"]),
        ("回复K7Q2接单", ["K7Q2"]),
        ("ok K7Q2.", ["K7Q2"]),
        ("I take it, K7Q2", ["TAKE", "K7Q2"]),
        ("K7Q", []),
        ("K7Q22", []),
        ("收到", []),
        ("", []),
    ],
)
def test_a_code_is_found_as_people_type(typed, code):
    assert codes_in(typed) == code


async def test_words_that_look_like_a_code_hide_none(call, owe_message):
    owe_message()
    assert (await call(reply("I take it K7Q2"))).text.startswith("您已接单")


@pytest.mark.parametrize("query", ["receipt?message=99999999999999999999&type=1", "receipt?message=-1&type=1"])
async def test_a_receipt_of_a_message_that_cannot_be_is_refused(call, query):
    assert (await call(query)).status_code == 400


@pytest.mark.parametrize("charset", ["idna", "a%00b", "hex"])
async def test_a_charset_that_is_none_is_passed_over(call, charset):
    assert (await call(f"reply?from=13900000001&charset={charset}&text=K7Q2%80")).status_code == 200
