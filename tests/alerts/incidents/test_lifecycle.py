"""What a new alert does to the incident that its resident has."""

from __future__ import annotations

import pytest

from alerts.engine.contract import Severity
from alerts.incidents.contract import State
from alerts.incidents.lifecycle import Effect, Standing, effect_of, effect_of_repeat

E, W, N = Severity.EMERGENCY, Severity.WARNING, Severity.NOTICE
OPEN, HELD = State.OPEN, State.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("state", "worst", "severity", "rule", "effect"),
    [
        (OPEN, E, E, "other", Effect.ADDS),
        (OPEN, E, E, "same", Effect.JOINS),
        (OPEN, E, W, "other", Effect.JOINS),
        (OPEN, W, E, "same", Effect.WORSENS),
        (OPEN, W, E, "other", Effect.WORSENS),
        (OPEN, W, W, "other", Effect.ADDS),
        (OPEN, W, W, "same", Effect.JOINS),
        (OPEN, W, N, "other", Effect.JOINS),
        (OPEN, N, W, "other", Effect.WORSENS),
        (HELD, E, E, "other", Effect.SPEAKS_AGAIN),
        (HELD, E, E, "same", Effect.TELLS_HOLDER),
        (HELD, W, E, "same", Effect.SPEAKS_AGAIN),
        (HELD, E, W, "other", Effect.TELLS_HOLDER),
        (HELD, W, W, "same", Effect.JOINS),
        (HELD, W, N, "other", Effect.JOINS),
        (HELD, N, W, "same", Effect.SPEAKS_AGAIN),
    ],
)
def test_an_alert_comes_to_an_incident(state, worst, severity, rule, effect):
    assert effect_of(rule, severity, Standing(state, worst, frozenset({"same"}))) is effect


def test_the_first_alert_opens_one():
    assert effect_of("fall", E, None) is Effect.OPENS


@pytest.mark.parametrize(
    ("state", "severity", "effect"),
    [(HELD, E, Effect.TELLS_HOLDER), (HELD, W, Effect.JOINS), (OPEN, E, Effect.JOINS)],
)
def test_a_repeat_is_told_to_who_has_it_and_only_of_an_emergency(state, severity, effect):
    assert effect_of_repeat(severity, Standing(state, E, frozenset({"fall"}))) is effect


@pytest.mark.parametrize("effect", Effect)
def test_what_opens_worsens_or_speaks_again_waits_from_the_first_step(effect):
    assert effect.makes_it_wait is (effect in (Effect.OPENS, Effect.WORSENS, Effect.SPEAKS_AGAIN))
