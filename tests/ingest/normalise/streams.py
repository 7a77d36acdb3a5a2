"""What watches may send, faults and all: random streams that stay with one watch and one mood for a while."""

import random

from ingest.reading import Kind

T0 = 1_760_000_000_000
CALM = [Kind.HEART_RATE, Kind.LOCATION, Kind.STATUS]
MOODS = {
    "ordinary": {"next": 30, "resend": 3},
    "resending": {"next": 5, "resend": 20, "again": 3, "newer_copy": 1},
    "gappy": {"next": 20, "skip": 4, "fill": 10, "give_up": 2, "resend": 2},
    "catching_up": {"next": 10, "skip": 1, "fill_first": 8},
    "troubled": {"next": 10, "sos": 4, "sos_again": 4, "sos_other": 2, "clock_back": 2, "no_time": 2, "resend": 3},
    "rebooting": {"next": 10, "boot": 2, "older": 6, "older_sos": 1, "second_sender": 3, "resend": 3},
    "broken": {"next": 5, "reset": 2, "jump": 1, "last_seq": 1, "first_seq": 2, "far_time": 1, "resend": 3},
}  # fmt: skip


class Stream:
    """One watch. `rows` are (watch, boot, seq, oldest, kind, raw_time_ms, time_ms, arrival_ms)."""

    def __init__(self, rng: random.Random, watch: int):
        self.rng, self.watch = rng, watch
        self.boots = [rng.randrange(50)]
        self.seq, self.clock_ms, self.oldest = {}, T0, -1
        self.sent = []
        self.missing = []
        self.seq[self.boots[-1]] = rng.choice([0, 0, 0, 5, 200, 1_500_000])
        self.tells_oldest = rng.random() < 0.7

    def row(self, action):
        return getattr(self, action)()

    def _row(self, boot, seq, kind, raw, *, oldest=None):
        told = (self.oldest if self.tells_oldest else -1) if oldest is None else oldest
        time_ms = raw if raw >= 0 else self.clock_ms + 1_000
        row = (self.watch, boot, seq, told, int(kind), raw, time_ms, self.clock_ms + self.rng.randrange(3_000))
        self.sent.append(row)
        return row

    def _tick(self):
        self.clock_ms += self.rng.randrange(1, 60_000)
        return self.clock_ms

    def _count(self, boot=None):
        boot = self.boots[-1] if boot is None else boot
        self.seq[boot] = min(self.seq[boot] + 1, 2**32 - 1)
        return self.seq[boot]

    def next(self):
        boot = self.boots[-1]
        seq = self._count()
        if self.oldest < 0:
            self.oldest = self.rng.choice([1, seq, max(1, seq - 3)])
        return self._row(boot, seq, self.rng.choice(CALM), self._tick())

    def resend(self):
        return self.rng.choice(self.sent[-12:]) if self.sent else self.next()

    def again(self):
        return self.sent[-1] if self.sent else self.next()

    def newer_copy(self):
        _, boot, seq, oldest, kind, *_ = self.resend()
        return self._row(boot, seq, kind, self._tick(), oldest=oldest)

    def skip(self):
        seq = self._count()
        self.missing.append((self.boots[-1], seq, self._tick()))
        for _ in range(self.rng.randrange(3)):
            self.missing.append((self.boots[-1], self._count(), self._tick()))
        return self.next()

    def fill(self):
        if not self.missing:
            return self.next()
        place = self.rng.choice([0, -1, self.rng.randrange(len(self.missing))])
        boot, seq, raw = self.missing.pop(place)
        return self._row(boot, seq, self.rng.choice(CALM), raw)

    def fill_first(self):
        """The next of the gap, as a backlog brings it."""
        of_boot = [one for one in self.missing if one[0] == self.boots[-1]]
        if not of_boot:
            return self.next()
        first = min(of_boot)
        self.missing.remove(first)
        boot, seq, raw = first
        return self._row(boot, seq, self.rng.choice(CALM), raw)

    def give_up(self):
        self.oldest = max(1, self.seq[self.boots[-1]] - self.rng.randrange(6)) + self.rng.choice([0, 0, 0, 9])
        return self.next()

    def sos(self):
        return self._row(self.boots[-1], self._count(), self.rng.choice([Kind.SOS, Kind.FALL]), self._tick())

    def sos_again(self):
        known = [row for row in self.sent if row[4] in (Kind.SOS, Kind.FALL)]
        return self.rng.choice(known) if known else self.sos()

    def sos_other(self):
        _, boot, seq, _, _, raw, *_ = self.sos_again()
        return self._row(boot, seq, self.rng.choice([Kind.SOS, Kind.FALL]), self.rng.choice([raw, raw - 1, -1]))

    def clock_back(self):
        self.clock_ms -= self.rng.choice([5_000, 50_000, 500_000])
        return self.next()

    def no_time(self):
        return self._row(self.boots[-1], self._count(), Kind.SOS if self.rng.random() < 0.3 else Kind.STATUS, -1)

    def boot(self):
        self.boots.append(self.rng.randrange(50))
        self.seq[self.boots[-1]] = 0
        self.oldest = 1
        return self.next()

    def older(self):
        boot = self.rng.choice(self.boots)
        return self._row(boot, self._count(boot), Kind.HEART_RATE, self.clock_ms - self.rng.randrange(500_000))

    def older_sos(self):
        boot = self.rng.choice(self.boots)
        return self._row(boot, self._count(boot), Kind.SOS, self.clock_ms - self.rng.randrange(500_000))

    def second_sender(self):
        boot = self.rng.choice(self.boots)
        return self._row(boot, self._count(boot), Kind.HEART_RATE, self._tick() + 100_000)

    def reset(self):
        self.seq[self.boots[-1]] = 0
        self.oldest = 1
        return self.next()

    def jump(self):
        self.seq[self.boots[-1]] = min(
            2**32 - 1, self.seq[self.boots[-1]] + self.rng.choice([999_999, 1_000_000, 2_000_000])
        )
        if self.rng.random() < 0.5:
            self.oldest = self.seq[self.boots[-1]]
        return self.next()

    def last_seq(self):
        self.seq[self.boots[-1]] = 2**32 - 2
        return self.next()

    def first_seq(self):
        return self._row(self.boots[-1], self.rng.randrange(1, 4), Kind.HEART_RATE, self._tick())

    def far_time(self):
        return self._row(self.boots[-1], self._count(), Kind.HEART_RATE, self.rng.choice([2**44, 2**43 - 1, 0, 1]))


class Town:
    """Some watches, each in a mood that lasts."""

    def __init__(self, rng: random.Random, watches: int):
        self.rng = rng
        self.streams = [Stream(rng, watch) for watch in range(watches)]
        self.moods = [rng.choice([*MOODS, "ordinary", "ordinary"]) for _ in self.streams]

    def batch(self, rows: int):
        sent = []
        while len(sent) < rows:
            stream = self.rng.choice(self.streams)
            if self.rng.random() < 0.05:
                self.moods[stream.watch] = self.rng.choice(list(MOODS))
            weights = MOODS[self.moods[stream.watch]]
            actions = self.rng.choices(list(weights), list(weights.values()), k=self.rng.choice([1, 1, 2, 8]))
            sent += [stream.row(action) for action in actions]
        return sent
