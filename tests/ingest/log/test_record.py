"""A record comes back from its bytes bit for bit, merged or not, and a changed byte is noticed."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pyarrow as pa
import pytest

from ingest.log import record as record_module
from ingest.log.contract import LogDamagedError, Record, RecordKind
from ingest.log.record import Codec, merge, open_row, pack, unpack
from ingest.reading import COLUMNS, SCHEMA_VERSION, Readings
from tests.ingest.log.batches import T0_MS, bits, random_readings

CHOICE = random.Random(11)  # noqa: S311 - which byte to change, always the same


def records(count: int = 40) -> list[Record]:
    rng = np.random.default_rng(5)
    made = []
    for offset in range(7, 7 + count):
        kind = RecordKind.CLOCK_STEP if offset == 20 else RecordKind.TICK if offset % 3 == 0 else RecordKind.READINGS
        readings = random_readings(rng, int(rng.integers(1, 30))) if kind is RecordKind.READINGS else Readings.empty()
        step_ms = -5000 if kind is RecordKind.CLOCK_STEP else 0
        made.append(Record(offset, kind, T0_MS + offset * 1000 + step_ms, offset % 5 == 0, step_ms, readings))
    return made


def same(one: Record, other: Record) -> None:
    assert dataclasses.replace(one, readings=other.readings) == other
    assert bits(one.readings) == bits(other.readings)


def test_every_column_comes_back_bit_for_bit_nan_payloads_and_minus_zero_included() -> None:
    columns = {column.name: np.zeros(3, column.dtype) for column in COLUMNS}
    columns["flags"] = np.array([1, 0, 0xFFFFFFFF], np.uint32)
    columns["bpm"] = np.array([0x7FC00001, 0x80000000, 0x42900000], np.uint32).view(np.float32)
    columns["lat"] = np.array([0x7FF8000000000123, 0x8000000000000000, 0x4036000000000000], np.uint64).view(np.float64)
    record = Record(1, RecordKind.READINGS, T0_MS, readings=Readings(columns))

    (back,) = unpack(pack(record))

    assert back.readings.present == record.readings.present
    assert bits(back.readings) == bits(record.readings)


def test_columns_that_nobody_carries_take_no_room() -> None:
    readings = random_readings(np.random.default_rng(1), 5)
    wide = readings.replace(spo2=np.full(5, np.nan, np.float32), cancelled=np.full(5, -1, np.int8))

    (back,) = unpack(pack(Record(1, RecordKind.READINGS, T0_MS, readings=wide)))

    assert "spo2" not in back.readings.present
    assert "cancelled" not in back.readings.present


def test_a_tick_has_no_body() -> None:
    row = pack(Record(3, RecordKind.TICK, T0_MS, deaf=True))

    assert row.body == b""
    same(unpack(row)[0], Record(3, RecordKind.TICK, T0_MS, deaf=True))


def test_merged_records_replay_as_before() -> None:
    before = records()
    rows = [pack(record) for record in before]

    merged = merge(rows)
    twice = merge([merge(rows[:10]), *rows[10:15], merge(rows[15:])])

    assert merged.codec == Codec.COLUMNS
    assert (merged.first_offset, merged.last_offset) == (before[0].offset, before[-1].offset)
    assert len(merged.body) < sum(len(row.body) for row in rows) / 3
    for row in (merged, twice):
        for one, other in zip(unpack(row), before, strict=True):
            same(one, other)


def test_ticks_alone_merge_too() -> None:
    ticks = [Record(offset, RecordKind.TICK, T0_MS + offset) for offset in (1, 2, 3)]

    for one, other in zip(unpack(merge([pack(tick) for tick in ticks])), ticks, strict=True):
        same(one, other)


def test_a_merged_row_gives_any_stretch_of_its_records_and_of_each_only_the_columns_it_carries() -> None:
    before = records()
    opened = open_row(merge([pack(record) for record in before]))

    for after, limit in ((0, None), (6, 1), (10, 5), (44, 9), (46, 3)):
        got = opened.records(after, limit)
        wanted = [record for record in before if record.offset > after][:limit]
        for one, other in zip(got, wanted, strict=True):
            same(one, other)
            assert one.readings.present == other.readings.without_empty_columns().present


def test_a_row_of_the_codec_before_is_read() -> None:
    record = records(1)[0]
    plain = pack(record)
    body = pa.compress(plain.body, codec="zstd", asbytes=True)

    (back,) = unpack(_sealed(dataclasses.replace(plain, codec=Codec.ZSTD, body=body)))

    same(back, record)


def test_rows_with_a_hole_between_them_do_not_merge() -> None:
    rows = [pack(record) for record in records(3)]

    with pytest.raises(ValueError, match="do not follow each other"):
        merge([rows[0], rows[2]])
    with pytest.raises(ValueError, match="do not follow each other"):
        merge([])


@pytest.mark.parametrize("part", ["parts", "body"])
def test_any_changed_byte_is_noticed(part: str) -> None:
    for row in (pack(records(1)[0]), merge([pack(record) for record in records(4)])):
        for _ in range(50):
            changed = bytearray(getattr(row, part))
            changed[CHOICE.randrange(len(changed))] ^= 1 << CHOICE.randrange(8)
            with pytest.raises(LogDamagedError, match="checksum"):
                unpack(dataclasses.replace(row, **{part: bytes(changed)}))


@pytest.mark.parametrize(
    "name", ["last_offset", "first_offset", "last_log_time_ms", "rows", "schema_version", "codec", "checksum"]
)
def test_a_changed_number_is_noticed(name: str) -> None:
    row = pack(records(1)[0])

    with pytest.raises(LogDamagedError, match="checksum"):
        unpack(dataclasses.replace(row, **{name: getattr(row, name) + 1}))


def _sealed(row: record_module.Row) -> record_module.Row:
    return dataclasses.replace(row, checksum=record_module.checksum(row))


def test_a_newer_version_of_the_columns_is_refused_with_the_remedy() -> None:
    row = _sealed(dataclasses.replace(pack(records(1)[0]), schema_version=SCHEMA_VERSION + 1))

    with pytest.raises(LogDamagedError, match="newer one"):
        unpack(row)


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(LogDamagedError, match="codec 9"):
        unpack(_sealed(dataclasses.replace(pack(records(1)[0]), codec=9)))


def test_parts_that_contradict_their_row_are_refused() -> None:
    with pytest.raises(LogDamagedError, match="contradict"):
        unpack(_sealed(dataclasses.replace(pack(records(1)[0]), rows=31)))


@pytest.mark.parametrize("codec", list(Codec))
def test_a_body_that_is_something_else_is_said_though_its_checksum_fits(codec: Codec) -> None:
    plain = pack(records(1)[0])
    row = merge([plain]) if codec is Codec.COLUMNS else plain
    body = bytes(memoryview(row.body))

    for wrong in (b"", b"x" * 300, body[:30], body[:-200], body[:4] + b"\xff" * 4 + body[8:]):
        with pytest.raises(LogDamagedError, match="unreadable body"):
            unpack(_sealed(dataclasses.replace(row, codec=int(codec), body=wrong)))


def test_rows_of_equal_columns_and_length_hold_each_their_own() -> None:
    some = [random_readings(np.random.default_rng(seed), 6) for seed in range(5)]
    rows = [pack(Record(n + 1, RecordKind.READINGS, T0_MS, readings=one)) for n, one in enumerate(some)]

    for row, one in zip(rows, some, strict=True):
        assert bits(unpack(row)[0].readings) == bits(one)


def test_an_older_version_is_read_by_its_own_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    record = Record(1, RecordKind.READINGS, T0_MS, readings=random_readings(np.random.default_rng(2), 4))
    row = _sealed(dataclasses.replace(pack(record), schema_version=0))

    def read_v0(columns, rows):  # version 0 counted time in seconds
        return Readings({**columns, "time_ms": columns["time_ms"] * 1000}, rows)

    monkeypatch.setitem(record_module.READERS, 0, read_v0)

    assert unpack(row)[0].readings["time_ms"].tolist() == (record.readings["time_ms"] * 1000).tolist()
