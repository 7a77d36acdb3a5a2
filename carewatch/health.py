"""/healthz and /metrics: what is wrong, since when, and the remedy; and the numbers of every stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from carewatch.metrics.exposed import families
from carewatch.status import Problem, read_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from prometheus_client import Metric
    from starlette.requests import Request

    from carewatch.status import RoleStatus

SERVICE_UNAVAILABLE = 503


class Health:
    """Puts together the status of every role; `own` gives that of the role that answers."""

    def __init__(self, own: Callable[[], RoleStatus], others: dict[str, Path], now_ms: Callable[[], int]) -> None:
        self._own = own
        self._others = others
        self._now_ms = now_ms

    def statuses(self) -> list[RoleStatus]:
        """Of every role that ever ran here."""
        return [self._own(), *(status for path in self._others.values() if (status := read_status(path)))]

    def problems(self) -> list[Problem]:
        """Everything that is wrong, the grave first."""
        found = list(self._own().problems)
        for role, path in self._others.items():
            found += self._of(role, read_status(path))
        return sorted(found, key=lambda problem: (not problem.is_grave, problem.since_ms))

    def _of(self, role: str, status: RoleStatus | None) -> Sequence[Problem]:
        remedy = f"see its log, and whether the disk is full; `carewatch run --roles {role}` starts it"
        if status is None:
            return [Problem(role, f"{role} has not run here yet", remedy, self._now_ms())]
        if status.is_stale:
            since_ms = self._now_ms() - int(max(0.0, status.age_s) * 1000)
            return [Problem(role, f"{role} has said nothing for {max(0, int(status.age_s))} s", remedy, since_ms)]
        return status.problems

    def routes(self) -> list[Route]:
        """/healthz and /metrics."""
        return [Route("/healthz", self._healthz), Route("/metrics", self._metrics)]

    async def _healthz(self, _request: Request) -> Response:
        problems = self.problems()
        shown = [_shown(problem) for problem in problems]
        is_grave = any(problem.is_grave for problem in problems)
        return JSONResponse(shown, status_code=SERVICE_UNAVAILABLE if is_grave else 200)

    async def _metrics(self, _request: Request) -> Response:
        registry = CollectorRegistry()
        registry.register(_Statuses(self))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Statuses:
    """A Prometheus collector over the roles' statuses."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Every number that a role tells of; and the count of problems."""
        return families(self._health.statuses(), self._health.problems())


def _shown(problem: Problem) -> dict[str, object]:
    return {
        "part": problem.part,
        "what": problem.what,
        "since_ms": problem.since_ms,
        "remedy": problem.remedy,
        "grave": problem.is_grave,
    }
