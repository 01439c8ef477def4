"""How soon a clinic wants alerts in hand: sooner as it likes, later within limits, for a reason, and shown."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from models import Alert, AlertAnswering, AuditEntry
from models.people import StaffRole
from schedules.plan.errors import PlanError
from schedules.plan.escalation import ANSWERING, Answering, bounds_of, check_answering, is_longer, within_bounds
from schedules.plan.vocabulary import AlertUrgency, OnCallPlace
from tests import builders
from tests.alerts import on_call
from tests.api.conftest import Answer, Caller, Clinic, Look, as_signed_in
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.dashboard.conftest import Desk, desk_of, text_of

PATH, PAGE = "/alert-answering", "/clinic/answering"
ED, SAME_DAY, NEXT_DAY = AlertUrgency.emergency_department, AlertUrgency.same_day, AlertUrgency.next_day
REASON = "One nurse covers two sites at night."


@pytest.fixture
def admin(app: Flask, session: Session, clinic: Clinic) -> Caller:
    person = builders.staff(session, clinic.practice, role=StaffRole.practice_admin, display_name="Robin Vale")
    return as_signed_in(app, session, person)


@pytest.fixture
def boss(app: Flask, session: Session, clinic: Clinic) -> Desk:
    person = builders.staff(session, clinic.practice, role=StaffRole.practice_admin, display_name="Robin Vale")
    return desk_of(app, session, person)


def standing(who: Caller, urgency: str) -> dict[str, Any]:
    return next(each for each in who.get(PATH).json["items"] if each["urgency"] == urgency)


def put(who: Caller, urgency: str, first: int, following: int, reason: str | None = None) -> Answer:
    """Set an urgency, made from how it stands."""
    named = {"If-Match": f'"{standing(who, urgency)["etag"]}"'}
    body = {"acknowledge_minutes": first, "escalate_minutes": following, "reason": reason}
    return who.call("PUT", f"{PATH}/{urgency}", json=body, headers=named)


def red_flag(patient: Caller, clinic: Clinic, number: int = 1) -> None:
    told = {"episode_id": clinic.episode.id, "reported_at": "2026-03-02T14:30:00Z", "pain": 4}
    answer = patient.put(f"/check-ins/answering-{number}", told | {"red_flags": ["new_weakness"]})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("urgency", "waits", "refused"),
    [
        (ED, (15, 10), None),
        (ED, (2, 2), "at least the 10 minutes of what is more urgent"),
        (ED, (10, 5), None),
        (ED, (30, 20), None),
        (ED, (31, 10), "2 to 30 minutes"),
        (ED, (15, 21), "2 to 20 minutes"),
        (ED, (1, 10), "2 to 30 minutes"),
        (SAME_DAY, (14, 30), "at least the 15 minutes of what is more urgent"),
        (SAME_DAY, (60, 9), "at least the 10 minutes of what is more urgent"),
        (AlertUrgency.emergency_number, (16, 5), "at most the 15 minutes of what is less urgent"),
        (NEXT_DAY, (480, 240), None),
    ],
)
def test_waits_stay_within_twice_the_default_and_what_is_more_urgent_never_waits_longer(
    urgency: AlertUrgency, waits: tuple[int, int], refused: str | None
) -> None:
    if refused is None:
        check_answering(urgency, Answering(*waits), ANSWERING)
        return
    with pytest.raises(PlanError) as raised:
        check_answering(urgency, Answering(*waits), ANSWERING)
    assert raised.value.expected == refused


def test_what_another_release_allowed_counts_as_the_nearest_that_is_allowed() -> None:
    assert within_bounds(ED, Answering(600, 1)) == Answering(30, 2)
    assert (is_longer(ED, Answering(15, 10)), is_longer(ED, Answering(5, 11))) == (False, True)
    assert all(bounds_of(each).longest_acknowledge <= 8 * 60 for each in ANSWERING)


def test_until_somebody_sets_it_the_defaults_hold_and_say_their_grade(coordinator: Caller) -> None:
    items = coordinator.get(PATH).json["items"]

    assert [(each["urgency"], each["holds"], each["holds"] == each["default"]) for each in items] == [
        (urgency.value, {"acknowledge_minutes": first, "escalate_minutes": following}, True)
        for urgency, first, following in (
            (AlertUrgency.emergency_number, 10, 5), (ED, 15, 10), (SAME_DAY, 60, 30), (NEXT_DAY, 240, 120)
        )
    ]  # fmt: skip
    assert {(each["grade"], each["is_longer"], each["set_by"]) for each in items} == {("E", False, None)}


def test_what_is_set_holds_for_the_next_alert_and_its_next_round(
    admin: Caller, patient: Caller, clinic: Clinic, session: Session, look: Look
) -> None:
    on_call(session, clinic.practice, OnCallPlace.first)
    session.commit()
    red_flag(patient, clinic)
    before = look(Alert, practice_id=clinic.id)

    answer = put(admin, "emergency_department", 12, 7)
    red_flag(patient, clinic, 2)

    assert (answer.status_code, answer.json["holds"]) == (200, {"acknowledge_minutes": 12, "escalate_minutes": 7})
    assert (answer.json["is_longer"], answer.json["reason"]) == (False, None)
    (old,) = before
    (new,) = [each for each in look(Alert, practice_id=clinic.id) if each.id != old.id]
    due = [MONDAY_AFTERNOON + timedelta(minutes=minutes) for minutes in (15, 12)]
    assert [each.acknowledge_by for each in (old, new)] == due
    assert new.next_escalation_at == MONDAY_AFTERNOON + timedelta(minutes=12)
    rules = {each["key"]: each["answering"] for each in admin.get("/alert-rules").json["red_flags"]}
    assert rules["new_weakness"]["acknowledge_minutes"] == 12
    assert admin.get(f"/alerts/{new.id}").json["why"]["answering"]["escalate_minutes"] == 7


def test_a_longer_wait_needs_a_reason_which_rests_sealed_and_is_shown(
    admin: Caller, coordinator: Caller, session: Session, clinic: Clinic, look: Look
) -> None:
    refused = [put(admin, "next_day", 300, 120, why) for why in (None, "   ")]
    taken = put(admin, "next_day", 300, 120, REASON)

    assert [each.status_code for each in (*refused, taken)] == [422, 422, 200]
    assert refused[0].json["errors"][0]["pointer"] == "/reason"
    shown = standing(coordinator, "next_day")
    assert (shown["is_longer"], shown["reason"], shown["set_at"]) == (True, REASON, "2026-03-02T15:00:00Z")
    assert "nurse" not in str(session.execute(text("SELECT * FROM alert_answering")).one())
    entry = [each for each in look(AuditEntry, practice_id=clinic.id) if each.route.startswith("PUT")][-1]
    assert entry.about == {"urgency": "next_day", "acknowledge_minutes": 300, "escalate_minutes": 120}


@pytest.mark.sqlite_only
def test_who_may_set_it_and_from_what_it_was_made(admin: Caller, coordinator: Caller, clinician: Caller) -> None:
    body = {"acknowledge_minutes": 50, "escalate_minutes": 30}

    assert [put(each, "same_day", 50, 30).status_code for each in (coordinator, clinician)] == [403, 403]
    assert [each.call("DELETE", f"{PATH}/same_day").status_code for each in (coordinator, clinician)] == [403, 403]
    assert admin.put(f"{PATH}/same_day", body).status_code == 428
    stale = {"If-Match": '"0"'}
    assert admin.call("PUT", f"{PATH}/same_day", json=body, headers=stale).status_code == 412
    assert put(admin, "same_day", 50, 30).status_code == 200
    assert admin.put(f"{PATH}/same_day", body).status_code == 200  # what is stored already
    assert [admin.call("DELETE", f"{PATH}/{each}").status_code for each in ("routine", "soon")] == [404, 404]
    for minutes in (0, 1441, True, "5"):
        assert admin.put(f"{PATH}/same_day", body | {"acknowledge_minutes": minutes}).status_code == 422


@pytest.mark.sqlite_only
def test_the_default_is_taken_back_unless_that_breaks_the_order(admin: Caller, clinic: Clinic, look: Look) -> None:
    assert put(admin, "emergency_number", 5, 5).status_code == 200
    assert put(admin, "emergency_department", 8, 8).status_code == 200

    blocked = admin.call("DELETE", f"{PATH}/emergency_number")
    freed = [admin.call("DELETE", f"{PATH}/{each}") for each in ("emergency_department", "emergency_number")]

    assert [each.status_code for each in (blocked, *freed)] == [409, 204, 204]
    assert look(AlertAnswering, practice_id=clinic.id) == []
    assert admin.call("DELETE", f"{PATH}/same_day").status_code == 204  # as it stood already


@pytest.mark.sqlite_only
def test_it_is_of_ones_own_clinic_alone(
    admin: Caller, foreign_staff: Caller, clinic: Clinic, foreign_clinic: Clinic
) -> None:
    put(admin, "same_day", 30, 20)

    assert standing(foreign_staff, "same_day")["holds"]["acknowledge_minutes"] == 60


@pytest.mark.sqlite_only
def test_the_page_sets_shows_and_takes_back(boss: Desk, session: Session, clinic: Clinic, look: Look) -> None:
    sent = {"acknowledge_minutes": "90", "escalate_minutes": "30", "reason": ""}

    def tag() -> str:
        section: str = boss.get(PAGE).get_data(as_text=True).split('id="u-same_day"')[1]
        return section.split('name="tag" value="')[1].split('"', maxsplit=1)[0]

    no_reason = boss.post(f"{PAGE}/same_day", sent | {"tag": tag()})
    stale = boss.post(f"{PAGE}/same_day", sent | {"reason": REASON, "tag": "0"})
    done = boss.post(f"{PAGE}/same_day", sent | {"reason": REASON, "tag": tag()})
    shown = text_of(boss.get(PAGE))

    assert [each.status_code for each in (no_reason, stale, done)] == [422, 409, 303]
    assert "a reason, where a wait is longer than the default" in text_of(no_reason)
    assert 'value="90"' in no_reason.get_data(as_text=True)
    assert "In hand within 90 minutes, then the next people every 30 minutes. default: 60, then every 30" in shown
    assert f"Longer than the default. Why: {REASON}. Set by Robin Vale, Mon 2 Mar 10:00." in shown
    assert "2 to 120 minutes" in shown
    assert "90 minutes E default 60" in text_of(boss.get("/clinic/overview"))
    assert boss.post(f"{PAGE}/same_day", {"reset": "yes"}).status_code == 303
    assert look(AlertAnswering, practice_id=clinic.id) == []
    assert "En cuánto tiempo debe atenderse una alerta" in text_of(boss.get(f"{PAGE}?language=es"))


@pytest.mark.sqlite_only
def test_the_page_is_the_admins_and_asks_for_a_fresh_second_factor(
    app: Flask, session: Session, clinic: Clinic, boss: Desk, clock: FixedClock
) -> None:
    assert desk_of(app, session, clinic.coordinator).get(PAGE).status_code == 403
    clock.advance(timedelta(minutes=11))
    sent = {"acknowledge_minutes": "50", "escalate_minutes": "30", "tag": "0"}

    assert boss.post(f"{PAGE}/same_day", sent).status_code == 403


@pytest.mark.sqlite_only
def test_an_alert_says_that_its_wait_was_lengthened(
    admin: Caller, boss: Desk, patient: Caller, clinic: Clinic, look: Look
) -> None:
    put(admin, "emergency_department", 20, 10, REASON)
    red_flag(patient, clinic)
    (alert,) = look(Alert, practice_id=clinic.id)

    said = text_of(boss.get(f"/clinic/alerts/{alert.id}"))

    assert f"Longer than the default. Why: {REASON}." in said
