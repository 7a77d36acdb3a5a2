"""Errors that an operator can mend: their text says what, where and the remedy; a traceback would only hide it."""

from __future__ import annotations

from alerts.catch_up import PipelineError
from alerts.judge import NoSettingsError
from alerts.people.roster import RosterError
from alerts.rules.problems import RuleError
from alerts.store.owner import StoreError
from carewatch.control import ControlError
from carewatch.replay.recording import RecordingError
from carewatch.settings_sources import SettingsError
from carewatch.supervisor import RoleFailedError
from ingest.formats.profile import ProfileError
from ingest.log.contract import LogError

MENDABLE = (
    ControlError,
    LogError,
    NoSettingsError,
    PipelineError,
    ProfileError,
    RecordingError,
    RoleFailedError,
    RosterError,
    RuleError,
    SettingsError,
    StoreError,
)
