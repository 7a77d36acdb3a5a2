"""Fixtures for every test: the real servers (tests/servers)."""

from hypothesis import settings

pytest_plugins = ["tests.servers.fixtures"]

# An example is never too slow: the machine may be busy, and no test here is one of speed.
settings.register_profile("carewatch", deadline=None)
settings.load_profile("carewatch")
