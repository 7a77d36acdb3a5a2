"""Contrast, computed from the style sheet: text >= 4.5, shapes and frames >= 3 (WCAG 2.2, 1.4.3, 1.4.11)."""

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).parents[2] / "board/static/board.css").read_text("utf-8")


def variables(block):
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,6})", block))


NORMAL = variables(CSS[CSS.index(":root") : CSS.index("}", CSS.index(":root"))])
LOST = {**NORMAL, **variables(re.search(r"^\.lost \{(.*?)\}", CSS, re.DOTALL | re.MULTILINE).group(1))}


def luminance(colour):
    digits = colour[1:]
    digits = "".join(d * 2 for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_is_the_standards():
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#15191e", "#ffffff") == pytest.approx(17.7, abs=0.1)
    assert contrast("#ffb000", "#ffffff") == pytest.approx(1.8, abs=0.1)


TEXTS = [
    ("ink", "panel"), ("ink", "page"), ("ink", "emergency-row"), ("ink", "warning-row"), ("ink", "soft"),
    ("muted", "panel"), ("muted", "page"), ("muted", "emergency-row"), ("muted", "warning-row"), ("muted", "soft"),
    ("emergency", "panel"), ("emergency", "emergency-row"), ("warning-outline", "panel"), ("on-strong", "strong"),
    ("on-lost", "lost"), ("ink", "warning"),
]  # fmt: skip
SHAPES = [
    ("emergency", "emergency-row"), ("emergency-bar", "page"), ("warning-outline", "warning-row"),
    ("warning-bar", "warning-row"), ("warning-bar", "page"), ("notice", "panel"), ("edge", "panel"),
    ("focus", "panel"), ("focus", "page"),
    ("fence", "page"), ("track", "page"), ("ink", "shade"),
]  # fmt: skip


@pytest.mark.parametrize("colours", [NORMAL, LOST], ids=["linked", "lost"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text_can_be_read(colours, text, ground):
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("colours", [NORMAL, LOST], ids=["linked", "lost"])
@pytest.mark.parametrize(("shape", "ground"), SHAPES)
def test_shapes_can_be_seen(colours, shape, ground):
    assert contrast(colours[shape], colours[ground]) >= 3


def test_red_is_for_emergencies_and_a_dead_link_only():
    for rule in re.findall(r"([^{}]+)\{([^{}]*var\(--emergency\)[^{}]*)\}", CSS):
        assert re.search(r"emergency|sound\.off|late|count\.some|limit|failed|problem", rule[0]), rule[0]


def test_no_alarm_wording_is_cut():
    assert "ellipsis" not in CSS
    assert "line-clamp" not in CSS
