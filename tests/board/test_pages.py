"""What the duty officer sees and does, without scripts."""

import re

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from alerts.engine.contract import Severity
from alerts.incidents.read import incident as read_incident
from alerts.store.tables import audit
from board.headers import CONTENT_SECURITY_POLICY
from ingest.log.contract import LogDamagedError
from tests.board.conftest import NOW_NS
from tests.board.scene import Resident


def standing(scene, incident_id):
    return read_incident(scene.store, incident_id, NOW_NS).row


def noted(scene, what):
    with scene.store.reading() as connection:
        return list(connection.execute(select(audit).where(audit.c.what == what)))


async def test_the_worst_and_oldest_comes_first_with_who_has_what(open_board, ids):
    page = (await (await open_board("lijing")).http.get("/")).text
    order = [int(found) for found in re.findall(r'id="incident-(\d+)"', page)]
    assert order == [ids["zhu"], ids["fall"], ids["sos"], ids["low"], ids["high"], ids["silent"]]
    assert "心率过高 138（静息）" in page
    assert "×3" in page
    assert "朱文彬" in page
    assert "无人接单" in page
    assert "后升级给 王强" in page
    assert "陈芳 接单" in page
    assert re.search(r"20:03 发生.*?<b class=\"arrived\">20:32 才收到", page, re.DOTALL)


async def test_who_is_not_protected_is_named_with_the_cause(open_board, ids):
    page = (await (await open_board("lijing")).http.get("/")).text
    block = page[page.index('id="protection"') :]
    assert re.search(r"<h3><b>4</b> 未佩戴", block)
    assert re.search(r"<h3><b>2</b> 充电中", block)
    assert re.search(r"<h3><b>1</b> 没电", block)


async def test_an_empty_board_says_so(open_board, scene):
    page = (await (await open_board("lijing")).http.get("/")).text
    assert "没有待处理的事件" in page


async def test_every_answer_carries_the_security_headers(open_board, ids):
    browser = await open_board("lijing")
    for path in ("/", "/sign-in", "/nowhere", "/static/x/board.css", "/api/v1/openapi.json", "/api/v1/residents"):
        headers = (await browser.http.get(path)).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY, path
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/i/{zhu}"])
async def test_no_script_or_style_stands_in_a_page(open_board, ids, path):
    page = (await (await open_board("lijing")).http.get(path.format(**ids))).text
    assert " style=" not in page
    assert re.findall(r"<script(?![^>]* src=)", page) == []
    assert re.findall(r'\son\w+="', page) == []


async def test_before_sign_in_nothing_is_shown(open_board, ids):
    browser = await open_board()
    for path in ("/", f"/i/{ids['zhu']}"):
        answer = await browser.http.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in")
    assert (await browser.http.get("/events")).status_code == 401
    assert (await browser.http.get(f"/i/{ids['zhu']}/pane")).status_code == 401


async def test_taking_it_by_a_plain_form(open_board, scene, ids):
    browser = await open_board("lijing")
    answer = await browser.http.post(f"/i/{ids['zhu']}/acknowledge", data={"csrf": await browser.token()})
    assert answer.status_code == 303
    assert standing(scene, ids["zhu"]).owner_name == "李静"
    assert "李静 接单" in (await browser.http.get("/")).text


async def test_the_second_is_told_who_was_first(open_board, scene, ids):
    first, second = await open_board("lijing"), await open_board("wangqiang")
    assert (await first.send(f"/i/{ids['fall']}/acknowledge")).json()["text"] == "您已接单"
    late = await second.send(f"/i/{ids['fall']}/acknowledge")
    assert late.status_code == 409
    assert late.json()["text"] == "李静已接单"
    assert standing(scene, ids["fall"]).owner_name == "李静"


async def test_closing_needs_an_outcome_and_real_needs_a_note(open_board, scene, ids):
    browser = await open_board("lijing")
    path = f"/i/{ids['silent']}/resolve"
    version = standing(scene, ids["silent"]).version
    assert (await browser.send(path, version=version)).json()["text"] == "请先选择结果"
    assert (await browser.send(path, version=version, outcome="real")).status_code == 422
    assert standing(scene, ids["silent"]).state == "acknowledged"
    assert (await browser.send(path, version=version, outcome="real", note="送医")).status_code == 200
    assert standing(scene, ids["silent"]).outcome == "real"


async def test_what_changed_meanwhile_is_looked_at_again_before_it_is_closed(open_board, scene, ids):
    browser = await open_board("lijing")
    answer = await browser.send(f"/i/{ids['silent']}/resolve", outcome="visited", version=1)
    assert answer.status_code == 409
    assert standing(scene, ids["silent"]).state == "acknowledged"


async def test_no_contact_keeps_it_open_with_a_time_to_try_again(open_board, scene, ids):
    browser = await open_board("lijing")
    version = standing(scene, ids["silent"]).version
    await browser.send(f"/i/{ids['silent']}/resolve", outcome="no_contact", version=version)
    assert "20:42 再联系" in (await browser.http.get("/")).text


async def test_a_comment_stands_in_the_timeline(open_board, ids):
    browser = await open_board("lijing")
    await browser.send(f"/i/{ids['zhu']}/comment", text="邻居说刚下楼")
    assert "李静：邻居说刚下楼" in (await browser.http.get(f"/i/{ids['zhu']}")).text


