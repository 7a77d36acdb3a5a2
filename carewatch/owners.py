"""Changes to what a role owns: through its socket while it runs, else by opening its file ourselves."""

from __future__ import annotations

import base64
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerts.people.officers import keep_officers
from alerts.people.residents import import_residents
from alerts.people.roster import load_roster
from alerts.store.database import open_store
from alerts.store.people import set_password_hash
from board.passwords import hash_password
from carewatch.clock import WallClock
from carewatch.control import ControlError, ask, is_served
from carewatch.places import control_socket
from carewatch.roles.quarantine_actions import AT_ONCE, read_again_offline
from carewatch.roles.watch_actions import register_watches, retire_watch
from carewatch.rules_file import known_limits
from carewatch.watch_counts import Counts, counts_in
from ingest.log.sqlite import SqliteLog
from ingest.read_again import Outcome, ReadAgain
from ingest.watches import Watches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carewatch.settings import Settings


COUNTS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class IngestOwner:
    """The registry of watches, and the quarantine."""

    settings: Settings

    def register(self, watch_ids: Sequence[str]) -> int:
        """How many were new."""
        if is_served(path := control_socket(self.settings, "ingest")):
            return int(ask(path, "register", watch_ids=list(watch_ids))["registered"])

        self.settings.log.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(SqliteLog(self.settings.log.path)) as reading_log:
            return register_watches(reading_log, Watches(reading_log.watches()), watch_ids)

    def retire(self, watch_id: str) -> bool:
        """False if nobody knows it."""
        if is_served(path := control_socket(self.settings, "ingest")):
            return bool(ask(path, "retire", watch_id=watch_id)["retired"])

        with closing(SqliteLog(self.settings.log.path)) as reading_log:
            return retire_watch(reading_log, Watches(reading_log.watches()), watch_id)

    def counts(self, watches: int) -> Iterator[Counts]:
        """Of the first so many watches of the registry, by index."""
        path = control_socket(self.settings, "ingest")
        if not is_served(path):
            yield from counts_in(self.settings.log.path, watches)
            return
        for first in range(0, watches, COUNTS_AT_ONCE):
            stop = min(watches, first + COUNTS_AT_ONCE)
            for counts in ask(path, "watch_counts", first=first, stop=stop)["counts"]:
                yield Counts(*counts)

    def read_again(self, entries: Sequence[int]) -> Iterator[ReadAgain]:
        """What became of each quarantine entry, as it is done. ValueError or ControlError for one that is not there."""
        path = control_socket(self.settings, "ingest")
        if not is_served(path):
            yield from read_again_offline(self.settings, entries)
            return
        for first in range(0, len(entries), AT_ONCE):
            for answer in ask(path, "retry", entries=list(entries[first : first + AT_ONCE]))["retried"]:
                yield ReadAgain(**answer | {"outcome": Outcome(answer["outcome"])})


@dataclass(frozen=True, slots=True)
class AlertsOwner:
    """People, and what the engine goes by."""

    settings: Settings

    def residents(self, body: bytes, *, skip_bad: bool) -> int:
        """How many were imported."""
        if is_served(path := control_socket(self.settings, "alerts")):
            encoded = base64.b64encode(body).decode()
            return int(ask(path, "residents", body=encoded, skip_bad=skip_bad)["imported"])

        limits = known_limits(self.settings.rules_file)
        with closing(open_store(self.settings.store.url)) as store:
            now_ns = WallClock().now_ns()
            return import_residents(store, body, now_ns, skip_bad=skip_bad, known_limits=limits).imported

    def password(self, login: str, password: str) -> bool:
        """False if there is no such officer."""
        if is_served(path := control_socket(self.settings, "alerts")):
            return bool(ask(path, "password", login=login, password=password)["known"])

        with closing(open_store(self.settings.store.url)) as store:
            keep_officers(store, load_roster(self.settings.roster_file), WallClock().now_ns())
            with store.transaction() as connection:
                return set_password_hash(connection, login, hash_password(password))

    def sign_in_link(self, login: str) -> str:
        """The link's path. ControlError if alerts does not run: nobody would answer the link."""
        if not is_served(path := control_socket(self.settings, "alerts")):
            raise ControlError("alerts does not run; `carewatch run` starts it")
        return str(ask(path, "sign_in_link", login=login)["path"])

    def api_token(self, login: str) -> str:
        """A fresh bearer token of the API for the officer; shown this once."""
        if not is_served(path := control_socket(self.settings, "alerts")):
            raise ControlError("alerts does not run; `carewatch run` starts it")
        return str(ask(path, "api_token", login=login)["token"])

    def reload_rules(self) -> int:
        """The settings version that holds from the next record on."""
        if not is_served(path := control_socket(self.settings, "alerts")):
            raise ControlError("alerts does not run; it reads rules_file when it starts")
        return int(ask(path, "reload_rules")["version"])


def ingest_owner(settings: Settings) -> IngestOwner:
    """Who may change the registry."""
    return IngestOwner(settings)


def alerts_owner(settings: Settings) -> AlertsOwner:
    """Who may change the store."""
    return AlertsOwner(settings)
