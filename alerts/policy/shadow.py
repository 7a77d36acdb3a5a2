"""A rule on trial is judged and kept, and nobody hears of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from alerts.policy.contract import Withheld

if TYPE_CHECKING:
    from alerts.policy.contract import Situation, Telling


def shadow(tellings: list[Telling], situation: Situation) -> list[Telling]:  # noqa: ARG001 - every policy has one form
    """Withhold every telling of a shadow rule."""
    return [replace(each, withheld=Withheld.SHADOW) if each.subject.shadow else each for each in tellings]
