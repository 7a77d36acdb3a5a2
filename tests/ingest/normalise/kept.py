"""A log in memory, as far as the duplicate filter looks at it: for thousands of commits and restarts a second."""

from ingest.log.contract import Record, RecordKind
from ingest.normalise.seen_kept import SeenChunk
from ingest.normalise.seen_restore import restored
from ingest.normalise.seen_table import RunsInMemory


class KeptLog(RunsInMemory):
    """What `SqliteLog` does with a batch; tests/ingest/log/test_seen_tables.py holds it to that."""

    def __init__(self):
        super().__init__()
        self.records, self.refused, self.chunks, self.values = [], [], {}, {}

    def append(self, readings, seen):
        """What a batch's transaction keeps."""
        offset = len(self.records) + 1
        self.records.append(Record(offset, RecordKind.READINGS, 0, readings=readings))
        self.keep(seen.runs(), seen.forgotten())
        self.refused += [(offset, one) for one in seen.refused()]
        self.values |= {(value.watch, value.hash): value for value in seen.values()}
        self._put(seen.chunks(), offset)

    def keep_seen(self, chunks, runs=(), forgotten=()):
        self.keep(runs, forgotten)
        self._put(chunks, len(self.records))

    def _put(self, chunks, offset):
        for chunk in chunks:
            at = offset - chunk.behind
            alone = [key for key, one in self.chunks.items() if key[1] == 1 and one.at_offset <= at]
            for key in alone if chunk.span > 1 else ():
                if chunk.first_watch <= key[0] < chunk.first_watch + chunk.span:
                    del self.chunks[key]
            kept = SeenChunk(chunk.first_watch, chunk.span, chunk.body, 0, at)
            self.chunks[chunk.first_watch, chunk.span] = kept

    def seen_chunks(self):
        return sorted(self.chunks.values(), key=lambda chunk: (chunk.at_offset, chunk.span))

    def seen_runs(self):
        return iter(self.all())

    def seen_values(self, _since_ms):
        return iter(self.values.values())

    def seen_refused(self, after):
        return [pair for pair in self.refused if pair[0] > after]

    def start(self):
        return 1

    def end(self):
        return len(self.records)

    def read(self, after, limit=256):
        return self.records[after : after + limit]

    def restarted(self):
        """The filter as a second process finds it."""
        return restored(self, 0)
