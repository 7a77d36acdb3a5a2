"""What ingest counts, for /metrics and the demo. Totals since the start of the process."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field


@dataclass(slots=True)
class Tally:
    """Changed only after what it counts is durable."""

    messages: int = 0
    readings_committed: int = 0
    duplicates: int = 0
    commits: int = 0
    ticks: int = 0
    commit_failures: int = 0
    commit_ns: int = 0
    receipts: int = 0
    receipts_unsent: int = 0
    lost: int = 0
    unknown_fields: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    fields_emptied: Counter[str] = field(default_factory=Counter)

    def totals(self) -> dict[str, float]:
        """Name -> total; counters by reason are summed and told apart by name."""
        flat: dict[str, float] = {name: value for name, value in asdict(self).items() if isinstance(value, int | float)}
        flat["quarantined"] = sum(self.quarantined.values())
        flat |= {f"quarantined_{reason}": count for reason, count in self.quarantined.items()}
        flat |= {f"fields_emptied_{reason}": count for reason, count in self.fields_emptied.items()}
        return flat
