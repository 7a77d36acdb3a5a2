"""What is refused is told from the rest in few writes."""

from __future__ import annotations

import pyarrow as pa

from ingest.influx.parting import halves, pieces, suspects

CONFLICT = 'partial write: field type conflict: input field "bpm" on measurement "heart_rate" is type float dropped=2'


def line(kind: str, fields: str, time: int) -> str:
    return f"{kind},watch=W0,site=a\\ b {fields} {time}\n"


def parts(lines: list[str], words: str) -> list[list[str]]:
    return [part.to_pylist() for part in suspects(pa.array(lines), words)]


def test_lines_with_the_field_that_is_named_come_apart() -> None:
    without = [
        line("heart_rate", "spo2=97,arrival_s=1", 1),
        line("location", "bpm=5", 2),
        line("heart_rate", "resting_bpm=5", 2),
        line("heart_rate", 'event="x bp=3"', 3),
    ]
    suspect = [line("heart_rate", "bpm=70,arrival_s=1", 4), line("heart_rate", "worn=true,bpm=71,arrival_s=1", 5)]
    mixed = [without[0], suspect[0], without[1], without[2], suspect[1], without[3]]

    assert parts(mixed, CONFLICT) == [without, suspect]


def test_what_is_too_old_comes_to_stand_together() -> None:
    lines = [line("sos", "arrival_s=1", time) for time in (9, 1, 8, 2)]

    (old, new) = parts(lines, "partial write: points beyond retention policy dropped=2")

    assert (old, new) == ([lines[1], lines[3]], [lines[2], lines[0]])


def test_a_hint_that_hits_all_lines_or_none_halves_them() -> None:
    lines = [line("heart_rate", "bpm=7", time) for time in range(5)]

    assert parts(lines, CONFLICT) == [lines[:2], lines[2:]]
    assert parts(lines, CONFLICT.replace("bpm", "b.m")) == [lines[:2], lines[2:]]


def test_no_line_is_lost_by_parting() -> None:
    lines = pa.array([line("sos", f"n={n}i", n) for n in range(103)])

    for most in (1, 2, 50, 102, 103, 104):
        some = list(pieces(lines, most))
        assert pa.concat_arrays(some).equals(lines)
        assert len(some) == -(-103 // most)
        assert max(map(len, some)) - min(map(len, some)) <= 1
    assert pa.concat_arrays(halves(lines)).equals(lines)
    assert list(pieces(lines[:0], 10)) == []
