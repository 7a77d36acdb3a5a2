"""Times as text are read by columns, or left to the reader of one; never otherwise than it reads them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.formats.native_times import times_ms_of
from ingest.formats.times import time_ms_of

PARTS = st.tuples(
    st.sampled_from([0, 1, 1969, 1970, 2000, 2023, 2024, 2026, 2100, 9999]),
    st.integers(0, 13),
    st.integers(0, 32),
    st.sampled_from("TTTt x"),
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 61),
    st.sampled_from(["", ".", ".5", ".12", ".123", ".123456", ",5", ".x"]),
    st.sampled_from(["Z", "z", "+08:00", "-00:00", "+23:59", "+24:00", "-07:60", "08:00", "", "+0800", "+1a:00", "é"]),
)
TEXTS = PARTS.map(lambda parts: "{:04d}-{:02d}-{:02d}{}{:02d}:{:02d}:{:02d}{}{}".format(*parts)) | st.text(max_size=40)


@given(st.lists(TEXTS, max_size=30))
def test_what_is_read_by_columns_is_what_one_alone_is_read_as(texts):
    for text, time_ms in zip(texts, times_ms_of(texts).tolist(), strict=True):
        assert np.isnan(time_ms) or time_ms == time_ms_of(text)


def test_the_usual_forms_are_read_by_columns():
    usual = ["2026-11-24T20:00:00Z", "2026-11-24T20:00:00.123Z", "2024-02-29t23:59:59.5+08:00", "1970-01-01 00:00:00z"]
    assert times_ms_of(usual).tolist() == [time_ms_of(text) for text in usual]


def test_what_needs_a_closer_look_is_left():
    assert np.isnan(times_ms_of(["2016-12-31T23:59:60Z", "2026-02-29T00:00:00Z", "yesterday", ""])).all()
