"""The board in a real Chromium, served by a real process over real sockets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from board.session import sign_in_path
from tests.board.evening import evening
from tests.board.scene import Resident, Scene
from tests.board.serve import SECRET
from tests.servers.process import accepts, free_port
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[2]
SCREENS = [(1440, 900), (1920, 1080), (390, 844)]


class Office:
    """The board's process over an evening's scene."""

    def __init__(self, folder: Path, language: str = "zh", **options: object) -> None:
        self.folder, self.language, self.options = folder, language, {"language": language, **options}
        scene = Scene(folder, time.time_ns(), language)
        self.ids = evening(scene, language=language, others=14)
        self.officers = scene.ids
        scene.lives(Resident("w0900", "<script>alert(1)</script>", 1940, "<img src=x onerror=alert(2)>", "景田社区"))
        scene.close()
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "tests.board.serve",
            str(self.folder),
            str(self.port),
            json.dumps(self.options),
        ]
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        wait_until(lambda: accepts(self.port), 30, "the board's port")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def fire(self, watch_id: str, rule: str) -> int:
        return httpx.post(f"{self.url}/scene/fire", params={"watch": watch_id, "rule": rule}).json()["incident"]

    def set_ages(self, **ages: float) -> None:
        httpx.post(f"{self.url}/scene/ages", params={"data_s": 0.1, "engine_s": 0.1, "notifier_s": 0.1, **ages})

    def enter(self, browser, path: str = "/", login: str = "lijing") -> None:
        """Sign in by a link that works once, and open the page."""
        browser.get(self.url + sign_in_path(SECRET, self.officers[login], time.time_ns()))
        browser.find_element(By.TAG_NAME, "button").click()
        wait_until(lambda: browser.find_elements(By.ID, "board"), 10, "the duty page")
        joint = "&" if "?" in path else "?"
        browser.get(f"{self.url}{path}{joint}lang={self.language}")
        wait_until(lambda: heard(browser), 10, "the first beat")


@pytest.fixture
def open_office(tmp_path):
    opened = []

    def open_one(language="zh", **options):
        folder = tmp_path / f"office{len(opened)}"
        folder.mkdir()
        office = Office(folder, language, **options)
        opened.append(office)
        office.start()
        return office

    yield open_one
    for office in opened:
        office.thaw()
        office.kill()
        print((office.folder / "serve.log").read_text("utf-8")[-4000:])  # noqa: T201 - for a test that failed


def heard(browser) -> bool:
    text = shown(browser, "data-age")
    return text not in ("", "还没有数据", "No data yet")


def shown(browser, element_id):
    """The text of an element, read at once: the page may exchange it at any moment."""
    script = "const node = document.getElementById(arguments[0]); return node?.checkVisibility() ? node.innerText : ''"
    return browser.execute_script(script, element_id)


def row(browser, incident_id):
    return shown(browser, f"incident-{incident_id}")


def pane(browser):
    return shown(browser, "pane")


def banner(browser):
    return shown(browser, "banner")


def may_take(browser, incident_id):
    script = "return document.querySelector(`#incident-${arguments[0]} button`)?.disabled === false"
    return browser.execute_script(script, incident_id)


def press(browser, *keys):
    browser.find_element(By.TAG_NAME, "body").send_keys(*keys)


def complaints(browser):
    return [entry["message"] for entry in browser.get_log("browser")]


TOO_WIDE = """
return [...document.querySelectorAll('body *')].filter((node) => {
  const box = node.getBoundingClientRect();
  return box.width && getComputedStyle(node).position !== 'absolute' && box.right > innerWidth + 1;
}).map((node) => node.className || node.tagName)
"""
CUT = """
return [...document.querySelectorAll('.headline, .owner, .when, .who, .button, .banner')].filter((node) =>
  node.getBoundingClientRect().width && getComputedStyle(node).display !== 'inline' &&
  (node.scrollWidth > node.clientWidth + 1 ||
   (getComputedStyle(node).overflowY !== 'visible' && node.scrollHeight > node.clientHeight))
).map((node) => node.textContent.trim())
"""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_is_cut_or_wider_than_the_screen_and_the_console_is_silent(open_office, open_browser, language):
    office = open_office(language)
    for width, height in SCREENS:
        browser = open_browser(width, height, "zh-CN" if language == "zh" else "en-US")
        office.enter(browser)
        for path in ("/", f"/?i={office.ids['silent']}", f"/i/{office.ids['zhu']}", "/sign-in"):
            browser.get(office.url + path)
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width, (path, width)
            assert browser.execute_script(TOO_WIDE) == [], (path, width)
            assert browser.execute_script(CUT) == [], (path, width)
        assert complaints(browser) == []
        browser.quit()


def test_a_key_takes_it_and_another_closes_it(open_office, open_browser):
    office = open_office()
    browser = open_browser(1440, 900)
    office.enter(browser)
    assert "朱文彬" in pane(browser)
    press(browser, "a")
    wait_until(lambda: "李静 接单" in row(browser, office.ids["zhu"]), 5, "the row to say who has it")
    wait_until(lambda: "华法林" in pane(browser), 5, "the care card")
    press(browser, "r")
    browser.switch_to.active_element.send_keys("1")
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    wait_until(lambda: "请写明情况" in shown(browser, "toast"), 5, "the note to be asked for")
    browser.find_element(By.ID, "note").send_keys("已送医", Keys.ENTER)
    wait_until(lambda: not row(browser, office.ids["zhu"]), 5, "the row to go")
    assert "真实紧急" in wait_until(lambda: pane(browser) if "结束：" in pane(browser) else "", 5, "the outcome")


def test_keys_move_through_the_lists_but_never_while_writing(open_office, open_browser):
    office = open_office()
    browser = open_browser(1440, 900)
    office.enter(browser)
    press(browser, "j")
    wait_until(lambda: "何炳坤" in pane(browser), 5, "the next one")
    press(browser, "k")
    wait_until(lambda: "朱文彬" in pane(browser), 5, "the one before")
    press(browser, "n")
    browser.switch_to.active_element.send_keys("ja a")
    assert browser.find_element(By.ID, "comment").get_attribute("value") == "ja a"
    assert "无人接单" in row(browser, office.ids["zhu"])
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    wait_until(lambda: "李静：ja a" in pane(browser), 5, "the comment")


def test_a_new_alarm_comes_by_itself_and_what_is_being_written_stays(open_office, open_browser):
    office = open_office()
    browser = open_browser(1440, 900)
    office.enter(browser)
    note = browser.find_element(By.ID, "comment")
    note.send_keys("正在写")
    incident = office.fire("w0900", "sos")
    wait_until(lambda: "SOS 求助" in row(browser, incident), 5, "the new row")
    assert "<script>alert(1)</script>" in row(browser, incident)
    assert "SOS" in browser.find_element(By.ID, "announce").get_attribute("textContent")
    assert browser.find_element(By.ID, "comment").get_attribute("value") == "正在写"
    assert browser.switch_to.active_element.get_attribute("id") == "comment"
    assert browser.execute_script("return document.body.dataset.sound") == "emergency"
    assert complaints(browser) == []


def test_two_officers_see_each_other(open_office, open_browser):
    office = open_office()
    one, other = open_browser(1440, 900), open_browser(390, 844)
    office.enter(one)
    office.enter(other, login="wangqiang")
    note = one.find_element(By.ID, "comment")
    note.send_keys("正在写")
    other.find_element(By.CSS_SELECTOR, f"#incident-{office.ids['zhu']} button").click()
    wait_until(lambda: "王强 接单" in row(one, office.ids["zhu"]), 5, "the other's taking in the list")
    wait_until(lambda: "王强 接单" in pane(one), 5, "the other's taking in the pane")
    note.send_keys("…")
    assert note.get_attribute("value") == "正在写…"


FAST = {"beat_s": 0.3, "beat_limit_s": 2.0}


def test_a_killed_server_is_said_and_comes_back_without_a_click(open_office, open_browser):
    office = open_office(**FAST)
    browser = open_browser(1440, 900)
    office.enter(browser)
    assert banner(browser) == ""
    office.kill()
    wait_until(lambda: "与服务器的连接已断开" in banner(browser), 6, "the banner")
    assert "+8617099000001" in banner(browser)
    assert browser.title.startswith("✕")
    assert not may_take(browser, office.ids["zhu"])
    assert "--:--" in row(browser, office.ids["zhu"])
    assert browser.execute_script("return document.body.dataset.sound") == "lost"
    clock = shown(browser, "clock")
    wait_until(lambda: shown(browser, "clock") != clock, 5, "the clock to run on")
    office.start()
    wait_until(lambda: banner(browser) == "", 15, "the banner to go")
    wait_until(lambda: may_take(browser, office.ids["zhu"]), 5, "the buttons to work again")
    assert not browser.title.startswith("✕")


def test_a_frozen_server_is_said_and_comes_back(open_office, open_browser):
    office = open_office(**FAST)
    browser = open_browser(1440, 900)
    office.enter(browser)
    office.freeze()
    wait_until(lambda: "与服务器的连接已断开" in banner(browser), 6, "the banner")
    office.thaw()
    wait_until(lambda: banner(browser) == "", 15, "the banner to go")


@pytest.mark.parametrize(
    ("ages", "said"),
    [({"data_s": 90}, "没有新的手表数据"), ({"engine_s": 40}, "报警判断停止"), ({"notifier_s": 40}, "短信通道中断")],
)
def test_the_part_that_is_late_is_named(open_office, open_browser, ages, said):
    office = open_office(beat_s=0.3)
    browser = open_browser(1440, 900)
    office.enter(browser)
    office.set_ages(**ages)
    wait_until(lambda: said in banner(browser), 5, "the part's name")
    assert may_take(browser, office.ids["zhu"])
    office.set_ages()
    wait_until(lambda: banner(browser) == "", 5, "the banner to go")


def test_many_tabs_share_one_stream_and_all_of_them_live(open_office, open_browser):
    office = open_office(beat_s=0.5)
    browser = open_browser(1440, 900)
    office.enter(browser)
    for _ in range(6):
        browser.switch_to.new_window("tab")
        browser.get(office.url + "/")
    wait_until(lambda: heard(browser), 10, "the beat in the last tab")
    incident = office.fire("w0003", "fall")
    for tab in browser.window_handles:
        browser.switch_to.window(tab)
        wait_until(lambda: "×2" in row(browser, incident), 10, "the second alarm in each tab")
    streams = httpx.get(f"{office.url}/scene/streams").json()["streams"]
    assert streams == 1
