"""Who is on duty, when nobody is, and what is wrong with a roster."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select

from alerts.people.officers import keep_officers
from alerts.people.roster import Roster, RosterError, gaps_in_cover, load_roster, on_duty, parse_roster
from alerts.store.database import open_store
from alerts.store.people import officer_by_login, officers, set_password_hash
from alerts.store.tables import api_token

ZONE = "Asia/Shanghai"
PEOPLE = """
[[officer]]
login = "li"
name = "李静"
phone = "170 9900 0001"
[[officer]]
login = "wang"
name = "王强"
email = "wang@example.org"
"""


def shift(start: str, end: str, days: str = '"mon", "tue", "wed", "thu", "fri", "sat", "sun"', who: str = "li") -> str:
    return f'[[shift]]\nname = "s"\ndays = [{days}]\nfrom = "{start}"\nto = "{end}"\nfirst = ["{who}"]\n'


def at(text: str, zone: str = ZONE) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 10**9


def first(roster, text: str, zone: str = ZONE) -> list[str]:
    return [officer.login for officer in on_duty(roster, at(text, zone), zone).first]


def test_the_roster_in_the_tree_covers_the_week():
    roster = load_roster(Path("config/roster.toml"))
    assert gaps_in_cover(roster) == ()
    assert first(roster, "2026-11-24 19:59") == ["lijing"]
    assert first(roster, "2026-11-24 20:00") == ["zhaomin"]
    assert first(roster, "2026-11-25 07:59") == ["zhaomin"]


def test_a_night_shift_belongs_to_the_day_on_which_it_begins():
    roster = parse_roster(PEOPLE + shift("22:00", "06:00", '"fri"'), file="r")
    assert first(roster, "2026-11-27 21:59") == []
    assert first(roster, "2026-11-27 22:00") == ["li"]
    assert first(roster, "2026-11-28 05:59") == ["li"]
    assert first(roster, "2026-11-28 06:00") == []
    assert first(roster, "2026-11-27 05:00") == []


def test_equal_hours_are_a_whole_day():
    roster = parse_roster(PEOPLE + shift("08:00", "08:00", '"sun"'), file="r")
    assert first(roster, "2026-11-29 08:00") == ["li"]
    assert first(roster, "2026-11-30 07:59") == ["li"]
    assert first(roster, "2026-11-30 08:00") == []


def test_shifts_that_overlap_are_joined_in_order():
    roster = parse_roster(PEOPLE + shift("08:00", "20:00") + shift("12:00", "16:00", who="wang"), file="r")
    assert first(roster, "2026-11-24 13:00") == ["li", "wang"]


def test_hours_are_wall_hours_when_clocks_change():
    roster = parse_roster(PEOPLE + shift("00:00", "08:00"), file="r")
    assert first(roster, "2026-03-29 07:59", "Europe/Berlin") == ["li"]
    assert first(roster, "2026-03-29 08:00", "Europe/Berlin") == []


def test_a_gap_is_named_by_day_and_hour():
    roster = parse_roster(
        PEOPLE + shift("00:00", "24:00", '"mon", "tue", "wed", "thu", "fri", "sun"') + shift("00:00", "22:00", '"sat"'),
        file="r",
    )
    assert [str(gap) for gap in gaps_in_cover(roster)] == ["nobody is on duty from sat 22:00 to sun 00:00"]


def test_an_empty_week_is_one_gap():
    roster = parse_roster(PEOPLE + shift("08:00", "09:00").replace('["li"]', "[]"), file="r")
    assert [(gap.start_minute, gap.end_minute) for gap in gaps_in_cover(roster)] == [(0, 7 * 24 * 60)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[officer]\n", "not TOML"),
        ("officer = []\nshifts = []\n", "shift"),
        (PEOPLE + shift("8", "20:00"), "from = '8': write a time of day as 08:00"),
        (PEOPLE + shift("08:00", "24:30"), "to = '24:30'"),
        (PEOPLE + shift("08:00", "20:00", who="lee"), "'lee' is no officer; one of li, wang"),
        (PEOPLE + shift("08:00", "20:00", '"monday"'), "monday"),
        (PEOPLE.replace("170 9900 0001", "12") + shift("08:00", "20:00"), "phone '12'"),
        (PEOPLE.replace("wang@example.org", "nobody") + shift("08:00", "20:00"), "'nobody': is not an address"),
        (
            PEOPLE.replace('email = "wang@example.org"', "") + shift("08:00", "20:00", who="wang"),
            "'wang' cannot be told",
        ),
        (PEOPLE + PEOPLE + shift("08:00", "20:00"), "stands twice"),
    ],
)
def test_what_is_wrong_is_named(text, said):
    with pytest.raises(RosterError) as caught:
        parse_roster(text, file="roster.toml")
    assert str(caught.value).startswith("roster.toml: ")
    assert said in str(caught.value)


def test_a_roster_that_is_not_there_names_the_setting(tmp_path):
    with pytest.raises(RosterError, match="roster_file"):
        load_roster(tmp_path / "none.toml")


def test_officers_keep_their_ids_and_passwords_when_the_roster_is_read_again(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    roster = parse_roster(PEOPLE + shift("00:00", "24:00"), file="r")
    ids = keep_officers(store, roster, 0)
    with store.transaction() as connection:
        assert set_password_hash(connection, "li", "argon2...")
        assert not set_password_hash(connection, "nobody", "argon2...")
    changed = parse_roster(PEOPLE.replace("李静", "李静怡") + shift("00:00", "24:00"), file="r")
    assert keep_officers(store, changed, 0) == ids
    with store.reading() as connection:
        assert [(row.name, row.password_hash) for row in officers(connection)] == [
            ("李静怡", "argon2..."),
            ("王强", ""),
        ]
    store.close()


def test_who_has_left_keeps_a_name_and_nothing_else(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    roster = parse_roster(PEOPLE + shift("00:00", "24:00"), file="r")
    ids = keep_officers(store, roster, 0)
    leaver, *others = roster.officers
    with store.transaction() as connection:
        set_password_hash(connection, leaver.login, "hash")
        row = {"token_hash": "t", "officer_id": ids[leaver.login], "role": "officer", "created_ns": 0}
        connection.execute(insert(api_token).values(**row))
    keep_officers(store, Roster(tuple(others), ()), 7)
    with store.reading() as connection:
        left = officer_by_login(connection, leaver.login)
        assert (left.name, left.role, left.phone, left.password_hash) == (leaver.name, "left", "", "")
        assert connection.execute(select(api_token.c.revoked_ns)).scalar_one() == 7
    keep_officers(store, roster, 8)
    with store.reading() as connection:
        back = officer_by_login(connection, leaver.login)
        assert (back.role, back.phone) == (leaver.role, leaver.phone)
    store.close()
