"""The table of metrics in docs/operations.md."""

from __future__ import annotations

from carewatch.metrics.declared import METRICS


def metrics_table() -> str:
    """Markdown: every metric with its type, label and meaning."""
    rows = [
        f"| `{metric.shown}` | {metric.type} | {f'`{metric.label}`' if metric.label else ''} | {metric.meaning} |"
        for metric in METRICS
    ]
    head = ["| metric | type | label | meaning |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, "| `carewatch_problems` | gauge | `part` | what /healthz lists |"])
