from __future__ import annotations

import pytest

from tests.alerts.duty_office import DutyOffice


@pytest.fixture
def office(tmp_path):
    office = DutyOffice(tmp_path)
    yield office
    office.close()
