"""How much the tests try: all of it, or, for `make test-fast`, the share that TESTS_EFFORT_PCT says.

Not named CAREWATCH_...: such variables are settings, and carewatch refuses those that it does not know.
"""

import os

PCT = int(os.environ.get("TESTS_EFFORT_PCT", "100"))


def examples(count: int) -> int:
    """The share of `count`, ten at least."""
    return max(10, count * PCT // 100)
