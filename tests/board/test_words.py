"""Every word in both languages, and none without a use or a value."""

import re
import string
from pathlib import Path

import pytest

from alerts.delivery.messages.catalogue import rule_messages
from alerts.incidents.contract import ActionResult, Outcome, Via, What
from alerts.incidents.protection import Cause
from alerts.policy.contract import Withheld
from board.headline import headline, reason
from board.moments import distance, elapsed, spoken
from board.words import LANGUAGES, say, texts

BOARD = Path(__file__).parents[2] / "board"


def names_in(text):
    parts = text.values() if isinstance(text, dict) else [text]
    return {name for part in parts for _, name, _, _ in string.Formatter().parse(part) if name}


def test_both_languages_have_the_same_keys_and_names():
    zh, en = (texts(language) for language in LANGUAGES)
    assert list(zh) == list(en)
    assert {key for key in zh if names_in(zh[key]) != names_in(en[key])} == set()


def test_english_is_english_and_chinese_is_chinese():
    is_chinese = re.compile(r"[\u4e00-\u9fff]")
    excepted = {"language.other", "language.switch"}
    assert [key for key, text in texts("en").items() if is_chinese.search(str(text)) and key not in excepted] == []
    assert say("zh", "take") == "接单"
    assert say("en", "take") == "Take it"


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_the_store_may_say_has_words(language):
    known = texts(language)
    wanted = (
        [f"happened.{each.value}" for each in What]
        + [f"answer.{each.value}" for each in ActionResult]
        + [f"outcome.{each.value}" for each in Outcome]
        + [f"via.{each.value}" for each in Via]
        + [f"why.withheld.{each.value}" for each in Withheld]
        + [f"cause.{each.value}" for each in Cause if each is not Cause.PROTECTED]
        + [f"{kind}.{message}" for message in rule_messages() for kind in ("head", "why", "rule")]
    )
    assert [key for key in wanted if key not in known] == []


def test_no_text_is_without_a_use():
    sources = "".join(
        file.read_text("utf-8")
        for pattern in ("*.py", "templates/*.html", "static/*.js")
        for file in BOARD.glob(pattern)
    )
    made = (
        "head.",
        "why.",
        "rule.",
        "happened.",
        "answer.",
        "outcome.",
        "via.",
        "cause.",
        "severity.",
        "list.",
        "duty.",
    )
    made += ("channel.",)
    unused = [
        key
        for key in texts("zh")
        if not key.startswith(made)
        and f'"{key.removeprefix("js.")}"' not in sources
        and f'"{key}"' not in sources
        and f"'{key}'" not in sources
    ]
    assert unused == []


def test_headlines_say_what_and_how_much():
    assert headline("zh", "heart_rate_very_high", "r", {"bpm": 138.0}) == "心率过高 138（静息）"
    assert headline("en", "heart_rate_very_high", "r", {"bpm": 138.0}) == "Heart rate 138, very high at rest"
    assert headline("zh", "fall", "fall", {"still_s": 845.0}) == "疑似跌倒，14 分钟无活动"
    assert headline("zh", "fall", "fall", {"still_s": None}) == "疑似跌倒"
    assert headline("zh", "sos", "sos", {}) == "SOS 求助"


def test_a_rule_of_the_operators_own_is_told_by_its_name():
    assert headline("zh", "bath_too_long", "bath_too_long", {}) == "bath too long"
    assert reason("en", "bath_too_long", {}) == "The rule's condition held"


def test_plurals_follow_the_language():
    assert say("en", "happened.dropped", count=1) == "One message no longer needed"
    assert say("en", "happened.dropped", count=2) == "2 messages no longer needed"
    assert say("zh", "happened.dropped", count=1) == "取消 1 条不再需要的通知"


def test_durations_and_distances_read_as_people_say_them():
    assert elapsed(207_000, "clock", "zh") == "03:27"
    assert elapsed(3_787_000, "clock", "zh") == "1:03:07"
    assert elapsed(2_700_000, "words", "zh") == "45 分"
    assert elapsed(13_080_000, "words", "en") == "3 h 38 min"
    assert spoken(18_400, "zh") == "18 秒"
    assert distance(140.4, "zh") == "140 米"
    assert distance(1_400, "en") == "1.4 km"
