"""Alerts through the API: raised once for each fact, worked on by named people, never a patient's to read."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import Alert, AlertEntry, AuditEntry, Delivery, Milestone, SafetyCard, StaffAddress
from models.reminder import DeliveryState
from schedules.plan.vocabulary import AlertState, AlertUrgency, OnCallPlace
from schedules.planning.safety_cards import write_safety_card
from tests import builders
from tests.alerts import alerts_of, calls_of, chain, lines_of, on_call, working
from tests.api.conftest import Caller, Clinic, Look, as_signed_in, as_staff
from tests.clock import MONDAY_AFTERNOON, FixedClock

PATH = "/check-ins/k7Qm2pXcV9sLwRtA"
RED = ["new_weakness"]


def report(clinic: Clinic, **changes: Any) -> dict[str, Any]:
    return {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T14:30:00Z", "pain": 4} | changes


def only(caller: Caller) -> Any:
    """Return the one alert that is listed."""
    (alert,) = caller.get("/alerts").json["items"]
    return alert


def test_a_red_flag_raises_an_alert_and_says_at_once_what_to_do(
    patient: Caller, coordinator: Caller, clinic: Clinic, session: Session, engine: Engine
) -> None:
    first, *_ = chain(session, clinic.practice)
    session.commit()

    answer = patient.put(PATH, report(clinic, red_flags=["burning_urine", "new_weakness"]))

    assert [each["red_flag"] for each in answer.json["urgent"]] == ["new_weakness", "burning_urine"]
    assert answer.json["urgent"][0]["what_to_do"] == "Go to an emergency department now."
    assert clinic.practice.phone in answer.json["urgent"][1]["what_to_do"]
    listed = coordinator.get("/alerts").json["items"]
    assert [each["urgency"] for each in listed] == ["emergency_department", "next_day"]
    assert listed[0]["why"]["answering"]["grade"] == "E"
    assert listed[0]["acknowledge_by"] == "2026-03-02T15:15:00Z"
    calls = calls_of(engine, practice_id=clinic.id)
    assert [(call.staff_id, call.state, call.urgency) for call in calls] == [(first.id, DeliveryState.pending, 0)] * 2


def test_the_same_report_again_raises_nothing_more(patient: Caller, clinic: Clinic, engine: Engine) -> None:
    statuses = [patient.put(PATH, report(clinic, red_flags=RED)).status_code for _ in range(3)]

    assert statuses == [201, 200, 200]
    assert len(alerts_of(engine, practice_id=clinic.id)) == 1
    assert lines_of(engine, practice_id=clinic.id).count("raised") == 1


def test_without_anybody_on_call_the_admins_and_the_clinics_phone_are_called(
    patient: Caller, clinic: Clinic, session: Session, engine: Engine
) -> None:
    admin = builders.staff(session, clinic.practice, role="practice_admin")
    session.commit()

    answer = patient.put(PATH, report(clinic, red_flags=RED))

    assert (answer.json["monitored"], answer.json["monitored_until"]) == (False, None)
    assert [call.staff_id for call in calls_of(engine, practice_id=clinic.id)] == [admin.id, None]


def test_a_flag_that_is_taken_back_stays_with_a_person_and_says_so(
    patient: Caller, coordinator: Caller, clinic: Clinic, engine: Engine
) -> None:
    etag = patient.put(PATH, report(clinic, red_flags=RED)).headers["ETag"]

    etag = patient.put(PATH, report(clinic, red_flags=[]), match=etag).headers["ETag"]

    alert = only(coordinator)
    assert (alert["state"], alert["withdrawn_at"]) == ("open", "2026-03-02T15:00:00Z")
    assert alert["next_escalation_at"] is not None
    patient.put(PATH, report(clinic, red_flags=RED), match=etag)
    assert only(coordinator)["withdrawn_at"] is None
    assert lines_of(engine, practice_id=clinic.id)[-2:] == ["withdrawn", "said_again"]


def test_a_flag_that_comes_back_after_the_end_is_a_new_alert(
    patient: Caller, coordinator: Caller, clinic: Clinic, engine: Engine
) -> None:
    etag = patient.put(PATH, report(clinic, red_flags=RED)).headers["ETag"]
    path = f"/alerts/{only(coordinator)['id']}"
    coordinator.post(f"{path}/acknowledge")
    coordinator.post(f"{path}/close", {"outcome": "advised_by_phone"})
    patient.put(PATH, report(clinic, red_flags=RED, pain=5), match=etag)
    assert len(alerts_of(engine, practice_id=clinic.id)) == 1  # it was never taken back

    etag = patient.get(f"/episodes/{clinic.episode.id}/check-ins").json["items"][0]["rev"]
    etag = patient.put(PATH, report(clinic, red_flags=[]), match=f'"{etag}"').headers["ETag"]
    patient.put(PATH, report(clinic, red_flags=RED), match=etag)

    states = sorted(alert.state for alert in alerts_of(engine, practice_id=clinic.id))
    assert states == [AlertState.closed, AlertState.open]


def test_who_acknowledges_has_it_and_ends_the_calls(
    patient: Caller, coordinator: Caller, clinician: Caller, clinic: Clinic, session: Session, engine: Engine
) -> None:
    chain(session, clinic.practice)
    session.commit()
    patient.put(PATH, report(clinic, red_flags=RED))
    path = f"/alerts/{only(coordinator)['id']}"

    first, second = coordinator.post(f"{path}/acknowledge"), clinician.post(f"{path}/acknowledge")

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json["state"] == "acknowledged"
    assert second.json["acknowledged_by"] == first.json["owner_id"] == clinic.coordinator.id
    assert second.json["next_escalation_at"] is None
    (call,) = calls_of(engine, practice_id=clinic.id)
    assert (call.state, call.reason) == (DeliveryState.cancelled, "acknowledged")
    assert first.headers["ETag"] == '"2"'


def test_an_alert_is_closed_once_after_somebody_has_it_in_hand(
    patient: Caller, coordinator: Caller, clinic: Clinic
) -> None:
    patient.put(PATH, report(clinic, red_flags=RED))
    path = f"/alerts/{only(coordinator)['id']}"

    early = coordinator.post(f"{path}/close", {"outcome": "no_action_needed"})
    coordinator.post(f"{path}/acknowledge")
    closed = [coordinator.post(f"{path}/close", {"outcome": "visit_booked"}) for _ in range(2)]
    other = coordinator.post(f"{path}/close", {"outcome": "other"})

    assert (early.status_code, other.status_code) == (409, 409)
    assert [(each.status_code, each.json["outcome"]) for each in closed] == [(200, "visit_booked")] * 2
    assert [line["line"] for line in closed[1].json["log"]].count("closed") == 1
    assert coordinator.post(f"{path}/assign", {"staff_id": clinic.clinician.id}).status_code == 409


def test_contacts_are_logged_with_a_sealed_note_and_codes_alone_in_the_audit_trail(
    patient: Caller, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    patient.put(PATH, report(clinic, red_flags=RED))
    path = f"/alerts/{only(coordinator)['id']}"

    coordinator.post(f"{path}/contacts", {"method": "phone", "is_reached": False})
    reached = {"method": "phone", "is_reached": True, "note": "Alex walks to the ED"}
    answer = coordinator.post(f"{path}/contacts", reached)

    told = [line for line in answer.json["log"] if line["line"] == "contact"]
    assert [(each["is_reached"], each["note"], each["made_by"]) for each in told] == [
        (False, None, clinic.coordinator.id),
        (True, "Alex walks to the ED", clinic.coordinator.id),
    ]
    (sealed,) = [each.note_sealed for each in look(AlertEntry, practice_id=clinic.id) if each.note_sealed]
    assert b"Alex" not in sealed
    entries = [each for each in look(AuditEntry, practice_id=clinic.id) if each.route.endswith("/contacts")]
    assert [each.about["is_reached"] for each in entries] == [False, True]
    assert not [each for each in entries if "Alex" in str(each.about)]


def test_alerts_are_listed_by_danger_then_lateness_page_by_page(
    patient: Caller, coordinator: Caller, clinic: Clinic, clock: FixedClock
) -> None:
    for number, flag in enumerate(("calf", "new_weakness", "airway", "cord", "swallowing")):
        patient.put(f"/check-ins/c-{number}", report(clinic, red_flags=[flag]))
        clock.advance(timedelta(minutes=1))

    first = coordinator.get("/alerts?limit=3").json
    rest = coordinator.get(f"/alerts?limit=3&after={first['next']}").json

    order = [each["about"]["red_flag"] for each in first["items"] + rest["items"]]
    assert order == ["airway", "new_weakness", "cord", "calf", "swallowing"]
    assert rest["next"] is None


def test_alerts_are_filtered(patient: Caller, coordinator: Caller, clinic: Clinic) -> None:
    patient.put(PATH, report(clinic, red_flags=["airway", "calf"]))
    coordinator.post(f"/alerts/{coordinator.get('/alerts').json['items'][0]['id']}/acknowledge")

    def found(query: str) -> list[str]:
        return [each["about"]["red_flag"] for each in coordinator.get(f"/alerts?{query}").json["items"]]

    assert found("") == found("urgency=same_day") == ["calf"]
    assert found("state=acknowledged") == found(f"state=acknowledged&owner_id={clinic.coordinator.id}") == ["airway"]
    assert found(f"patient_id={clinic.other_patient.id}") == found("kind=pain_rising") == []


def test_another_clinic_sees_and_moves_nothing(
    patient: Caller, foreign_staff: Caller, coordinator: Caller, clinic: Clinic
) -> None:
    patient.put(PATH, report(clinic, red_flags=RED))
    path = f"/alerts/{only(coordinator)['id']}"

    answers = [foreign_staff.get(path), foreign_staff.post(f"{path}/acknowledge")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert foreign_staff.get("/alerts").json["items"] == []
    assert only(coordinator)["state"] == "open"


def test_pain_that_rises_again_raises_one_alert_however_long_it_rises(
    patient: Caller, clinic: Clinic, engine: Engine
) -> None:
    for day, pain in enumerate((8, 5, 3, 6, 7), start=26):
        on = datetime(2026, 2, 26, 8, tzinfo=UTC) + timedelta(days=day - 26)
        patient.put(f"/check-ins/day-{day}", report(clinic, reported_at=on.isoformat(), pain=pain))

    (alert,) = alerts_of(engine, practice_id=clinic.id)
    assert (alert.kind, alert.urgency) == ("pain_rising", AlertUrgency.same_day)
    assert alert.about == {"low_check_in_id": "day-28", "low_pain": 3}


def test_opioids_beyond_the_window_wait_in_the_list_and_call_nobody(
    patient: Caller, clinic: Clinic, session: Session, engine: Engine
) -> None:
    (stop,) = session.scalars(select(Milestone).filter_by(episode_id=clinic.episode.id, kind="opioid_stop"))
    stop.latest_on = date(2026, 3, 1)
    session.commit()

    for name, day in (("on-its-last-day", 1), ("after-it", 2), ("still", 2)):
        at = f"2026-03-0{day}T14:00:00Z"
        patient.put(f"/check-ins/{name}", report(clinic, reported_at=at, took_opioid=True))

    (alert,) = alerts_of(engine, practice_id=clinic.id)
    assert (alert.kind, alert.urgency, alert.next_escalation_at) == ("opioid_past_window", AlertUrgency.routine, None)
    assert calls_of(engine, practice_id=clinic.id) == []


@pytest.mark.sqlite_only
@pytest.mark.parametrize("said", ["yes", ["unheard_of"], [3], {"calf": True}])
def test_what_is_no_red_flag_is_refused(patient: Caller, clinic: Clinic, said: object) -> None:
    answer = patient.put(PATH, report(clinic, red_flags=said))

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"].startswith("/red_flags")


def test_while_somebody_is_on_call_patients_and_phones_hear_so_and_until_when(
    patient: Caller, coordinator: Caller, clinic: Clinic, session: Session, look: Look
) -> None:
    write_safety_card(session, clinic.practice)
    working(session)
    body = {
        "staff_id": clinic.clinician.id,
        "place": "first",
        "from_on": "2026-03-02",
        "from_at": "08:00",
        "until_on": "2026-03-02",
        "until_at": "20:00",
    }

    made = coordinator.put("/on-call/monday", body)
    again = coordinator.put("/on-call/monday", body)
    told = patient.put(PATH, report(clinic)).json

    assert (made.status_code, again.status_code) == (201, 200)
    assert (told["monitored"], told["monitored_until"]) == (True, "2026-03-03T01:00:00Z")  # 20:00 in New York
    assert "call 911" in told["emergency"]["text"]
    (card,) = look(SafetyCard, practice_id=clinic.id)
    assert card.monitored_until == datetime(2026, 3, 3, 1, tzinfo=UTC)
    rota = coordinator.get("/on-call").json
    assert rota["now"] == {"first": [clinic.clinician.id], "second": [], "fallback": []}
    assert coordinator.put("/on-call/monday", body | {"place": "second"}).status_code == 428
    assert coordinator.call("DELETE", "/on-call/monday").status_code == 204
    assert patient.put(PATH, report(clinic)).json["monitored"] is False
    (card,) = look(SafetyCard, practice_id=clinic.id)
    assert card.monitored_until is None


def test_who_has_no_address_or_is_disabled_watches_over_nobody(
    patient: Caller, clinic: Clinic, session: Session
) -> None:
    mute = on_call(session, clinic.practice, OnCallPlace.first, email=None)
    gone = on_call(session, clinic.practice, OnCallPlace.first, disabled_at=MONDAY_AFTERNOON)
    unheard = on_call(session, clinic.practice, OnCallPlace.first, email_dead_at=MONDAY_AFTERNOON)
    working(session)

    assert patient.put(PATH, report(clinic)).json["monitored"] is False
    mute.email, gone.disabled_at, unheard.email_dead_at = "back@example.org", None, None
    session.commit()
    assert patient.put(PATH, report(clinic)).json["monitored"] is True


def test_a_shift_that_cannot_be_is_refused(coordinator: Caller, clinic: Clinic) -> None:
    body = {"staff_id": clinic.clinician.id, "place": "first", "from_on": "2026-03-02", "from_at": "08:00"}

    backwards = coordinator.put("/on-call/x", body | {"until_on": "2026-03-02", "until_at": "08:00"})
    stranger = coordinator.put(
        "/on-call/x", body | {"staff_id": "nobody", "until_on": "2026-03-03", "until_at": "08:00"}
    )

    assert (backwards.status_code, backwards.json["errors"][0]["pointer"]) == (422, "/until_on")
    assert (stranger.status_code, stranger.json["errors"][0]["pointer"]) == (404, "/staff_id")


def test_staff_set_where_they_are_told_and_no_address_is_shown_again(
    app: Flask, session: Session, clinic: Clinic, look: Look
) -> None:
    coordinator = as_signed_in(app, session, clinic.coordinator)
    made = coordinator.put("/me/alert-addresses/sms", {"address": "+12125550188", "rank": 1})
    bad = coordinator.put("/me/alert-addresses/email", {"address": "not an address"})
    strange = coordinator.put("/me/alert-addresses/webhook", {"address": "x"})

    assert (made.status_code, bad.status_code, strange.status_code) == (201, 422, 404)
    listed = coordinator.get("/me/alert-addresses")
    assert [(each["channel"], each["rank"]) for each in listed.json["items"]] == [("sms", 1)]
    assert b"5550188" not in listed.data + made.data
    assert b"not an address" not in bad.data
    (row,) = look(StaffAddress, practice_id=clinic.id)
    assert b"5550188" not in row.address_sealed
    assert coordinator.call("DELETE", "/me/alert-addresses/sms").status_code == 204
    assert coordinator.get("/me/alert-addresses").json["items"] == []


def test_the_rules_are_shown_with_grades_and_sources(coordinator: Caller) -> None:
    told = coordinator.get("/alert-rules").json

    weakness = next(each for each in told["red_flags"] if each["key"] == "new_weakness")
    assert told["chain"] == ["first", "second", "fallback"]
    assert (weakness["sources"], weakness["grade"]) == (["S137"], "E")
    assert weakness["answering"] == {"acknowledge_minutes": 15, "escalate_minutes": 10, "grade": "E", "sources": []}
    assert {each["kind"] for each in told["rules"]} == {
        "pain_rising", "opioid_past_window", "opioid_above_step", "no_check_in", "far_behind",
    }  # fmt: skip


def test_an_alert_given_to_somebody_still_waits_to_be_acknowledged(
    app: Flask, patient: Caller, coordinator: Caller, clinic: Clinic, session: Session
) -> None:
    patient.put(PATH, report(clinic, red_flags=RED))
    path = f"/alerts/{only(coordinator)['id']}"

    given = coordinator.post(f"{path}/assign", {"staff_id": clinic.clinician.id})
    taken = as_staff(app, session, clinic.coordinator).post(f"{path}/acknowledge")

    assert (given.json["state"], given.json["owner_id"]) == ("open", clinic.clinician.id)
    assert (taken.json["owner_id"], taken.json["acknowledged_by"]) == (clinic.clinician.id, clinic.coordinator.id)
    assert coordinator.post(f"{path}/assign", {"staff_id": "nobody"}).status_code == 404


def test_no_row_of_an_alert_holds_a_name_or_an_answer_in_words(patient: Caller, clinic: Clinic, look: Look) -> None:
    patient.put(PATH, report(clinic, red_flags=RED, note="My left foot drops"))

    (alert,) = look(Alert, practice_id=clinic.id)
    assert alert.about == {"check_in_id": PATH.rpartition("/")[2], "red_flag": "new_weakness"}
    assert look(Delivery, practice_id=clinic.id, alert_id=alert.id)


@pytest.mark.parametrize(
    ("told", "flag"),
    [
        ({"wound_signs": ["pus"]}, "wound_infection"),
        ({"wound_signs": ["clear_fluid", "redness"]}, "fluid_or_meningitis"),
        ({"temperature_tenths_c": 383}, "wound_infection"),
        ({"temperature_tenths_c": 383, "red_flags": []}, "wound_infection"),
        ({"temperature_tenths_c": 401, "red_flags": ["wound_infection"]}, "wound_infection"),
    ],
)
def test_signs_and_a_fever_that_amount_to_a_red_flag_raise_it_asked_or_not(
    patient: Caller, clinic: Clinic, engine: Engine, told: dict[str, Any], flag: str
) -> None:
    answer = patient.put(PATH, report(clinic, **told))

    assert [each["red_flag"] for each in answer.json["urgent"]] == [flag]
    (alert,) = alerts_of(engine, practice_id=clinic.id)
    assert alert.about == {"check_in_id": PATH.rpartition("/")[2], "red_flag": flag}


@pytest.mark.sqlite_only
def test_what_is_for_the_record_raises_nothing(patient: Caller, clinic: Clinic, engine: Engine) -> None:
    answer = patient.put(PATH, report(clinic, wound_signs=["blood", "redness"], temperature_tenths_c=382, sleep=0))

    assert (answer.status_code, answer.json["urgent"]) == (201, [])
    assert alerts_of(engine, practice_id=clinic.id) == []


@pytest.mark.sqlite_only
def test_a_fever_that_is_corrected_withdraws_its_alert(patient: Caller, clinic: Clinic, engine: Engine) -> None:
    etag = patient.put(PATH, report(clinic, temperature_tenths_c=390)).headers["ETag"]

    patient.put(PATH, report(clinic, temperature_tenths_c=370), match=etag)

    assert lines_of(engine, practice_id=clinic.id).count("withdrawn") == 1
