"""The clinic's rhythm of check-ins: read by staff, set by a clinician or the admin from tomorrow on, never twice."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import AuditEntry, MilestoneProgress, Practice, RefusedRow, Reminder
from models.engine import make_session_factory
from models.people import StaffRole
from schedules.jobs import replan_by_rhythm
from schedules.plan.vocabulary import ReminderState
from service.api import examples_practice as examples
from service.api.check_in_rhythm import RhythmAnswer, RhythmBody
from tests import builders
from tests.api.conftest import Caller, Clinic, Look, as_signed_in
from tests.clock import MONDAY_AFTERNOON
from tests.database import service_engine_of

PATH = "/practice/check-in-rhythm"
WEEKLY = {"phases": [{"through_day": 90, "times_a_week": 1}], "red_flags_through_day": None, "call_days": [10]}


@pytest.fixture
def clinician(app: Flask, session: Session, clinic: Clinic) -> Caller:
    return as_signed_in(app, session, clinic.clinician)


@pytest.fixture
def follow(engine: Engine) -> Callable[[], None]:
    """Let a worker take one turn of planning by the rhythm."""
    return lambda: replan_by_rhythm(make_session_factory(service_engine_of(engine)), MONDAY_AFTERNOON)


def put(who: Caller, body: dict[str, Any]) -> Any:
    return who.put(PATH, body, match=who.get(PATH).headers["ETag"])


@pytest.mark.sqlite_only
def test_the_examples_fit_their_schemas() -> None:
    assert RhythmBody().validate(examples.RHYTHM) == {}
    assert examples.RHYTHM_ANSWER.keys() == RhythmAnswer().fields.keys()


def test_until_a_clinic_sets_one_it_reads_the_default_with_its_grade(coordinator: Caller) -> None:
    answer = coordinator.get(PATH)

    assert answer.status_code == 200
    assert answer.json == examples.RHYTHM | {
        "is_set": False, "is_planned": False, "from_on": None, "grade": "E", "default": examples.RHYTHM,
    }  # fmt: skip


def test_what_is_set_holds_from_tomorrow_and_the_worker_plans_by_it(
    clinician: Caller, clinic: Clinic, look: Look, follow: Callable[[], None]
) -> None:
    stored = put(clinician, examples.RHYTHM)
    before = len(look(Reminder, practice_id=clinic.id, category="check_in"))
    while look(Practice, id=clinic.id)[0].rhythm_planned_through is not None:
        follow()

    assert (stored.status_code, before) == (200, 0)
    assert stored.json == examples.RHYTHM_ANSWER  # from Tuesday 3 March
    told = clinician.get(PATH)
    assert told.json == stored.json | {"is_planned": True}
    assert told.headers["ETag"] == stored.headers["ETag"]
    asked = look(Reminder, practice_id=clinic.id, episode_id=clinic.episode.id, category="check_in")
    assert min(row.scheduled_on for row in asked).isoformat() == "2026-03-03"
    assert {row.state for row in asked} == {ReminderState.planned}
    routes = [row.route for row in look(AuditEntry, practice_id=clinic.id)]
    assert routes.count("job replan_by_rhythm") == 2  # open episodes


def test_a_change_names_the_rhythm_that_it_was_made_from_and_the_same_one_changes_nothing(
    clinician: Caller, clinic: Clinic, look: Look
) -> None:
    unconditional = clinician.put(PATH, WEEKLY)
    first = put(clinician, WEEKLY)
    again = clinician.put(PATH, WEEKLY)
    stale = clinician.put(PATH, examples.RHYTHM, match='"default"')
    second = clinician.put(PATH, examples.RHYTHM, match=first.headers["ETag"])

    codes = [each.status_code for each in (unconditional, first, again, stale, second)]
    assert codes == [428, 200, 200, 412, 200]
    (row,) = look(Practice, id=clinic.id)
    assert [(each["number"], each["from_on"]) for each in row.check_in_rhythms or ()] == [(2, "2026-03-03")]
    about = [row.about for row in look(AuditEntry, practice_id=clinic.id, route=f"PUT /api/v1{PATH}")]
    assert [each for each in about if "changed" in each] == [
        {"changed": ["check_in_rhythm"]}, {"changed": []}, {"changed": ["check_in_rhythm"]},
    ]  # fmt: skip


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"phases": [{"through_day": 0, "times_a_week": 1}]}, "/phases/0/through_day"),
        ({"phases": [{"through_day": 9, "times_a_week": 8}]}, "/phases/0/times_a_week"),
        ({"phases": [{"through_day": 9, "times_a_week": 7}] * 2}, "/phases/1/through_day"),
        ({"phases": [{"through_day": day, "times_a_week": 7} for day in range(1, 8)]}, "/phases"),
        ({"red_flags_through_day": 31}, "/red_flags_through_day"),
        ({"call_days": [-1]}, "/call_days/0"),
        ({"call_days": list(range(11))}, "/call_days"),
    ],
)
def test_a_rhythm_that_cannot_be_is_refused_where_it_is_wrong(
    clinician: Caller, change: dict[str, Any], pointer: str
) -> None:
    refused = put(clinician, WEEKLY | change)

    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json["errors"]] == [pointer]


def test_coordinators_read_it_and_admins_set_it(
    app: Flask, session: Session, clinic: Clinic, coordinator: Caller, patient: Caller, foreign_staff: Caller
) -> None:
    admin = as_signed_in(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))

    assert put(coordinator, WEEKLY).status_code == 403
    assert (patient.get(PATH).status_code, put(admin, WEEKLY).status_code) == (403, 200)
    assert (coordinator.get(PATH).json["is_set"], foreign_staff.get(PATH).json["is_set"]) == (True, False)


def test_the_milestone_of_check_ins_is_never_reached_but_may_be_skipped(
    clinician: Caller, patient: Caller, clinic: Clinic, look: Look, follow: Callable[[], None]
) -> None:
    put(clinician, examples.RHYTHM)
    follow()
    follow()
    asked = look(Reminder, episode_id=clinic.episode.id, category="check_in")
    milestone_id = asked[0].milestone_id

    reached = patient.post(f"/milestones/{milestone_id}/achieve", {})
    rows = {"created": [], "updated": [{"id": milestone_id, "achieved_on": "2026-03-02"}], "deleted": []}
    patient.post("/sync/watermelon?last_pulled_at=0", {"milestone_progress": rows})
    assert reached.status_code == 409
    assert [row.reason for row in look(RefusedRow)] == ["asks_for_check_ins"]
    assert look(MilestoneProgress, id=milestone_id) == []

    skipped = clinician.post(f"/milestones/{milestone_id}/skip", {"reason": "not_applicable"})
    assert skipped.status_code == 200
    left = look(Reminder, episode_id=clinic.episode.id, category="check_in")
    assert {row.state for row in left} == {ReminderState.cancelled}
