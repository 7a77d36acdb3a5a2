"""The rule file: the default set passes its own tests; every fault of a file is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.delivery.messages.catalogue import rule_messages
from alerts.rules.problems import RuleError
from alerts.rules.rule import Mode
from alerts.rules.rule_file import load_rules
from alerts.rules.text_tests import run_tests

DEFAULT = Path(__file__).parents[3] / "config" / "rules.toml"
GOOD = """
[limit]
high = 120
long = "2 min"

[signal]
rest = "since(steps > 0) >= 10 * minute"

[[rule]]
name = "high"
severity = "warning"
when = "rest and bpm >= limit.high"
hold = "2 min"
"""


def problems(text, **more):
    with pytest.raises(RuleError) as caught:
        load_rules(text, file="rules.toml", **more)
    return caught.value.problems


def test_the_default_rules_pass_their_own_tests():
    ruleset = load_rules(DEFAULT.read_text(), file="rules.toml", messages=rule_messages())
    assert ruleset.warnings == ()
    outcomes = run_tests(ruleset)
    assert len(outcomes) >= 10
    assert [(each.test.line, each.found) for each in outcomes if not each.passed] == []
    assert {rule.name for rule in ruleset.rules} == {each.test.rule for each in outcomes}


def test_a_fault_is_shown_with_a_caret_under_it():
    (problem,) = problems(GOOD.replace("bpm >=", "bmp >="))
    assert str(problem).splitlines()[:3] == [
        "rules.toml:12:18: unknown name 'bmp'",
        '    when = "rest and bmp >= limit.high"',
        "                     ^",
    ]
    assert "did you mean 'bpm'?" in str(problem)


@pytest.mark.parametrize(
    ("old", "new", "place", "told"),
    [
        ('severity = "warning"', 'severity = "wrning"', (11, 1), "unknown severity 'wrning'"),
        ("hold =", "hodl =", (13, 1), "unknown key 'hodl'"),
        ('hold = "2 min"', 'hold = "2 minutes"', (13, 1), "no duration"),
        ('hold = "2 min"', 'wait = "2 min"', (13, 1), "does not fit level rules"),
        ('name = "high"', 'name = "High"', (10, 1), "a rule named 'High'"),
        ("[limit]", "[limits]", (2, 1), "unknown table 'limits'"),
        ('long = "2 min"', 'long = "2 mins"', (4, 1), "limit long"),
        ('rest = "since', 'bpm = "since', (7, 1), "cannot name a signal"),
        ("steps > 0", "stepps > 0", (7, 15), "unknown name 'stepps'"),
        ('"rest and bpm >= limit.high"', "3", (12, 1), "write an expression in quotes"),
        ('"rest and bpm >= limit.high"', '"bpm"', (12, 1), "wanted a boolean"),
        ('"rest and bpm >= limit.high"', '"steps > 3"', (12, 1), "could run on heart_rate, status"),
        ('"rest and bpm >= limit.high"', '"bpm > 3 and lat > 3"', (12, 1), "no reading carries all"),
        ('hold = "2 min"', "event = 1", (13, 1), "write true or false"),
        ('hold = "2 min"', 'hold = "2 min', (13, 14), "not TOML"),
        ('when = "rest and bpm >= limit.high"', "", (9, 1), None),
    ],
)
def test_faults_are_named_with_their_place(old, new, place, told):
    found = problems(GOOD.replace(old, new, 1))
    if told is None:
        assert any("without `when`" in each.what for each in found)
        return
    assert any((each.line, each.column) == place and told in f"{each.what} {each.remedy}" for each in found), found


def test_every_fault_is_named_at_once():
    found = problems(GOOD.replace("bpm", "bmp").replace("warning", "wrning").replace("hold", "hodl"))
    assert len(found) == 3


def test_places_within_a_text_of_several_lines():
    text = GOOD.replace('"rest and bpm >= limit.high"', '"""\n  rest\n  and bmp >= limit.high\n"""')
    (problem,) = problems(text)
    assert (problem.line, problem.column) == (14, 7)
    assert problem.source[problem.column - 1 :].startswith("bmp")


def test_a_message_that_no_catalogue_has_is_refused():
    (problem,) = problems(GOOD, messages=frozenset({"heart_rate_high"}))
    assert "no message 'high'" in problem.what


def test_two_rules_of_one_name_are_refused():
    found = problems(GOOD + GOOD[GOOD.index("[[rule]]") :])
    assert [each.what for each in found] == ["a second rule 'high'"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("high = 120", "high = 400", "can never be true"),
        ('hold = "2 min"', 'hold = "20 s"', "shorter than a watch samples"),
        ('hold = "2 min"', 'max_gap = "20 s"', "no run can last"),
    ],
)
def test_what_is_hardly_meant_is_warned_of(old, new, told):
    (warning,) = load_rules(GOOD.replace(old, new), file="rules.toml").warnings
    assert told in f"{warning.what} {warning.remedy}"


def test_the_version_follows_what_the_rule_means_and_nothing_else():
    def version(text):
        return load_rules(text, file="rules.toml").rule("high").version

    same = [GOOD.replace("bpm >= limit", "bpm>=limit"), "# a remark\n" + GOOD, GOOD.replace('long = "2', 'long = "3')]
    other = [GOOD.replace("120", "121"), GOOD.replace("10 *", "11 *"), GOOD.replace('hold = "2', 'hold = "3')]
    assert {version(each) for each in same} == {version(GOOD)}
    assert version(GOOD) not in {version(each) for each in other}


def test_a_rule_that_says_no_clear_clears_when_it_is_known_false():
    rule = load_rules(GOOD, file="rules.toml").rule("high")
    assert rule.mode is Mode.LEVEL
    assert rule.clear is not None
    assert rule.max_gap_ms == -1
    assert rule.expire_ms == 12 * 3_600_000


def test_an_outcome_says_what_came_and_what_was_expected():
    test = '\n[[test]]\nrule = "high"\ngiven = ["every 1 min from 14:00 to 14:20 bpm 130 steps 0"]\nexpect = ["{}"]\n'
    (outcome,) = run_tests(load_rules(GOOD + test.format("firing 14:11"), file="rules.toml"))
    assert not outcome.passed
    assert outcome.found == ("pending 14:10", "firing 14:12")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("14:00 bmp 3", "unknown column 'bmp'"),
        ("25 bpm 3", "no time"),
        ("14:00 bpm", "a name and a value"),
        ("14:00 bpm three", "no number"),
        ("14:00 worn maybe", "never 'maybe'"),
        ("14:00 bpm 3 lat 3", "no kind of reading"),
        ("every 2 minutes from 14:00 to 15:00 bpm 3", "no duration"),
    ],
)
def test_a_line_that_cannot_be_read_says_why(given, told):
    test = f'\n[[test]]\nrule = "high"\ngiven = ["{given}"]\nexpect = []\n'
    (outcome,) = run_tests(load_rules(GOOD + test, file="rules.toml"))
    assert not outcome.passed
    assert told in outcome.problem


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("limit = 3", "limit is no table"),
        ('rule = "sos"', "rule is no list of tables"),
        ("[rule]\nname = 3", "rule is no list of tables"),
        ("signal = []", "signal is no table"),
        (GOOD + "[[test]]\nrule = 'high'\ngiven = '14:00 bpm 3'\nexpect = []", "given = "),
        (GOOD + "[[test]]\nrule = 'high'\nexpect = []", "a test without given"),
        (GOOD + "[[test]]\nrule = 'hihg'\ngiven = []\nexpect = []", "a test of 'hihg'"),
        (GOOD + "[[test]]\nrule = 'high'\ngivn = []\nexpect = []", "unknown key 'givn'"),
        ("[[rule]]\nname = 3\nseverity = 3\nwhen = 3\nhold = 3\non = 3\nmax_gap = 3\nmessage = 3", "name"),
    ],
)
def test_what_has_the_wrong_shape_is_named_too(text, told):
    assert any(told in each.what for each in problems(text))


PUT = ["", '"', "[", "]", "=", "3", "not ", "(", "\n", "[[rule]]\n", "bmp", "\\", "#", "'''"]


@example(at=2066, gone=9, put="\\")  # a `\\r` in a condition is a line's end to Python
@settings(max_examples=200, deadline=None, database=None)
@given(at=st.integers(0, 4000), gone=st.integers(0, 30), put=st.sampled_from(PUT))
def test_whatever_is_damaged_in_a_file_it_is_a_rule_error_or_a_rule_set(at, gone, put):
    text = DEFAULT.read_text()
    told = []
    try:
        load_rules(text[:at] + put + text[at + gone :], file="rules.toml")
    except RuleError as error:
        told = error.problems
    assert all(each.line >= 1 and each.column >= 1 and each.what for each in told)
