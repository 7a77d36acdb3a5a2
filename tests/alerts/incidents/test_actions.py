"""People take incidents, by whatever way is nearest, and close them with what they found."""

from __future__ import annotations

import pytest

from alerts.engine.contract import Change, Severity
from alerts.incidents import actions
from alerts.incidents.contract import ActionResult, Outcome, State
from alerts.incidents.read import board_mark, list_incidents
from alerts.store.replies import keep_code
from tests.alerts.duty_office import CHEN, LI, START_NS, WANG, Gateway, Told

DAY_S = 86_400


def test_an_sms_with_the_code_takes_it(office):
    office.fires("fall")
    office.until(25)
    answer = office.texts(LI, f" {office.code_of(LI).lower()} ")
    assert (answer.result, answer.incident_id, answer.holder_name) == (ActionResult.DONE, 1, LI)
    (row,) = office.board().in_hand
    assert (row.owner_name, row.acknowledged_ns) == (LI, START_NS + 25 * 10**9)


def test_a_code_from_another_number_is_refused_and_noted(office):
    office.fires("fall")
    answer = office.texts(WANG, office.code_of(LI))
    assert answer.result is ActionResult.WRONG_SENDER
    assert office.board().waiting[0].owner_name == ""
    assert "wrong_sender" in office.happened()


@pytest.mark.parametrize("phone", ["17099000001", "+8617099000001", "0086 170 9900 0001", "8617099000001"])
def test_the_number_may_be_written_as_the_gateway_likes(office, phone):
    office.fires("fall")
    answer = actions.acknowledge_by_code(office.store, office.code_of(LI), phone, office.now_ns)
    assert answer.result is ActionResult.DONE


@pytest.mark.parametrize("phone", ["", "carewatch", "10086"])
def test_a_sender_that_is_no_officers_number_is_refused(office, phone):
    office.fires("fall")
    answer = actions.acknowledge_by_code(office.store, office.code_of(LI), phone, office.now_ns)
    assert answer.result is ActionResult.WRONG_SENDER


def test_a_code_that_nobody_was_given_is_unknown(office):
    office.fires("fall")
    assert office.texts(LI, "ZZZZ").result is ActionResult.UNKNOWN_CODE


def test_the_second_one_is_told_who_has_it(office):
    office.fires("fall")
    office.until(200)
    office.takes(WANG)
    late = office.texts(LI, office.code_of(LI))
    assert (late.result, late.holder_name) == (ActionResult.ALREADY_TAKEN, WANG)
    assert "lost_race" in office.happened()
    assert office.board().in_hand[0].owner_name == WANG


def test_those_who_were_asked_hear_who_has_it(office):
    office.fires("fall")
    office.until(200)
    office.takes(WANG)
    assert office.told(200) == [Told(200, LI, "sms", "taken")]
    taken = office.messages()[-1]
    assert taken.variables["holder"] == WANG


def test_what_was_not_sent_yet_is_dropped_when_somebody_takes_it(office):
    office.email = Gateway.DOWN
    office.fires("fall")
    office.takes(WANG)
    office.email = Gateway.SILENT
    office.until(60)
    assert [t.channel for t in office.told()] == ["sms", "sms"]
    assert "dropped" in office.happened()


def test_taking_what_one_has_is_done_and_changes_nothing(office):
    office.fires("fall")
    first = office.takes(LI)
    again = office.takes(LI)
    assert (again.result, again.version) == (ActionResult.DONE, first.version)


def test_a_link_works_once_for_its_person(office):
    office.fires("fall")
    link = office.link_of(LI)
    assert actions.acknowledge_by_link(office.store, link, office.now_ns).result is ActionResult.DONE
    second = actions.acknowledge_by_link(office.store, link, office.now_ns)
    assert (second.result, second.holder_name) == (ActionResult.LINK_USED, LI)


