"""Email against a real SMTP server that also misbehaves."""

from __future__ import annotations

from alerts.delivery.channels.email import Email, EmailOptions
from alerts.delivery.contract import Fate, Letter

LETTER = Letter(
    41,
    "lijing@example.org",
    "【紧急】疑似跌倒 张三82岁",
    "疑似跌倒\n张三82岁\n接单请打开：http://board/a/T\n",
    is_urgent=True,
)


def channel(server, **more):
    return Email(EmailOptions(server.host, server.port, security="none", sender="duty@example.org", **more))


async def test_an_officer_reads_the_email_in_chinese(smtp_server):
    handover = await channel(smtp_server).send(LETTER)
    assert handover.fate is Fate.HANDED, handover
    (message,) = smtp_server.wait_for(1)
    assert message["Subject"] == "【紧急】疑似跌倒 张三82岁"
    assert message["Message-ID"] == "<carewatch-41@example.org>"
    assert message["Importance"] == "high"
    assert "张三82岁" in message.get_content()
    assert smtp_server.recipients == [["lijing@example.org"]]


async def test_later_is_tried_again_and_never_is_not(smtp_server):
    smtp_server.refuse_with(450, "mailbox busy")
    assert (await channel(smtp_server).send(LETTER)).fate is Fate.TRY_AGAIN
    smtp_server.refuse_with(550, "no such user")
    handover = await channel(smtp_server).send(LETTER)
    assert handover.fate is Fate.REFUSED
    assert "550 no such user" in handover.problem
    assert smtp_server.messages == []


async def test_a_broken_connection_and_a_dead_server_are_tried_again(smtp_server):
    smtp_server.reset_next()
    assert (await channel(smtp_server).send(LETTER)).fate is Fate.TRY_AGAIN
    smtp_server.stop()
    handover = await channel(smtp_server).send(LETTER)
    assert handover.fate is Fate.TRY_AGAIN
    assert str(smtp_server.port) in handover.problem


async def test_a_server_that_is_too_slow_is_tried_again(smtp_server):
    smtp_server.delay_s = 30.0
    assert (await channel(smtp_server, timeout_s=0.3).send(LETTER)).fate is Fate.TRY_AGAIN


async def test_no_starttls_or_sign_in_where_it_is_demanded_is_said(smtp_server):
    demanding = Email(EmailOptions(smtp_server.host, smtp_server.port, security="starttls"))
    handover = await demanding.send(LETTER)
    assert handover.fate is not Fate.HANDED
    assert "STARTTLS" in handover.problem
    with_password = channel(smtp_server, username="duty", password="wrong")
    assert (await with_password.send(LETTER)).fate is not Fate.HANDED
    assert smtp_server.messages == []
