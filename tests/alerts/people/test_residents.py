"""Whoever keeps the sheet of residents is told every bad cell at once, and nothing is imported by halves."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.people.residents import import_residents, read_residents
from alerts.store.database import open_store
from alerts.store.people import wearers

HEAD = "watch_id,name,born,sex,address,phone,language,latitude,longitude,datum,home_radius_m"
GOOD = "w1,张三,1944,male,3栋502,13800138000,zh,22.55,114.06,wgs84,150"


def sheet(*rows: str, head: str = HEAD) -> bytes:
    return "\n".join([head, *rows, ""]).encode()


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    yield store
    store.close()


def test_the_example_in_the_tree_is_good():
    checked = read_residents(Path("config/residents.csv").read_bytes(), frozenset())
    assert checked.problems == ()
    assert [row.watch_id for row in checked.rows] == ["w0001", "w0002", "w0003"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_any_encoding_that_chinese_excel_saves(encoding):
    body = sheet(GOOD).decode().replace("\n", "\r\n").encode(encoding)
    (row,) = read_residents(body).rows
    assert (row.name, row.address, row.phone) == ("张三", "3栋502", "+8613800138000")


def test_every_bad_cell_is_named_with_line_column_and_remedy():
    body = sheet(
        GOOD,
        "w 2,李四,1950,,,,,,,,",
        "w3,,19,,,,,,,,",
        "w4,王五,1950,x,,123,fr,91,114,bd09,5",
        "w5,赵六,1950,,,,,22.5,,,",
        "w1,孙七,1950,,,,,,,,",
        "w6,周八,1950,,,,,nan,abc,,,too,many",
    )
    found = {(p.line, p.column) for p in read_residents(body).problems}
    assert found == {
        (3, "watch_id"),
        (4, "name"),
        (4, "born"),
        (5, "sex"),
        (5, "phone"),
        (5, "language"),
        (5, "latitude"),
        (5, "datum"),
        (5, "home_radius_m"),
        (6, "longitude"),
        (7, "watch_id"),
        (8, "(after the last)"),
    }
    assert all(problem.remedy for problem in read_residents(body).problems)
    assert "line 3, column watch_id: 'w 2':" in str(read_residents(body).problems[0])


def test_lines_are_counted_as_an_editor_counts_them():
    body = sheet('w1,"张\n三",1944,,,,,,,,', "", "w2,李四,x,,,,,,,,")
    (problem,) = read_residents(body).problems
    assert (problem.line, problem.column) == (5, "born")


def test_nothing_is_imported_until_all_is_good(store):
    body = sheet(GOOD, "w2,,1950,,,,,,,,")
    assert import_residents(store, body, 1).imported == 0
    with store.reading() as connection:
        assert wearers(connection) == []


def test_bad_rows_are_left_out_when_asked(store):
    body = sheet(GOOD, "w2,,1950,,,,,,,,")
    result = import_residents(store, body, 1, skip_bad=True)
    assert (result.imported, len(result.problems)) == (1, 1)
    with store.reading() as connection:
        assert [row.watch_id for row in wearers(connection)] == ["w1"]


def test_importing_again_changes_and_never_doubles(store):
    import_residents(store, sheet(GOOD), 1)
    import_residents(store, sheet(GOOD.replace("3栋502", "5栋101")), 2)
    with store.reading() as connection:
        assert [row.address for row in wearers(connection)] == ["5栋101"]


def test_a_home_on_a_chinese_map_is_moved_to_wgs84():
    (row,) = read_residents(sheet(GOOD.replace("wgs84", "gcj02"))).rows
    metres = math.hypot((22.55 - row.latitude) * 111_320, (114.06 - row.longitude) * 111_320 * math.cos(0.3936))
    assert metres == pytest.approx(606, abs=30)


def test_further_columns_are_limits_of_the_person():
    body = sheet(f"{GOOD},125", head=f"{HEAD},hr_very_high")
    (row,) = read_residents(body, frozenset({"hr_very_high"})).rows
    assert row.limits == {"hr_very_high": 125.0}


def test_a_limit_that_no_rule_knows_is_a_typing_error():
    body = sheet(f"{GOOD},125", head=f"{HEAD},hr_very_hihg")
    (problem,) = read_residents(body, frozenset({"hr_very_high"})).problems
    assert (problem.line, problem.remedy) == (1, "no such column or limit; did you mean hr_very_high?")


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"watch_id\nw1\n", b"name,name\n", b"\x00,\n"])
def test_what_is_no_such_sheet_says_so(body):
    assert read_residents(body).problems


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: (HEAD + "\n" + text).encode())))
def test_no_bytes_make_it_fail(body):
    checked = read_residents(body)
    assert all(row.name and row.watch_id for row in checked.rows)
