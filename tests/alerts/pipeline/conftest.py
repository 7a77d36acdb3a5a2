from __future__ import annotations

import pytest

from tests.alerts.pipeline.watched_home import Alerts, Home


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    yield home
    home.close()


@pytest.fixture
def alerts(tmp_path, home):
    alerts = Alerts(tmp_path, home)
    yield alerts
    alerts.store.close()
