"""The rule language: what it lets through, what it refuses, and what it says then."""

from __future__ import annotations

import pytest

from alerts.rules import tree
from alerts.rules.check import kinds_of, type_of
from alerts.rules.language import Vocabulary, parse
from alerts.rules.problems import ExpressionError
from alerts.rules.units import Type, duration_ms, intervals
from ingest.reading import Kind

VOCABULARY = Vocabulary(limits={"high": 100.0, "long": 60_000.0}, duration_limits=frozenset({"long"}))


def typed(source):
    return type_of(parse(source, VOCABULARY))


@pytest.mark.parametrize(
    ("source", "canonical"),
    [
        ("bpm>=limit.high", "bpm >= limit.high"),
        ("50 < bpm <= 60", "(50 < bpm) and (bpm <= 60)"),
        ("since( steps>0 )>=10*minute", "since(steps > 0) >= (10 * minute)"),
        ('source in ("gps",)', 'source in ("gps",)'),
        ("not worn or maybe(charging)", "(not worn) or maybe(charging)"),
        ("last.location.accuracy_m > 30 if on_fall else true_never", None),
        ("(bpm if worn else steps) > 3", "(bpm if worn else steps) > 3"),
        ("after(fall) < limit.long", "after(fall) < limit.long"),
        ("-bpm < -3", "(0 - bpm) < -3"),
        ("distance(home) > 100 and outside(home)", "(distance(home) > 100) and outside(home)"),
        ("known_cause", '(not worn) or charging or (battery <= 5) or (event == "power_off")'),
    ],
)
def test_text_becomes_a_tree_and_a_tree_text(source, canonical):
    if canonical is None:
        with pytest.raises(ExpressionError):
            parse(source, VOCABULARY)
        return
    node = parse(source, VOCABULARY)
    assert tree.text(node) == canonical
    assert parse(tree.text(node), VOCABULARY) == node


@pytest.mark.parametrize(
    ("source", "column", "told", "remedy"),
    [
        ("bmp > 3", 0, "unknown name 'bmp'", "'bpm'"),
        ("bpm > limit.hihg", 6, "unknown limit 'hihg'", "'high'"),
        ("bpm > 3 and sine(steps > 0) > minute", 12, "unknown function 'sine'", "'since'"),
        ("mean(bpm, 10 * minute) > 3", 0, "unknown function 'mean'", "since"),
        ("learned.resting_bpm > 3", 0, "no attribute but limit.x", "one of these"),
        ("watch.count_down", 0, "unknown fact", "'counts_down'"),
        ("last.locatoin.lat > 3", 0, "unknown kind 'locatoin'", "'location'"),
        ("last.fall.bpm > 3", 0, "a fall reading has no 'bpm'", "confidence"),
        ("age(falls) > minute", 4, "unknown kind 'falls'", "'fall'"),
        ("bpm[0] > 3", 0, "Subscript", "list"),
        ("(lambda: 1)() > 3", 0, "unknown function", ""),
        ("[bpm for bpm in (1, 2)] > 3", 0, "ListComp", ""),
        ("bpm.real > 3", 0, "no attribute but", ""),
        ("bpm ** 2 > 3", 0, "BinOp", ""),
        ("bpm is 3", 0, "Is", ""),
        ("bpm not in (1, 2)", 0, "NotIn", ""),
        ("bpm in (worn,)", 7, "tuple of literals", ""),
        ("worn == True", 8, "True is no number", ""),
        ("bpm > 1e400", 6, "beyond all measure", ""),
        ("since(steps > 0, 3) > minute", 0, "takes one argument", "since(x)"),
        ("distance(work) > 3", 9, "knows one place", "distance(home)"),
        ("bpm >", 5, "not an expression", ""),
        ("__import__('os')", 0, "unknown function '__import__'", ""),
        ("bpm\n > bmp", 3, "unknown name 'bmp'", "'bpm'"),
    ],
)
def test_what_is_refused_is_named_with_its_place_and_a_remedy(source, column, told, remedy):
    with pytest.raises(ExpressionError, match=None) as caught:
        typed(source)
    assert told in caught.value.what
    assert remedy in caught.value.remedy
    assert caught.value.where[1] == column


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("bpm and worn", "bpm is a number"),
        ("since(steps > 0) >= 10", "a duration is compared with a number"),
        ("bpm + minute > 3", "a number + a duration means nothing"),
        ("minute * minute > 3", "times a duration"),
        ("worn > 3", "a boolean is compared with a number"),
        ("worn == charging", "booleans are not compared"),
        ('source == "gsp"', "never 'gsp'"),
        ('source > "gps"', "no order"),
        ("since(bpm) > minute", "since wants a boolean"),
        ("rate(worn) > 3", "rate wants a number"),
        ("(bpm if worn else minute) > 3", "a number or a duration"),
        ("not bpm", "bpm is a number"),
    ],
)
def test_types_are_checked(source, told):
    with pytest.raises(ExpressionError) as caught:
        typed(source)
    assert told in caught.value.what


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("bpm / 2 + 1", Type.NUMBER),
        ("since(steps > 0) / minute", Type.NUMBER),
        ("2 * since(steps > 0) - hour", Type.DURATION),
        ("limit.long / 2", Type.DURATION),
        ("unknown(source)", Type.TRUTH),
        ("local_hour >= 22 or weekday == 6", Type.TRUTH),
    ],
)
def test_types_are_found(source, expected):
    assert typed(source) is expected


def test_an_expression_has_bounds():
    for source in ("bpm > 3 and " * 300 + "worn", "not " * 60 + "worn", "(" * 5000 + "worn" + ")" * 5000):
        with pytest.raises(ExpressionError):
            parse(source, VOCABULARY)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("since(steps > 0) >= minute and bpm > 3", {Kind.HEART_RATE}),
        ("steps > 3", {Kind.HEART_RATE, Kind.STATUS}),
        ("worn and battery < 3", set(Kind)),
        ("bpm > 3 and accuracy_m > 3", set()),
        ("outside(home)", {Kind.LOCATION}),
    ],
)
def test_the_kind_on_which_it_runs_follows_from_its_columns(source, expected):
    assert set(kinds_of(parse(source, VOCABULARY))) == expected


def test_durations_as_written():
    assert [duration_ms(each) for each in ("30 s", "2 min", "1.5 h", "12h", "1 d", "250 ms")] == [
        30_000,
        120_000,
        5_400_000,
        43_200_000,
        86_400_000,
        250,
    ]
    assert duration_ms("2 minutes") is None
    assert intervals("3 intervals") == 3
    assert intervals("3 min") is None
