"""The roles' statuses as Prometheus' families."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from carewatch.metrics.declared import METRIC, Metric, Type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric as Family

    from carewatch.status import Buckets, Problem, RoleStatus

UNDECLARED = "not described yet: see carewatch/metrics/declared.py"


def families(statuses: Iterable[RoleStatus], problems: Iterable[Problem]) -> Iterator[Family]:
    """One a number that a role tells of, and the count of problems."""
    for status in statuses:
        for name in status.counters.keys() - status.by_label.keys():
            yield _numbers(_metric(status.role, name, Type.COUNTER), {"": status.counters[name]})
        for name in status.gauges.keys() - status.by_label.keys():
            yield _numbers(_metric(status.role, name, Type.GAUGE), {"": status.gauges[name]})
        for name, values in status.by_label.items():
            yield _numbers(_metric(status.role, name, Type.COUNTER), values)
        for name, buckets in status.histograms.items():
            yield _histogram(_metric(status.role, name, Type.HISTOGRAM), buckets)
    yield _problems(problems)


def _metric(role: str, name: str, otherwise: Type) -> Metric:
    return METRIC.get((role, name)) or Metric(role, name, otherwise, UNDECLARED)


def _numbers(metric: Metric, values: Mapping[str, float]) -> Family:
    """`values`: by the label's value, `{"": ...}` for one without a label."""
    labels = [] if "" in values else [metric.label or "what"]
    family: CounterMetricFamily | GaugeMetricFamily
    if metric.type is Type.COUNTER:
        family = CounterMetricFamily(metric.family, metric.meaning, labels=labels)
    else:
        family = GaugeMetricFamily(metric.family, metric.meaning, labels=labels)
    for label, value in values.items():
        family.add_metric([label] if labels else [], value)
    return family


def _histogram(metric: Metric, buckets: Buckets) -> Family:
    family = HistogramMetricFamily(metric.family, metric.meaning)
    bounds = [*(str(float(bound)) for bound in buckets.bounds), "+Inf"]
    family.add_metric([], list(zip(bounds, buckets.cumulative, strict=True)), buckets.total)
    return family


def _problems(problems: Iterable[Problem]) -> Family:
    counts = Counter(problem.part for problem in problems)
    family = GaugeMetricFamily("carewatch_problems", "what /healthz lists", labels=["part"])
    for part, count in counts.items():
        family.add_metric([part], count)
    return family
