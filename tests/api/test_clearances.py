"""Clearances: a clinician lifts a limit on grounds that are kept, and whatever lifts it can be taken back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import Clearance, ObservedFact, Patient, Reminder, Surgery, Task
from models.care import Reporter
from models.engine import make_session_factory
from models.report import TaskKind
from schedules.plan.vocabulary import Observation, ReminderState, SurgeryStatus, WorkClass
from schedules.planning import plan_episode
from tests.api.conftest import Answer, Caller, Clinic, Look, as_staff
from tests.api.test_concurrency import threads_wait
from tests.clock import MONDAY_AFTERNOON, FixedClock

MilestoneId = Callable[[str], str]
DRIVE_ATTESTED = {"attested": ["off_opioids", "emergency_stop", "no_motor_deficit"]}
DAY_14 = datetime(2026, 3, 9, 15, 0, tzinfo=UTC)


@pytest.fixture
def late(clock: FixedClock) -> None:
    """Let it be day 14, on which driving may be cleared."""
    clock.set_wall_clock(DAY_14)


def observe(session: Session, clinic: Clinic, what: Observation, at: datetime) -> None:
    fact = ObservedFact(practice_id=clinic.id, id=f"fact-{what}", patient_id=clinic.patient.id)
    fact.episode_id, fact.what, fact.observed_at, fact.recorded_at = clinic.episode.id, what, at, at
    fact.reported_by = Reporter.staff
    session.add(fact)
    session.commit()


def faults(answer: Answer) -> list[tuple[str, str, str]]:
    return [(each["pointer"], each["expected"], each["got"]) for each in answer.json["errors"]]


def standing(answer: Answer) -> dict[str, tuple[bool | None, str]]:
    return {each["condition"]: (each["holds"], each["ground"]) for each in answer.json["conditions"]}


def test_a_milestone_shows_what_its_clearance_waits_for(clinician: Caller, milestone_id: MilestoneId) -> None:
    answer = clinician.get(f"/milestones/{milestone_id('drive')}/clearance")

    assert (answer.json["key"], answer.json["lifts"], answer.json["eligible_on"]) == ("drive", "driving", "2026-03-09")
    assert standing(answer) == {
        "day_reached": (False, "too_early"),
        "off_opioids": (None, "hours_not_set"),
        "emergency_stop": (None, "never_recorded"),
        "no_motor_deficit": (None, "never_recorded"),
    }
    assert (answer.json["history"], answer.json["before"], answer.json["by_rule"]) == ([], [], True)


def test_an_unchanged_answer_is_not_sent_again(clinician: Caller, milestone_id: MilestoneId) -> None:
    path = f"/milestones/{milestone_id('drive')}/clearance"
    etag = clinician.get(path).headers["ETag"]

    assert clinician.get(path, headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.usefixtures("late")
def test_what_nobody_answers_for_is_named(clinician: Caller, look: Look, milestone_id: MilestoneId) -> None:
    answer = clinician.post(f"/milestones/{milestone_id('drive')}/clear", {"attested": ["off_opioids"]})

    assert answer.status_code == 409
    assert faults(answer) == [
        ("/attested", "emergency_stop to hold", "never_recorded"),
        ("/attested", "no_motor_deficit to hold", "never_recorded"),
    ]
    assert look(Clearance) == []


@pytest.mark.usefixtures("late")
def test_a_clinician_attests_what_nobody_recorded_and_its_messages_are_taken_back(
    clinician: Caller, clinic: Clinic, look: Look, milestone_id: MilestoneId
) -> None:
    driving = milestone_id("drive")
    asking = {row.id for row in look(Reminder, milestone_id=driving, state=ReminderState.planned)}

    answer = clinician.post(f"/milestones/{driving}/clear", DRIVE_ATTESTED)

    (row,) = look(Clearance, practice_id=clinic.id, milestone_id=driving)
    assert answer.status_code == 200
    assert (row.cleared_on, row.cleared_by, row.rule_id) == (date(2026, 3, 9), clinic.clinician.id, None)
    assert row.grounds == {
        "day_reached": "met",
        "off_opioids": "attested:hours_not_set",
        "emergency_stop": "attested:never_recorded",
        "no_motor_deficit": "attested:never_recorded",
    }
    assert asking
    assert {each["reminder_id"]: each["answer"] for each in answer.json["reminders"]} == dict.fromkeys(
        asking, "effective"
    )
    assert {(each.state, each.reason) for each in look(Reminder, milestone_id=driving)} == {
        (ReminderState.cancelled, "cleared")
    }


@pytest.mark.usefixtures("late")
def test_what_is_known_not_to_hold_needs_a_reason_in_words(
    clinician: Caller, clinic: Clinic, session: Session, look: Look, milestone_id: MilestoneId
) -> None:
    observe(session, clinic, Observation.emergency_stop_unable, DAY_14)
    path = f"/milestones/{milestone_id('drive')}/clear"

    attested = clinician.post(path, DRIVE_ATTESTED)
    overridden = clinician.post(path, DRIVE_ATTESTED | {"override": "Tested again on the road today"})

    assert faults(attested) == [("/override", "emergency_stop to hold", "says_no")]
    (row,) = look(Clearance)
    assert overridden.status_code == 200
    assert (row.grounds["emergency_stop"], row.override) == ("overridden:says_no", "Tested again on the road today")
    assert b"road" not in (row.override_sealed or b"")


def test_a_day_that_has_not_come_is_no_matter_of_attesting(clinician: Caller, milestone_id: MilestoneId) -> None:
    answer = clinician.post(f"/milestones/{milestone_id('blt_end')}/clear", {"attested": ["day_reached"]})

    assert faults(answer) == [("/override", "day_reached to hold", "too_early")]


@pytest.mark.sqlite_only
def test_only_a_clinician_clears_and_revokes(
    coordinator: Caller, patient: Caller, foreign_staff: Caller, milestone_id: MilestoneId
) -> None:
    path = f"/milestones/{milestone_id('drive')}"

    def statuses(caller: Caller) -> tuple[int, ...]:
        cleared = caller.post(f"{path}/clear", {"override": "because"})
        revoked = caller.post(f"{path}/revoke-clearance", {"reason": "because"})
        return cleared.status_code, revoked.status_code, caller.get(f"{path}/clearance").status_code

    assert statuses(coordinator) == (403, 403, 200)
    assert statuses(patient) == (403, 403, 403)
    assert statuses(foreign_staff) == (403, 403, 404)


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"cleared_on": "2026-03-10", "override": "a"}, 422, "/cleared_on"),
        ({"cleared_on": "2026-02-22", "override": "a"}, 422, "/cleared_on"),
        ({"attested": ["wound_closed"]}, 422, "/attested"),
        ({"attested": ["nonsense"]}, 422, "/attested/0"),
        ({"work_class": "light", "override": "a"}, 422, "/work_class"),
        ({"override": "  "}, 422, "/override"),
        ({"cleared": True}, 422, "/cleared"),
    ],
)
@pytest.mark.sqlite_only
@pytest.mark.usefixtures("late")
def test_what_cannot_be_is_refused(
    clinician: Caller, look: Look, milestone_id: MilestoneId, body: dict[str, Any], status: int, pointer: str
) -> None:
    answer = clinician.post(f"/milestones/{milestone_id('drive')}/clear", body)

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (status, pointer)
    assert look(Clearance) == []


@pytest.mark.sqlite_only
def test_a_milestone_that_lifts_nothing_has_no_clearance(clinician: Caller, milestone_id: MilestoneId) -> None:
    path = f"/milestones/{milestone_id('walk30')}"

    view = clinician.get(f"{path}/clearance").json

    assert (view["lifts"], view["by_rule"], view["conditions"], view["before"]) == (None, False, [], [])
    assert clinician.post(f"{path}/clear", {"override": "a"}).status_code == 409
    assert clinician.post(f"{path}/revoke-clearance", {"reason": "a"}).status_code == 409


@pytest.mark.sqlite_only
def test_nothing_is_cleared_before_the_surgery_was_performed(
    clinician: Caller, session: Session, clinic: Clinic, milestone_id: MilestoneId
) -> None:
    session.get_one(Surgery, (clinic.id, clinic.surgery.id)).status = SurgeryStatus.planned
    session.commit()

    answer = clinician.post(f"/milestones/{milestone_id('drive')}/clear", {"override": "a"})

    assert (answer.status_code, faults(answer)) == (409, [("", "a surgery that was performed", "planned")])


@pytest.mark.sqlite_only
def test_a_skipped_milestone_is_reopened_first(clinician: Caller, milestone_id: MilestoneId) -> None:
    path = f"/milestones/{milestone_id('drive')}"
    clinician.post(f"{path}/skip", {"reason": "not_applicable"})

    skipped = clinician.post(f"{path}/clear", {"override": "a"})
    clinician.post(f"{path}/reopen")
    reopened = clinician.post(f"{path}/clear", {"override": "a"})

    assert (skipped.status_code, reopened.status_code) == (409, 200)


def test_reached_is_not_cleared_and_may_still_be(
    clinician: Caller, clinic: Clinic, look: Look, milestone_id: MilestoneId
) -> None:
    driving = milestone_id("drive")
    clinician.post(f"/milestones/{driving}/achieve")

    limited = clinician.get(f"/episodes/{clinic.episode.id}/limits").json["limits"]["driving"]["state"]
    clinician.post(f"/milestones/{driving}/clear", DRIVE_ATTESTED | {"override": "Drives already"})

    assert limited == "restricted"
    assert clinician.get(f"/episodes/{clinic.episode.id}/limits").json["limits"]["driving"]["state"] == "cleared"
    assert len(look(Clearance)) == 1


def test_clearing_again_changes_nothing(clinician: Caller, look: Look, milestone_id: MilestoneId) -> None:
    path = f"/milestones/{milestone_id('drive')}/clear"
    clinician.post(path, {"override": "first"})
    (once,) = look(Clearance)

    again = clinician.post(path, {"override": "second"})

    (twice,) = look(Clearance)
    assert again.status_code == 200
    assert (twice.rev, twice.override, again.json["reminders"]) == (once.rev, "first", [])


def test_two_clinicians_at_once_give_one_clearance(
    app: Flask, session: Session, clinic: Clinic, engine: Engine, look: Look, milestone_id: MilestoneId
) -> None:
    path = f"/milestones/{milestone_id('drive')}/clear"
    callers = [as_staff(app, session, clinic.clinician) for _ in range(2)]

    with ThreadPoolExecutor(2) as threads, make_session_factory(engine)() as holder:
        holder.get(Patient, (clinic.id, clinic.patient.id), with_for_update={"key_share": True})
        answers = [threads.submit(caller.post, path, {"override": "at once"}) for caller in callers]
        threads_wait(holder)
        holder.rollback()
        statuses = [answer.result().status_code for answer in answers]

    assert statuses == [200, 200]
    assert len(look(Clearance)) == 1


def test_a_revoked_clearance_holds_the_limit_again_and_asks_to_call(
    clinician: Caller, clinic: Clinic, clock: FixedClock, look: Look, milestone_id: MilestoneId
) -> None:
    driving = milestone_id("drive")
    asking = {row.id for row in look(Reminder, milestone_id=driving, state=ReminderState.planned)}
    clinician.post(f"/milestones/{driving}/clear", {"override": "Drives a lift"})
    clock.set_wall_clock(datetime(2026, 3, 4, 15, 0, tzinfo=UTC))

    answer = clinician.post(f"/milestones/{driving}/revoke-clearance", {"reason": "New weakness"})

    (row,) = look(Clearance)
    assert answer.status_code == 200
    assert (row.revoked_on, row.revoked_by, row.revoked_because) == (
        date(2026, 3, 4), clinic.clinician.id, "New weakness",
    )  # fmt: skip
    assert b"weakness" not in (row.revoked_because_sealed or b"")
    assert answer.json["history"][0]["revoked_because"] == "New weakness"
    limits = [
        clinician.get(f"/episodes/{clinic.episode.id}/limits?on={day}").json["limits"]["driving"]["state"]
        for day in ("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04")
    ]
    assert limits == ["restricted", "cleared", "cleared", "restricted"]
    assert {row.id for row in look(Reminder, milestone_id=driving, state=ReminderState.planned)} == asking
    (call,) = look(Task, kind=TaskKind.call_patient)
    assert (call.due_on, call.about) == (date(2026, 3, 4), {"milestone_ids": [driving]})


def test_what_is_not_cleared_is_not_revoked(clinician: Caller, milestone_id: MilestoneId) -> None:
    answer = clinician.post(f"/milestones/{milestone_id('drive')}/revoke-clearance", {"reason": "a"})

    assert (answer.status_code, faults(answer)) == (409, [("", "a clearance that stands", "none")])


def test_after_a_revocation_a_new_clearance_does_not_reach_back(
    clinician: Caller, clock: FixedClock, look: Look, milestone_id: MilestoneId
) -> None:
    path = f"/milestones/{milestone_id('drive')}"
    clinician.post(f"{path}/clear", {"override": "a"})
    clock.set_wall_clock(datetime(2026, 3, 4, 15, 0, tzinfo=UTC))
    clinician.post(f"{path}/revoke-clearance", {"reason": "a"})

    back = clinician.post(f"{path}/clear", {"override": "b", "cleared_on": "2026-03-03"})
    now = clinician.post(f"{path}/clear", {"override": "b"})

    assert (back.status_code, now.status_code) == (422, 200)
    assert len(look(Clearance)) == 2


class TestModifiedDuty:
    """A lighter class of work than the patient's own."""

    @pytest.fixture
    def heavy(self, session: Session, clinic: Clinic) -> None:
        """Let the patient's work be heavy."""
        session.get_one(Patient, (clinic.id, clinic.patient.id)).work_class = WorkClass.heavy
        plan_episode(session, clinic.id, clinic.episode.id, MONDAY_AFTERNOON)
        session.commit()

    @pytest.mark.usefixtures("heavy")
    def test_it_permits_the_lighter_class_and_leaves_the_milestone_waiting(
        self, clinician: Caller, clinic: Clinic, look: Look, milestone_id: MilestoneId
    ) -> None:
        work = milestone_id("rtw_heavy")
        waiting = len(look(Reminder, milestone_id=work, state=ReminderState.planned))

        body = {"work_class": "light", "attested": ["day_reached", "wound_closed"]}
        answer = clinician.post(f"/milestones/{work}/clear", body)

        limits = clinician.get(f"/episodes/{clinic.episode.id}/limits").json["limits"]
        assert answer.json["history"][0]["work_class"] == "light"
        assert (limits["work"]["permitted_class"], limits["work"]["limit"]["state"]) == ("light", "restricted")
        assert (limits["lifting"]["limit_lb"], limits["lifting"]["raised_by"]) == (20, "light")
        assert answer.json["reminders"] == []
        assert len(look(Reminder, milestone_id=work, state=ReminderState.planned)) == waiting

    @pytest.mark.usefixtures("heavy")
    def test_it_is_widened_but_not_narrowed(self, clinician: Caller, look: Look, milestone_id: MilestoneId) -> None:
        path = f"/milestones/{milestone_id('rtw_heavy')}/clear"

        def clear(work_class: str) -> int:
            return int(clinician.post(path, {"work_class": work_class, "override": "a"}).status_code)

        assert [clear(each) for each in ("light", "sedentary", "medium", "very_heavy", "heavy", "light")] == [
            200, 409, 200, 422, 200, 409,
        ]  # fmt: skip
        assert [row.work_class for row in look(Clearance)] == [WorkClass.light, WorkClass.medium, None]