async def test_a_viewer_sees_and_may_do_nothing(open_board, scene, ids):
    browser = await open_board("visitor")
    page = (await browser.http.get("/")).text
    assert "朱文彬" in page
    assert "/acknowledge" not in page
    assert "/resolve" not in page
    answer = await browser.send(f"/i/{ids['zhu']}/acknowledge")
    assert answer.status_code == 403
    assert standing(scene, ids["zhu"]).owner_name == ""


async def test_the_care_card_opens_to_whoever_has_it_and_that_is_noted(open_board, scene, ids):
    li, wang = await open_board("lijing"), await open_board("wangqiang")
    assert "华法林" not in (await li.http.get(f"/i/{ids['zhu']}")).text
    await li.send(f"/i/{ids['zhu']}/acknowledge")
    assert noted(scene, "care_card_seen") == []
    for _ in range(2):
        assert "华法林" in (await li.http.get(f"/i/{ids['zhu']}")).text
    assert "华法林" not in (await wang.http.get(f"/i/{ids['zhu']}")).text
    assert [row.officer_id for row in noted(scene, "care_card_seen")] == [scene.ids["lijing"]]


async def test_a_chief_sees_the_care_card_while_somebody_has_it_and_nobody_afterwards(open_board, scene, ids):
    li, chief = await open_board("lijing"), await open_board("chenfang")
    path = f"/i/{ids['zhu']}"
    assert "华法林" not in (await chief.http.get(path)).text
    await li.send(f"{path}/acknowledge")
    assert "华法林" in (await chief.http.get(path)).text
    await li.send(f"{path}/resolve", outcome="visited", version=standing(scene, ids["zhu"]).version)
    for each in (li, chief):
        assert "华法林" not in (await each.http.get(path)).text


async def test_the_exact_position_is_shown_once_it_is_taken(open_board, ids):
    browser = await open_board("lijing")
    before = (await browser.http.get(f"/i/{ids['zhu']}")).text
    assert "geo:" not in before
    assert 'class="track' not in before
    await browser.send(f"/i/{ids['zhu']}/acknowledge")
    after = (await browser.http.get(f"/i/{ids['zhu']}")).text
    assert "geo:22.55" in after
    assert 'class="track' in after


async def test_the_lists_hold_no_phone_and_no_position(open_board, context, ids):
    browser = await open_board("lijing")
    page = (await browser.http.get("/")).text
    lists = page[page.index('id="board"') : page.index("<aside")]
    assert "tel:" not in lists
    assert "+86" not in lists
    assert "22.5" not in lists


async def test_a_script_as_a_name_is_shown_as_text(open_board, scene):
    scene.lives(Resident("w0900", "<script>alert(1)</script>", 1940, "<img src=x onerror=alert(2)>", "景田社区"))
    incident_id = _fire(scene, "w0900")
    browser = await open_board("lijing")
    for path in ("/", f"/i/{incident_id}"):
        page = (await browser.http.get(path)).text
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def _fire(scene, watch_id):
    return scene.fires(watch_id, "sos", Severity.EMERGENCY, 1)


async def test_a_watch_that_nobody_is_known_to_wear_still_has_its_place(open_board, scene):
    _fire(scene, "w0901")
    page = (await (await open_board("lijing")).http.get("/")).text
    assert "未登记的手表 w0901" in page
    assert "查明谁佩戴这块手表" in page


async def test_english_is_complete_and_kept(open_board, ids):
    browser = await open_board("lijing")
    first = (await browser.http.get("/?lang=en")).text
    again = (await browser.http.get("/")).text
    for page in (first, again):
        assert "Nobody has it" in page
        assert "Take it" in page
        assert "待接单" not in page


async def test_an_unknown_incident_is_said_to_be_unknown(open_board, ids):
    browser = await open_board("lijing")
    for path in ("/i/999999/pane", "/i/999999"):
        answer = await browser.http.get(path)
        assert answer.status_code == 404
        assert "没有这条事件" in answer.text
    assert (await browser.send("/i/999999/acknowledge")).status_code == 404
    assert "没有这个页面" in (await browser.http.get("/nowhere")).text
    assert (await browser.http.get("/?i=999999")).status_code == 200


async def test_a_number_that_no_database_holds_is_no_incident(open_board, scene):
    browser = await open_board("lijing")
    assert (await browser.http.get("/i/99999999999999999999")).status_code == 404
    assert (await browser.http.get("/?i=99999999999999999999")).status_code == 200


async def test_a_store_that_fails_is_said_to_the_person(open_board, context, ids, monkeypatch):
    browser = await open_board("lijing")
    token = await browser.token()

    def broken():
        raise OperationalError("BEGIN", {}, Exception("disk I/O error"))

    monkeypatch.setattr(context.store, "transaction", broken)
    answer = await browser.send(f"/i/{ids['zhu']}/acknowledge", csrf=token)
    assert answer.status_code == 503
    assert "请改用电话值守" in answer.json()["text"]
    monkeypatch.setattr(context.store, "reading", broken)
    page = await browser.http.get("/")
    assert page.status_code == 503
    assert "请改用电话值守" in page.text


async def test_a_log_that_cannot_be_read_leaves_the_rest_of_the_page(open_board, scene, ids, monkeypatch):
    def broken(*_args):
        raise LogDamagedError("record 7: wrong checksum")

    monkeypatch.setattr(scene.log, "read", broken)
    page = await (await open_board("lijing")).http.get(f"/i/{ids['zhu']}")
    assert page.status_code == 200
    assert "读数记录暂时读不到" in page.text
    assert "朱文彬" in page.text