def test_a_link_is_dead_after_a_day_and_one_that_was_never_sent_is_unknown(office):
    office.fires("fall")
    link = office.link_of(LI)
    late_ns = office.now_ns + DAY_S * 10**9 + 1
    assert actions.acknowledge_by_link(office.store, link, late_ns).result is ActionResult.LINK_EXPIRED
    assert actions.acknowledge_by_link(office.store, "nope", office.now_ns).result is ActionResult.UNKNOWN_LINK


def test_a_code_of_a_closed_incident_takes_nothing(office):
    office.fires("fall")
    code = office.code_of(LI)
    office.resolves(WANG, Outcome.TEST)
    assert office.texts(LI, code).result is ActionResult.NOT_OPEN


def test_every_open_incident_of_an_officer_has_a_code_of_its_own(office):
    office.fires("fall")
    office.fires("fall", watch=1)
    office.fires("fall", watch=2)
    codes = {row.reply_code for row in office.messages() if row.channel == "sms"}
    assert len(codes) == 3
    assert not set("".join(codes)) & set("0O1I")


def test_closing_needs_an_outcome_and_a_real_one_needs_a_note(office):
    office.fires("fall")
    office.takes(LI)
    assert office.resolves(LI, None).result is ActionResult.NEEDS_OUTCOME
    assert office.resolves(LI, Outcome.REAL, "  ").result is ActionResult.NEEDS_NOTE
    assert office.resolves(LI, Outcome.REAL, "送医").result is ActionResult.DONE
    (row,) = list_incidents(office.store, State.RESOLVED, office.now_ns)
    assert (row.outcome, row.note, row.owner_name) == ("real", "送医", LI)
    assert office.resolves(LI, Outcome.TEST).result is ActionResult.NOT_OPEN


def test_no_contact_keeps_it_open_with_a_time_to_try_again(office):
    office.fires("fall")
    assert office.resolves(LI, Outcome.NO_CONTACT, "无人接听").result is ActionResult.DONE
    (row,) = office.board().in_hand
    assert (row.owner_name, row.retry_ns) == (LI, START_NS + 600 * 10**9)


def test_closing_what_waits_tells_those_who_were_asked(office):
    office.fires("fall")
    office.until(10)
    office.resolves(WANG, Outcome.FALSE_ALARM)
    assert office.told(10) == [Told(10, LI, "sms", "taken")]


def test_a_page_that_missed_a_new_alert_cannot_close_the_incident(office):
    office.fires("fall")
    seen = office.takes(LI).version
    office.fires("sos")
    late = actions.resolve(office.store, 1, office.id_of(LI), Outcome.VISITED, "", office.now_ns, seen)
    assert late.result is ActionResult.STALE_VERSION
    assert late.version > seen


def test_receipts_and_comments_do_not_make_a_page_stale(office):
    office.sms = Gateway.DOWN
    office.fires("fall")
    seen = office.incident().row.version
    office.sms = Gateway.DELIVERS
    office.send_owed()
    actions.comment(office.store, 1, office.id_of(LI), "在路上", office.now_ns)
    assert office.incident().row.version == seen


def test_a_comment_of_the_holder_keeps_the_ack_another_ones_does_not(office):
    for incident_id, who in ((1, LI), (2, WANG)):
        office.fires("fall", watch=incident_id - 1)
        office.takes(LI, incident_id)
        actions.comment(office.store, incident_id, office.id_of(who), "在路上", office.now_ns)
    office.until(901)
    assert [row.incident_id for row in office.board().in_hand] == [1]
    assert [row.incident_id for row in office.board().waiting] == [2]


def test_an_empty_comment_is_refused(office):
    office.fires("fall")
    answer = actions.comment(office.store, 1, office.id_of(LI), " ", office.now_ns)
    assert answer.result is ActionResult.NEEDS_NOTE


