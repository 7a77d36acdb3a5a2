"""SMS through a real Kannel."""

from __future__ import annotations

import pytest

from alerts.delivery.channels.kannel import Kannel, KannelOptions
from alerts.delivery.contract import Fate, Letter

TEXT = "疑似跌倒 张三82岁 3栋502 14:32起 电13800001234 回复K7Q2接单"


def letter(text=TEXT, address="+8613900000001"):
    return Letter(7, address, "", text, is_urgent=True)


def options(url, user="carewatch", password="of-this-test-only", **more):
    return KannelOptions(url, user, password, sender="106900001", **more)


async def sent(channel, a_letter):
    try:
        return await channel.send(a_letter)
    finally:
        await channel.close()


@pytest.mark.server
async def test_an_officer_reads_the_sms_in_chinese(kannel):
    handover = await sent(Kannel(options(kannel.sendsms_url)), letter())
    assert handover.fate is Fate.HANDED, handover
    (sms,) = kannel.wait_for(1)
    assert sms.text == TEXT
    assert sms.receiver.endswith("8613900000001")
    assert sms.parts == 1


@pytest.mark.server
async def test_a_wrong_password_locks_us_out_and_names_the_setting(kannel):
    handover = await sent(Kannel(options(kannel.sendsms_url, password="wrong")), letter())
    assert handover.fate is Fate.LOCKED_OUT
    assert "sms.username" in handover.problem


async def test_a_gateway_that_is_down_is_tried_again(unused_tcp_port):
    url = f"http://127.0.0.1:{unused_tcp_port}/cgi-bin/sendsms"
    handover = await sent(Kannel(options(url)), letter())
    assert handover.fate is Fate.TRY_AGAIN
    assert url in handover.problem
