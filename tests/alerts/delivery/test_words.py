"""What duty staff read, and that it fits."""

from __future__ import annotations

import string
from zoneinfo import ZoneInfo

import pytest

from alerts.delivery.messages import budget
from alerts.delivery.messages.catalogue import LANGUAGES, catalogue, rule_messages
from alerts.delivery.messages.words import email_words, sms_words

SHENZHEN = ZoneInfo("Asia/Shanghai")
FALL = {
    "message": "fall",
    "severity": "emergency",
    "name": "张三",
    "age": 82,
    "address": "3栋502",
    "at_ms": 1_763_965_920_000,
    "since_ms": 1_763_965_920_000,
    "phone": "+8613800001234",
    "inputs": {},
}


def test_a_fall_reads_as_the_design_says():
    assert (
        sms_words("alert", FALL, "zh", SHENZHEN, "K7Q2").body
        == "疑似跌倒 张三82岁 3栋502 14:32起 电13800001234 回复K7Q2接单"
    )


def test_a_late_emergency_says_when_it_happened_and_when_it_came():
    late = {**FALL, "late": True, "arrived_ms": FALL["at_ms"] + 29 * 60_000}
    assert "14:32发生15:01才收到" in sms_words("alert", late, "zh", SHENZHEN, None).body
    assert "at 14:32, arrived 15:01" in sms_words("alert", late, "en", SHENZHEN, None).body


def test_what_came_late_says_so_also_where_the_engine_counts_it_as_in_order():
    kept = {**FALL, "late": False, "arrived_ms": FALL["at_ms"] + 2 * 60_000}
    assert "14:32发生14:34才收到" in sms_words("alert", kept, "zh", SHENZHEN, None).body
    quick = {**FALL, "late": False, "arrived_ms": FALL["at_ms"] + 2 * 60_000 - 1}
    assert "14:32起" in sms_words("alert", quick, "zh", SHENZHEN, None).body


def test_an_emergency_of_another_day_says_its_date():
    old = {**FALL, "arrived_ms": FALL["at_ms"] + 10 * 3_600_000}
    assert "11-24 14:32发生00:32才收到" in sms_words("alert", old, "zh", SHENZHEN, None).body
    assert "at 11-24 14:32, arrived 00:32" in email_words("alert", old, "en", SHENZHEN, None, None).body
    of_a_wrong_clock = {**FALL, "arrived_ms": FALL["at_ms"] + 40 * 86_400_000}
    assert "2025-11-24发生14:32才收到" in sms_words("alert", of_a_wrong_clock, "zh", SHENZHEN, None).body


def test_without_an_address_there_is_no_gap():
    assert "  " not in sms_words("alert", {**FALL, "address": ""}, "zh", SHENZHEN, "K7Q2").body


def test_a_watch_that_nobody_wears_is_named_by_its_number():
    stray = {"message": "sos", "severity": "emergency", "watch_id": "w9", "at_ms": FALL["at_ms"], "inputs": {}}
    assert sms_words("alert", stray, "zh", SHENZHEN, "K7Q2").body.startswith("SOS求助 未登记手表w9")


@pytest.mark.parametrize("message", sorted(rule_messages()))
@pytest.mark.parametrize(
    ("template", "minutes_late"), [("alert", 29), ("backup", 29), ("expired", 29), ("alert", 3000)]
)
def test_the_longest_name_and_address_still_fit_one_chinese_sms(message, template, minutes_late):
    longest = {
        **FALL,
        "message": message,
        "name": "买买提·阿卜杜热合曼江",
        "age": 104,
        "address": "深圳市福田区福田街道莲花北村社区景田东路十二号大院第十九栋二单元三十层3008室",
        "inputs": {"bpm": 138.0},
        "late": True,
        "arrived_ms": FALL["at_ms"] + minutes_late * 60_000,
    }
    text = sms_words(template, longest, "zh", SHENZHEN, "K7Q2").body
    assert budget.parts(text) == 1, text
    assert "13800001234" in text
    assert "K7Q2" in text
    assert "3008室" in text


def test_an_email_says_why_and_how_to_take_it():
    words = email_words(
        "alert",
        {**FALL, "message": "heart_rate_very_high", "inputs": {"bpm": 138.0, "limit.hr_very_high": 131}},
        "zh",
        SHENZHEN,
        "K7Q2",
        "http://board/a/T",
    )
    assert words.subject == "【紧急】心率过高138 张三82岁 3栋502"
    assert "静息时心率138，达到131并持续" in words.body
    assert "http://board/a/T" in words.body


def test_languages_have_the_same_keys_and_variables():
    def variables(text):
        return {field for _, field, _, _ in string.Formatter().parse(text) if field}

    first, *others = (catalogue(language) for language in LANGUAGES)
    for other in others:
        assert first.keys() == other.keys()
        assert {key: variables(text) for key, text in first.items()} == {k: variables(t) for k, t in other.items()}


@pytest.mark.parametrize(
    ("text", "units", "parts"),
    [
        ("a" * 160, 160, 1),
        ("a" * 161, 161, 2),
        ("€" * 80, 160, 1),
        ("好" * 70, 70, 1),
        ("好" * 71, 71, 2),
        ("好" * 134, 134, 2),
        ("好" * 135, 135, 3),
        ("😀" * 35, 70, 1),
        ("😀" * 36, 72, 2),
    ],
)
def test_the_budget_counts_as_the_network_does(text, units, parts):
    assert budget.length(text) == units
    assert budget.parts(text) == parts