@pytest.mark.sqlite_only
def test_very_heavy_work_is_not_cleared_before_heavy_work(
    clinician: Caller, session: Session, clinic: Clinic, milestone_id: MilestoneId
) -> None:
    session.get_one(Patient, (clinic.id, clinic.patient.id)).work_class = WorkClass.very_heavy
    plan_episode(session, clinic.id, clinic.episode.id, MONDAY_AFTERNOON)
    session.commit()
    path = f"/milestones/{milestone_id('rtw_very_heavy')}/clear"

    first = clinician.post(path, {"override": "a"})
    heavy = clinician.post(path, {"override": "a", "work_class": "heavy"})
    then = clinician.post(path, {"override": "a"})

    assert faults(first) == [("", "heavy to be cleared before", "not cleared")]
    assert (first.status_code, heavy.status_code, then.status_code) == (409, 200, 200)


@pytest.mark.sqlite_only
def test_a_lifting_step_after_fusion_waits_for_the_x_ray_and_for_the_step_before_it(
    clinician: Caller, session: Session, clinic: Clinic, clock: FixedClock, milestone_id: MilestoneId
) -> None:
    surgery = session.get_one(Surgery, (clinic.id, clinic.surgery.id))
    surgery.protocol_id, surgery.surgery_on = "TLIF-MISS", date(2025, 8, 1)
    plan_episode(session, clinic.id, clinic.episode.id, MONDAY_AFTERNOON)
    session.commit()
    second, third = milestone_id("lifting_2"), milestone_id("lifting_3")

    unseen = clinician.post(f"/milestones/{second}/clear")
    observe(session, clinic, Observation.xray_satisfactory, MONDAY_AFTERNOON)
    too_early = clinician.post(f"/milestones/{third}/clear")
    seen = clinician.post(f"/milestones/{second}/clear")
    then = clinician.post(f"/milestones/{third}/clear")

    assert faults(unseen) == [("/attested", "xray_satisfactory to hold", "never_recorded")]
    assert faults(too_early) == [("", "lifting_2 to be cleared before", "not cleared")]
    assert (seen.status_code, then.status_code) == (200, 200)
    lifting = clinician.get(f"/episodes/{clinic.episode.id}/limits").json["limits"]["lifting"]
    assert (lifting["state"], lifting["limit_lb"]) == ("cleared", None)
