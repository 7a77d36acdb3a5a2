"""Fixtures for every test: the real servers (tests/servers)."""

pytest_plugins = ["tests.servers.fixtures"]