def test_a_hand_over_waits_for_the_one_who_is_asked(office):
    office.fires("fall")
    office.takes(LI)
    assert office.takes(WANG).result is ActionResult.ALREADY_TAKEN
    actions.assign(office.store, 1, office.id_of(LI), office.id_of(CHEN), office.now_ns)
    office.send_owed()
    assert [t.to for t in office.told(0, "sms")][-1] == CHEN
    assert office.board().in_hand[0].owner_name == LI
    assert office.takes(WANG).result is ActionResult.ALREADY_TAKEN
    assert office.texts(CHEN, office.code_of(CHEN)).result is ActionResult.DONE
    assert office.board().in_hand[0].owner_name == CHEN
    assert office.takes(LI).result is ActionResult.ALREADY_TAKEN


@pytest.mark.parametrize(
    ("incident_id", "officer", "expected"),
    [(9, 1, ActionResult.UNKNOWN_INCIDENT), (1, 99, ActionResult.UNKNOWN_OFFICER)],
)
def test_what_is_not_known_is_named(office, incident_id, officer, expected):
    office.fires("fall")
    now_ns = office.now_ns
    assert actions.acknowledge(office.store, incident_id, officer, actions.Via.API, now_ns).result is expected
    assert actions.resolve(office.store, incident_id, officer, Outcome.TEST, "", now_ns).result is expected
    assert actions.comment(office.store, incident_id, officer, "x", now_ns).result is expected
    assert actions.assign(office.store, incident_id, officer, 1, now_ns).result is expected


def test_the_board_lists_emergencies_first_then_the_oldest(office):
    office.fires("silent", watch=0, severity=Severity.WARNING)
    office.until(10)
    office.fires("fall", watch=1)
    office.until(20)
    office.fires("sos", watch=2)
    board = office.board()
    assert [row.headline.rule for row in board.waiting] == ["fall", "sos", "silent"]
    assert board.waiting[0].resident.name == "李四"
    assert board.waiting[1].resident is None
    assert (board.waiting[0].next_step.names, board.waiting[0].next_step.due_ns) == (
        (WANG,),
        START_NS + 190 * 10**9,
    )
    assert board.waiting[2].next_step is None
    assert board.last_closed_ns is None


def test_the_board_says_when_a_late_alert_happened_and_arrived(office):
    office.now_s = 1740
    office.fires("sos", event_ms=office.ms(0), started_ms=office.ms(0), late=True)
    (row,) = office.board().waiting
    assert (row.happened_ms, row.headline.arrived_ms, row.headline.late) == (office.ms(0), office.ms(1740), True)


def test_the_incident_tells_its_whole_story(office):
    office.fires("fall")
    office.until(30)
    office.again(Change.RESOLVED)
    office.takes(LI)
    office.resolves(LI, Outcome.VISITED, "已上门")
    view = office.incident()
    assert office.happened() == ["fired", "told", "delivered", "told", "cleared", "acknowledged", "resolved"]
    assert [m.state for m in view.messages] == ["delivered", "handed"]
    assert view.row.resident.contact_relation == "儿子"
    assert view.alerts[0].resolved_ms == office.ms(30)


def test_the_boards_mark_changes_with_whatever_it_shows(office):
    marks = [board_mark(office.store)]
    office.fires("fall")
    marks.append(board_mark(office.store))
    office.takes(LI)
    marks.append(board_mark(office.store))
    assert len(set(marks)) == 3


def test_an_old_offer_is_no_key_for_ever(office):
    office.fires("fall")
    office.takes(LI)
    actions.assign(office.store, 1, office.id_of(LI), office.id_of(CHEN), office.now_ns)
    office.takes(CHEN)
    office.until(901)
    office.takes(WANG)
    assert office.takes(CHEN).result is ActionResult.ALREADY_TAKEN


def test_a_code_is_given_again_once_its_incident_is_closed(office):
    office.fires("fall")
    office.fires("fall", watch=1)
    li = office.id_of(LI)
    with office.store.transaction() as connection:
        assert keep_code(connection, "K7Q2", li, 1, 0)
        assert not keep_code(connection, "K7Q2", li, 2, 0)
    office.resolves(LI, Outcome.TEST)
    with office.store.transaction() as connection:
        assert keep_code(connection, "K7Q2", li, 2, 0)
