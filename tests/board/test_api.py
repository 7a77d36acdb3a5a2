"""The API: what other programs read and do."""

import pytest

from board.app import create_app
from board.openapi import document
from board.session import token_hash
from tests.board.conftest import NOW_NS


async def test_incidents_by_state(api, ids):
    http = await api()
    everything = (await http.get("/api/v1/incidents")).json()["incidents"]
    assert {each["id"] for each in everything} == set(ids.values())
    taken = (await http.get("/api/v1/incidents?state=acknowledged")).json()["incidents"]
    assert {each["id"] for each in taken} == {ids["high"], ids["silent"]}
    assert taken[0]["owner"]["name"]
    assert (await http.get("/api/v1/incidents?state=lost")).status_code == 422
    assert len((await http.get("/api/v1/incidents?limit=2")).json()["incidents"]) == 2


async def test_one_incident_whole(api, ids):
    found = (await (await api()).get(f"/api/v1/incidents/{ids['zhu']}")).json()
    assert found["severity"] == "emergency"
    assert found["count"] == 3
    assert found["alert"]["inputs"] == {"bpm": 138.0, "limit.hr_very_high": 131.0}
    assert found["resident"]["name"] == "朱文彬"
    assert found["timeline"][0]["what"] == "fired"
    assert {message["channel"] for message in found["messages"]} == {"sms", "email"}
    assert (await (await api()).get("/api/v1/incidents/999")).status_code == 404


async def test_taking_commenting_and_closing(api, ids):
    http = await api()
    path = f"/api/v1/incidents/{ids['zhu']}"
    taken = await http.post(f"{path}/acknowledge")
    assert (taken.status_code, taken.json()["result"]) == (200, "done")
    assert (await http.post(f"{path}/comment", json={"text": "在路上"})).status_code == 200
    assert (await http.post(f"{path}/comment", json={"text": ""})).status_code == 422
    refused = await http.post(f"{path}/resolve", json={"outcome": "real"})
    assert (refused.status_code, refused.json()["result"]) == (422, "needs_note")
    stale = await http.post(f"{path}/resolve", json={"outcome": "visited", "version": 1})
    assert (stale.status_code, stale.json()["result"]) == (409, "stale_version")
    closed = await http.post(f"{path}/resolve", json={"outcome": "visited"})
    assert closed.status_code == 200
    found = (await http.get(path)).json()
    assert (found["state"], found["outcome"], found["acknowledged_ms"]) == ("resolved", "visited", NOW_NS // 1_000_000)
    assert "在路上" in str(found["timeline"])


async def test_handing_over_asks_somebody_else(api, scene, ids):
    http = await api()
    path = f"/api/v1/incidents/{ids['zhu']}"
    assert (await http.post(f"{path}/assign", json={})).status_code == 422
    assert (await http.post(f"{path}/assign", json={"officer_id": scene.ids["chenfang"]})).status_code == 200
    assert (await http.post(f"{path}/assign", json={"officer_id": 999})).status_code == 422


async def test_a_second_taker_gets_409_with_the_holder(api, ids):
    answer = await (await api()).post(f"/api/v1/incidents/{ids['silent']}/acknowledge")
    assert answer.status_code == 409
    assert answer.json()["holder_name"] == "李静"
    assert answer.json()["text"] == "李静已接单"


async def test_residents_protection_and_readings(api, scene, ids):
    http = await api("viewer")
    residents = (await http.get("/api/v1/residents")).json()["residents"]
    zhu = next(each for each in residents if each["watch_id"] == "w0001")
    assert zhu["age"] == 80
    protection = (await http.get("/api/v1/protection")).json()
    assert protection["total"] == len(residents) == 18
    assert protection["counts"]["not_worn"] == 4
    assert sum(protection["counts"].values()) == 18
    said = (await http.get(f"/api/v1/residents/{zhu['id']}/readings")).json()
    beats = [each for each in said["readings"] if each["kind"] == "heart_rate"]
    assert len(beats) == 53  # an hour by the minute, without the gap of seven and the minute that begins it
    assert beats[-1]["bpm"] == 139
    assert beats[-1]["worn"] is True
    assert said["more"] is False
    now_ms = NOW_NS // 1_000_000
    last = (await http.get(f"/api/v1/residents/{zhu['id']}/readings?from={now_ms - 60_000}&to={now_ms}")).json()
    assert {each["kind"] for each in last["readings"]} == {"heart_rate", "location"}
    assert (await http.get("/api/v1/residents/999/readings")).status_code == 404


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}])
async def test_without_a_token_nothing(open_board, ids, header):
    http = (await open_board()).http
    for path in ("incidents", f"incidents/{ids['zhu']}", "residents", "protection"):
        answer = await http.get(f"/api/v1/{path}", headers=header)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    assert (await http.post(f"/api/v1/incidents/{ids['zhu']}/acknowledge", headers=header)).status_code == 401


async def test_a_session_cookie_is_no_token(open_board, ids):
    http = (await open_board("lijing")).http
    assert (await http.post(f"/api/v1/incidents/{ids['zhu']}/acknowledge")).status_code == 401


async def test_a_viewers_token_reads_and_does_nothing(api, ids):
    http = await api("viewer")
    assert (await http.get("/api/v1/incidents")).status_code == 200
    assert (await http.post(f"/api/v1/incidents/{ids['zhu']}/acknowledge")).status_code == 403


async def test_a_revoked_token_is_none(api, scene, ids):
    http = await api()
    token = http.headers["Authorization"].split()[1]
    with scene.store.transaction() as connection:
        connection.exec_driver_sql("UPDATE api_token SET revoked_ns = 1 WHERE token_hash = ?", (token_hash(token),))
    assert (await http.get("/api/v1/incidents")).status_code == 401


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b'{"version": "two"}', b'{"version": true}'])
async def test_a_bad_body_is_named_and_changes_nothing(api, ids, body):
    http = await api()
    answer = await http.post(f"/api/v1/incidents/{ids['zhu']}/acknowledge", content=body)
    assert answer.status_code in (400, 422)
    assert answer.json()["text"]
    assert (await http.get(f"/api/v1/incidents/{ids['zhu']}")).json()["state"] == "open"


async def test_the_description_is_of_what_there_is(context, open_board):
    described = document("x")["paths"]
    routes = {
        (route.path.replace(":row", ""), method.lower())
        for route in create_app(context).routes
        if route.path.startswith("/api/")
        for method in route.methods - {"HEAD"}
    }
    assert {(path, method) for path, methods in described.items() for method in methods} == routes
    assert (await (await open_board()).http.get("/api/v1/openapi.json")).json()["openapi"] == "3.1.0"
