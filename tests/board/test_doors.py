"""Who gets in, and from where a change may come."""

import asyncio
from dataclasses import replace

import pytest

from alerts.delivery.links import link_token
from alerts.incidents.read import incident as read_incident
from alerts.store.tables import ack_link
from board.passwords import FREE_TRIES
from board.session import COOKIE, Seal, sign_in_path
from tests.board.conftest import NOW_NS, SECRET

HOUR_NS = 3_600_000_000_000


def holder(scene, incident_id):
    return read_incident(scene.store, incident_id, NOW_NS).row.owner_name


@pytest.fixture
def link(scene, ids):
    """The path of the link in the email to 王强 about the fall."""
    row = {"incident_id": ids["fall"], "officer_id": scene.ids["wangqiang"], "issued_ns": NOW_NS}
    with scene.store.transaction() as connection:
        connection.execute(ack_link.insert().values(token_id="t" * 32, **row))
    return f"/a/{link_token(SECRET, 't' * 32)}"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
async def test_a_form_from_another_site_is_refused(open_board, scene, ids, site):
    browser = await open_board("lijing")
    fields = {"csrf": await browser.token()}
    path = f"/i/{ids['zhu']}/acknowledge"
    assert (await browser.http.post(path, data=fields, headers={"Sec-Fetch-Site": site})).status_code == 403
    assert (await browser.http.post(path, data=fields, headers={"Origin": "http://evil.example"})).status_code == 403
    assert holder(scene, ids["zhu"]) == ""


async def test_a_form_without_the_sessions_own_token_is_refused(open_board, scene, ids):
    browser, other = await open_board("lijing"), await open_board("wangqiang")
    path = f"/i/{ids['zhu']}/acknowledge"
    for token in ("", "0" * 64, await other.token()):
        assert (await browser.http.post(path, data={"csrf": token})).status_code == 403
    assert holder(scene, ids["zhu"]) == ""


async def test_a_wrong_password_and_an_unknown_name_sound_the_same(open_board, scene):
    browser = await open_board()
    wrong = await browser.sign_in("lijing", "guess")
    unknown = await browser.sign_in("nobody", "guess")
    assert wrong.status_code == unknown.status_code == 401
    assert "用户名或密码不对" in wrong.text
    assert "用户名或密码不对" in unknown.text


async def test_after_five_wrong_passwords_even_the_right_one_waits(open_board, context, scene):
    browser = await open_board()
    for _ in range(FREE_TRIES):
        await browser.sign_in("lijing", "guess")
    refused = await browser.sign_in("lijing")
    assert refused.status_code == 429
    assert "请 30 秒后再试" in refused.text
    await context.clock.step_to(NOW_NS + 31_000_000_000)
    assert (await browser.sign_in("lijing")).status_code == 303


async def test_guesses_sent_all_at_once_are_counted_too(open_board, scene):
    browser = await open_board()
    tokens = {"csrf": await browser.token("/sign-in"), "login": "lijing", "next": "/"}
    headers = {"Sec-Fetch-Site": "same-origin"}
    guesses = (browser.http.post("/sign-in", data={**tokens, "password": f"{n}"}, headers=headers) for n in range(12))
    answers = await asyncio.gather(*guesses)
    assert sum(answer.status_code == 401 for answer in answers) == FREE_TRIES


async def test_a_session_ends_after_twelve_hours(open_board, context, scene):
    browser = await open_board("lijing")
    await context.clock.step_to(NOW_NS + 12 * HOUR_NS - 1)
    assert (await browser.http.get("/")).status_code == 200
    await context.clock.step_to(NOW_NS + 12 * HOUR_NS)
    assert (await browser.http.get("/")).status_code == 303


async def test_on_a_faster_clock_a_session_holds_as_long_for_people(context):
    fast = replace(context.options, clock_speed=60)
    assert fast.session_clock_ns == 60 * context.options.session_clock_ns == 720 * HOUR_NS


async def test_a_cookie_that_we_did_not_sign_is_nobody(open_board, scene):
    browser = await open_board()
    forged = Seal("another secret, just as long")
    browser.http.cookies.set(COOKIE, forged.close_session(forged.new_session(1, NOW_NS)))
    assert (await browser.http.get("/")).status_code == 303


async def test_the_cookie_is_kept_from_scripts_and_other_sites(open_board, scene):
    cookie = (await (await open_board()).http.get("/sign-in")).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


async def test_signing_in_leads_back_but_never_to_another_site(open_board, scene):
    browser = await open_board()
    for wished, led in (("/i/3", "/i/3"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil", "/")):
        fields = {
            "login": "lijing",
            "password": "a long walk home",
            "next": wished,
            "csrf": await browser.token("/sign-in"),
        }
        assert (await browser.http.post("/sign-in", data=fields)).headers["location"] == led


async def test_signing_out_ends_it(open_board, scene):
    browser = await open_board("lijing")
    await browser.send("/sign-out")
    assert (await browser.http.get("/")).status_code == 303


async def test_a_sign_in_link_works_once_and_looking_at_it_does_not_use_it(open_board, scene):
    path = sign_in_path(SECRET, scene.ids["lijing"], NOW_NS)
    scanner, person, thief = [await open_board() for _ in range(3)]
    for _ in range(2):
        assert "以 李静 的身份进入值守台" in (await scanner.http.get(path)).text
    thiefs_token = await thief.token(path)
    assert (await person.send(path)).status_code == 303
    assert (await person.http.get("/")).status_code == 200
    assert (await thief.send(path, csrf=thiefs_token)).status_code == 410
    assert (await thief.http.get(path)).status_code == 410
    assert (await thief.http.get("/")).status_code == 303


async def test_a_sign_in_link_gets_too_old(open_board, context, scene):
    path = sign_in_path(SECRET, scene.ids["lijing"], NOW_NS)
    await context.clock.step_to(NOW_NS + 24 * HOUR_NS)
    assert (await (await open_board()).http.get(path)).status_code == 410


async def test_opening_the_link_in_an_email_takes_nothing(open_board, scene, ids, link):
    page = (await (await open_board()).http.get(link)).text
    assert "要由您（王强）接下这条报警吗？" in page
    assert "何**" in page
    assert "何炳坤" not in page
    assert "1104" not in page
    assert holder(scene, ids["fall"]) == ""


async def test_pressing_its_button_takes_it_once(open_board, scene, ids, link):
    person = await open_board()
    assert "您已接单" in (await person.send(link)).text
    assert holder(scene, ids["fall"]) == "王强"
    again = await person.http.get(link)
    assert "我来接单" not in again.text
    token = await (await open_board()).token("/sign-in")
    assert token
    fresh = await open_board()
    used = await fresh.send(link, csrf=await fresh.token("/sign-in"))
    assert used.status_code == 409


async def test_a_link_that_comes_late_says_who_has_it(open_board, scene, ids, link):
    person = await open_board()
    token = await person.token(link)
    await (await open_board("lijing")).send(f"/i/{ids['fall']}/acknowledge")
    answer = await person.send(link, csrf=token)
    assert answer.status_code == 409
    assert "李静已接单" in answer.text
    assert holder(scene, ids["fall"]) == "李静"


async def test_a_forged_link_is_no_link(open_board, scene, ids, link):
    browser = await open_board()
    assert (await browser.http.get(f"/a/{link_token('a secret that is not ours', 't' * 32)}")).status_code == 410
    assert holder(scene, ids["fall"]) == ""
