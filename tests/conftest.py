"""Fixtures for every test: the real servers (tests/servers)."""

from hypothesis import settings

from tests.effort import examples

pytest_plugins = ["tests.servers.fixtures"]

# An example is never too slow: the machine may be busy, and no test here is one of speed.
settings.register_profile("carewatch", deadline=None, max_examples=examples(100))
settings.load_profile("carewatch")
