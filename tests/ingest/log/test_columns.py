"""Columns made small come back bit for bit, whatever stands in them."""

from __future__ import annotations

import struct

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.log.columns import decode
from ingest.log.numbers import Groups, Way, narrow, widen
from ingest.log.parts import read_small, small
from ingest.log.shrink import encode
from ingest.reading import COLUMNS
from tests.effort import examples

INT64 = st.integers(-(2**63), 2**63 - 1)
SOME = st.sampled_from([-1, 0, 1, 7, 1_780_000_000_000, 2**32 - 1, 2**63 - 1, -(2**63)])


def column_of(column, rows: int, draw) -> np.ndarray:
    """Any bits, or few values, or decimals: what makers send, and what none would."""
    kind = draw(st.sampled_from(["bits", "few", "decimals"]))
    if column.dtype.kind == "f" and kind == "decimals":
        places = draw(st.lists(st.integers(-2000, 2000), min_size=rows, max_size=rows))
        values = (np.array(places) / draw(st.sampled_from([1, 10, 100, 1e6, 1e7]))).astype(column.dtype)
        values[draw(st.lists(st.booleans(), min_size=rows, max_size=rows))] = np.nan
        return values
    numbers = draw(st.lists(SOME if kind == "few" else INT64, min_size=rows, max_size=rows))
    width = column.dtype.itemsize
    return np.array(numbers, np.int64).view(np.uint8).reshape(rows, 8)[:, :width].copy().view(column.dtype).reshape(-1)


@settings(max_examples=examples(300), deadline=None)
@given(st.data())
def test_any_columns_come_back_bit_for_bit(data) -> None:
    rows = data.draw(st.integers(1, 30))
    chosen = {"watch", *data.draw(st.sets(st.sampled_from([column.name for column in COLUMNS])))}
    columns = {c.name: column_of(c, rows, data.draw) for c in COLUMNS if c.name in chosen}

    back = decode(encode(columns), rows)

    assert set(back) == set(columns)
    for name, values in columns.items():
        assert back[name].dtype == values.dtype
        assert back[name].tobytes() == values.tobytes(), name
        assert not back[name].flags.writeable


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(st.tuples(st.one_of(SOME, INT64), st.integers(0, 3)), min_size=1, max_size=40), st.sampled_from(list(Way))
)
def test_any_numbers_come_back_each_way(rows, way) -> None:
    numbers, watch = np.array(rows, np.int64).T.copy()
    groups = Groups(watch)

    told, kept = narrow(numbers, way, groups)

    assert told.size(len(numbers)) == len(kept)
    assert widen(told, memoryview(kept), len(numbers), groups).tolist() == numbers.tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_nearly_a_decimal_is_not_rounded_to_it(dtype) -> None:
    near = np.array([22.5, 36.6, 0.97, 113.999999], dtype)
    odd = np.array([-0.0, np.inf, 1e30, np.pi, np.nan], dtype)
    for values in (np.nextafter(near, dtype(999)), np.concatenate([near, odd]), near, -near):
        columns = {"watch": np.zeros(len(values), np.int64), "lat": np.tile(values, 1)}
        many = {name: np.tile(column, 200) for name, column in columns.items()}
        many["lat"] = many["lat"] + np.arange(len(many["lat"])).astype(dtype) * dtype(0.01)
        for one in (columns, many):
            assert decode(encode(one), len(one["watch"]))["lat"].tobytes() == one["lat"].tobytes()


def test_a_day_of_many_watches_takes_a_tenth_of_its_width() -> None:
    rng = np.random.default_rng(4)
    watch, minute = np.tile(np.arange(300), 200), np.repeat(np.arange(200), 300)
    time_ms = 1_780_000_000_000 + minute * 60_000 + watch * 100 + rng.integers(-40, 40, len(watch))
    columns = {
        "watch": watch,
        "kind": np.zeros(len(watch), np.int8),
        "time_ms": time_ms,
        "arrival_ms": time_ms + rng.integers(80, 900, len(watch)),
        "raw_time_ms": time_ms,
        "boot": (watch * 2_654_435_761) % 2**32,
        "seq": minute + 1,
        "bpm": np.rint(70 + rng.normal(0, 4, len(watch))).astype(np.float32),
        "quality": (rng.integers(70, 100, len(watch)) / 100).astype(np.float32),
    }

    body = encode(columns)

    assert len(body) < sum(values.nbytes for values in columns.values()) / 10
    for name, values in decode(body, len(watch)).items():
        assert np.array_equal(values, columns[name])


def test_more_watches_than_16_bits_hold_are_grouped_too() -> None:
    watch = np.random.default_rng(1).integers(0, 2**40, 70_000)
    columns = {"watch": watch, "seq": np.arange(70_000) % 9 * 1_000_003}

    assert np.array_equal(decode(encode(columns), 70_000)["seq"], columns["seq"])


def test_bytes_of_something_else_are_an_error_and_no_columns() -> None:
    body = encode({"watch": np.arange(9)})

    with pytest.raises(ValueError, match="9 readings in the body"):
        decode(body, 8)
    for wrong in (b"", body[:30], body[:-3], body[:24] + b"x" * 40):
        with pytest.raises((ValueError, OSError, struct.error, msgspec.DecodeError, pa.ArrowException)):
            decode(wrong, 9)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.tuples(INT64, INT64, INT64, INT64, INT64, INT64), min_size=1, max_size=30))
def test_any_parts_come_back(parts) -> None:
    given_parts = np.array(parts, np.int64)

    assert np.array_equal(read_small(small(given_parts)), given_parts)


def test_a_tick_each_second_takes_about_a_byte() -> None:
    ticks = 10_000
    log_time_ms = 1_780_000_000_000 + np.arange(ticks) * 1000 + np.random.default_rng(2).integers(0, 9, ticks)
    parts = np.stack([np.arange(ticks), np.full(ticks, 2), log_time_ms, *np.zeros((3, ticks), np.int64)], axis=1)

    assert len(small(parts)) < 1.2 * ticks
