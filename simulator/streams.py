"""One stream of random numbers for each purpose, so that a change in one part of a life moves no other."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream is drawn for; part of its seed, so never renumber."""

    PERSON = 1
    DAY = 2
    HEART = 3
    WALK = 4
    EPISODES = 5
    FIRMWARE = 6
    NETWORK = 7


def stream(seed: int, resident: int, purpose: Purpose, day: int = 0) -> np.random.Generator:
    """The generator of one resident, purpose and day (`date.toordinal()`); the same four give the same numbers."""
    return np.random.default_rng([seed, resident, int(purpose), day])
