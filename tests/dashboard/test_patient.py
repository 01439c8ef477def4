"""A patient's page and what is done from it: clear, reach, skip, move after the diff, enrol, and why a message went."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    CheckIn,
    Clearance,
    Device,
    EnrolmentCode,
    MilestoneProgress,
    OpioidTaper,
    ProxyConsent,
    QuestionnaireAnswer,
    Reminder,
    Surgery,
    Task,
    Visit,
)
from models.care import Reporter
from models.change import PlanChange
from models.report import TaskKind, TaskState
from schedules.plan.vocabulary import Instrument, SkipReason, SurgeryStatus
from schedules.planning import plan_episode
from service.care.plan_view import view_plan
from service.dashboard.timeline import draw_plan
from service.identity.tokens import enrol_device
from tests.api.conftest import Clinic, Look
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.conftest import Desk, text_of

Find = Callable[[str], str]


def planned_surgery(session: Session, clinic: Clinic) -> Surgery:
    """Let the surgery of the clinic's other patient be ahead of us, three weeks from now."""
    surgery = clinic.other_surgery
    surgery.status, surgery.surgery_on = SurgeryStatus.planned, date(2026, 3, 23)
    session.flush()
    plan_episode(session, clinic.id, clinic.other_episode.id, MONDAY_AFTERNOON)
    session.commit()
    return surgery


def test_the_diff_is_read_before_the_button_says_and_does_what_it_shows(
    desk: Desk, session: Session, clinic: Clinic, look: Look
) -> None:
    surgery = planned_surgery(session, clinic)
    sent = {"surgery_on": "2026-03-30", "reason": "patient_request"}

    shown = desk.post(f"/clinic/surgeries/{surgery.id}/move", sent)
    before = look(Surgery, id=surgery.id)[0].surgery_on
    page = shown.get_data(as_text=True)
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    done = desk.post(f"/clinic/episodes/{clinic.other_episode.id}/moves", {"token": token})
    again = desk.post(f"/clinic/episodes/{clinic.other_episode.id}/moves", {"token": token})

    assert before == date(2026, 3, 23)
    assert re.search(r"Move \d+ items to Mon 30 Mar", text_of(shown))
    assert (done.status_code, again.status_code) == (303, 303)
    assert look(Surgery, id=surgery.id)[0].surgery_on == date(2026, 3, 30)
    assert len(look(PlanChange, practice_id=clinic.id)) == 1
    assert "The surgery is moved" in text_of(desk.get(done.headers["Location"]))


@pytest.mark.sqlite_only
def test_a_diff_that_no_longer_holds_moves_nothing(desk: Desk, session: Session, clinic: Clinic, look: Look) -> None:
    surgery = planned_surgery(session, clinic)
    sent = {"surgery_on": "2026-03-30", "reason": "patient_request"}
    page = desk.post(f"/clinic/surgeries/{surgery.id}/move", sent).get_data(as_text=True)
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    surgery.levels = ["L3-L4"]
    clinic.other_patient.time_zone = "Europe/London"
    surgery.surgery_on = date(2026, 3, 24)
    session.commit()

    answer = desk.post(f"/clinic/episodes/{clinic.other_episode.id}/moves", {"token": token})

    assert answer.status_code == 409
    assert "What was shown no longer holds" in text_of(answer)
    assert look(Surgery, id=surgery.id)[0].surgery_on == date(2026, 3, 24)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "sent",
    [
        {"surgery_on": "soon", "reason": "medical"},
        {"surgery_on": "", "reason": "medical"},
        {"surgery_on": "2026-03-30", "reason": "whim"},
        {"surgery_on": "2026-03-30", "reason": "other"},
        {"surgery_on": "2026-03-30", "reason": "medical", "arrival_at": "noon"},
        {"surgery_on": "1026-03-30", "reason": "medical"},
    ],
)
def test_what_cannot_be_moved_so_is_said_beside_what_was_typed(
    desk: Desk, session: Session, clinic: Clinic, sent: dict[str, str]
) -> None:
    surgery = planned_surgery(session, clinic)

    answer = desk.post(f"/clinic/surgeries/{surgery.id}/move", sent)

    assert answer.status_code == 422
    assert "Expected" in text_of(answer)
    assert "Nothing is changed yet" in text_of(answer)


def test_a_clinician_clears_with_the_conditions_in_view_and_takes_it_back(
    surgeon: Desk, clinic: Clinic, look: Look, milestone_id: Find
) -> None:
    drive = milestone_id("drive")
    page = surgeon.get(f"/clinic/milestones/{drive}")
    conditions = set(re.findall(r'name="(attest_\w+)"', page.get_data(as_text=True)))

    refused = surgeon.post(f"/clinic/milestones/{drive}/clear", {"cleared_on": "2026-03-02"})
    cleared = surgeon.post(
        f"/clinic/milestones/{drive}/clear",
        {"cleared_on": "2026-03-02", "override": "Seen in clinic."} | dict.fromkeys(conditions, "1"),
    )
    patient = text_of(surgeon.get(f"/clinic/patients/{clinic.patient.id}"))
    silent = surgeon.post(f"/clinic/milestones/{drive}/revoke")
    revoked = surgeon.post(f"/clinic/milestones/{drive}/revoke", {"because": "Took an opioid again."})

    assert conditions
    assert refused.status_code == 409
    assert "This was not stored" in text_of(refused)
    assert (cleared.status_code, silent.status_code, revoked.status_code) == (303, 422, 303)
    (row,) = look(Clearance, practice_id=clinic.id)
    assert (row.cleared_on, row.cleared_by) == (date(2026, 3, 2), clinic.clinician.id)
    assert row.revoked_on == date(2026, 3, 2)
    assert "Driving" not in patient.split("Limits today")[1].split("Timeline")[0]
    assert "Call: a date or clearance changed" in text_of(surgeon.get(f"/clinic/patients/{clinic.patient.id}"))


@pytest.mark.sqlite_only
def test_a_coordinator_sees_the_conditions_and_clears_nothing(desk: Desk, look: Look, milestone_id: Find) -> None:
    drive = milestone_id("drive")

    page, tried = desk.get(f"/clinic/milestones/{drive}"), desk.post(f"/clinic/milestones/{drive}/clear", {})

    assert "A clinician clears this" in text_of(page)
    assert tried.status_code == 403
    assert look(Clearance) == []


@pytest.mark.sqlite_only
def test_an_item_is_reached_taken_back_and_left_out(desk: Desk, clinic: Clinic, look: Look, milestone_id: Find) -> None:
    walk = milestone_id("walk30")

    reached = desk.post(f"/clinic/milestones/{walk}/achieve", {"achieved_on": "2026-03-01"})
    state = look(MilestoneProgress, id=walk)[0].achieved_on
    back = desk.post(f"/clinic/milestones/{walk}/reopen")
    left = desk.post(f"/clinic/milestones/{walk}/skip", {"reason": "not_applicable"})

    assert [each.status_code for each in (reached, back, left)] == [303, 303, 303]
    assert state == date(2026, 3, 1)
    (row,) = look(MilestoneProgress, id=walk)
    assert (row.achieved_on, row.skip_reason) == (None, SkipReason.not_applicable)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("deed", "sent"),
    [
        ("achieve", {"achieved_on": "2026-09-01"}),
        ("achieve", {"achieved_on": "yesterday"}),
        ("achieve", {"achieved_on": "2020-01-01"}),
        ("skip", {"reason": "whim"}),
        ("skip", {"reason": "other"}),
        ("skip", {}),
    ],
)
def test_a_report_that_cannot_be_is_refused_beside_its_field(
    desk: Desk, look: Look, milestone_id: Find, deed: str, sent: dict[str, str]
) -> None:
    answer = desk.post(f"/clinic/milestones/{milestone_id('walk30')}/{deed}", sent)

    assert answer.status_code == 422
    assert "Expected" in text_of(answer)
    assert look(MilestoneProgress) == []


@pytest.mark.sqlite_only
def test_a_code_for_a_phone_is_shown_once_as_picture_and_as_text(desk: Desk, clinic: Clinic, look: Look) -> None:
    answer = desk.post(f"/clinic/patients/{clinic.patient.id}/enrolment")

    page = answer.get_data(as_text=True)
    (row,) = look(EnrolmentCode, practice_id=clinic.id)
    assert re.search(r"<code class=\"big\">[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}</code>", page)
    assert "<svg" in page
    assert (row.patient_id, row.made_by) == (clinic.patient.id, clinic.coordinator.id)


@pytest.mark.sqlite_only
def test_a_lost_phone_is_ended_from_the_page_which_tells_how_far_it_is(
    desk: Desk, session: Session, clinic: Clinic, look: Look
) -> None:
    phone = enrol_device(session, clinic.id, clinic.patient.id, MONDAY_AFTERNOON)
    session.commit()
    path = f"/clinic/patients/{clinic.patient.id}"
    before = text_of(desk.get(path))

    answer = desk.post(f"/clinic/devices/{phone.principal.actor_id}/lost")
    after = text_of(desk.get(path))

    assert (answer.status_code, look(Device)[0].lost_at) == (303, MONDAY_AFTERNOON)
    assert ("In use" in before, "Lost: delete its data" in before) == (True, True)
    assert "It will be told to delete its data when it next makes contact" in after
    assert "Lost: delete its data" not in after


@pytest.mark.sqlite_only
def test_a_consent_is_recorded_and_ended_from_its_page(desk: Desk, clinic: Clinic, look: Look) -> None:
    path = f"/clinic/patients/{clinic.patient.id}/proxies"
    sent = {"name": "Sam Whitfield", "relationship": "partner", "given_how": "in_person", "given_on": "2026-03-02"}

    refused = desk.post(path, sent | {"through_on": "2026-09-02"})
    late = desk.post(path, sent | {"scopes": "read_plan", "through_on": "2029-09-02"})
    made = desk.post(path, sent | {"scopes": ["read_plan", "receive_messages"], "through_on": "2026-09-02"})
    (consent,) = look(ProxyConsent)
    shown = text_of(desk.get(path))
    ended = desk.post(f"/clinic/proxies/{consent.id}/end")
    again = desk.post(f"/clinic/proxies/{consent.id}/enrolment")

    assert [each.status_code for each in (refused, late, made, ended, again)] == [422, 422, 200, 303, 409]
    assert "Not recorded" in text_of(refused)
    assert "Let Sam Whitfield scan this" in text_of(made)
    assert (consent.scopes, consent.recorded_by) == (["read_plan", "receive_messages"], clinic.coordinator.id)
    assert "read the plan, receive the messages" in shown
    assert "Ended by the clinic" in text_of(desk.get(path))


@pytest.mark.sqlite_only
def test_why_a_message_is_planned_is_told_in_order(desk: Desk, session: Session, clinic: Clinic) -> None:
    reminder = session.scalars(select(Reminder).filter_by(practice_id=clinic.id, episode_id=clinic.episode.id)).first()
    assert reminder is not None
    session.commit()

    answer = desk.get(f"/clinic/reminders/{reminder.id}")

    assert answer.status_code == 200
    assert "Why this message went, or did not" in text_of(answer)
    assert "will not be sent: its window had closed at enrolment" in text_of(answer)


@pytest.mark.sqlite_only
def test_a_question_is_closed_from_the_page(desk: Desk, session: Session, clinic: Clinic, look: Look) -> None:
    task = Task(practice_id=clinic.id, id="t1", patient_id=clinic.patient.id, episode_id=clinic.episode.id)
    task.kind, task.about, task.created_at = TaskKind.past_items, {}, MONDAY_AFTERNOON
    session.add(task)
    session.commit()

    answer = desk.post("/clinic/tasks/t1/close")

    assert answer.status_code == 303
    assert look(Task, id="t1")[0].state is TaskState.done


@pytest.mark.sqlite_only
def test_the_picture_and_the_table_say_the_same(desk: Desk, session: Session, clinic: Clinic) -> None:
    plan = view_plan(session, clinic.practice, clinic.episode, date(2026, 3, 2), MONDAY_AFTERNOON)
    drawn = draw_plan(plan)
    session.commit()
    page = desk.get(f"/clinic/patients/{clinic.patient.id}").get_data(as_text=True)
    table = page.split('<details class="plan">')[1].split("</details>")[0]

    assert drawn.today == drawn.axis.x(7)
    assert [line.earliest for line in drawn.items if line.view.row.key == "walk30"] == [drawn.axis.x(7)]
    for line in drawn.items:
        assert f'href="/clinic/milestones/{line.view.row.id}"' in table
    assert all(bar.x + bar.width <= drawn.axis.x(drawn.axis.last) for line in drawn.limits for bar in line.bars)


@pytest.mark.sqlite_only
def test_check_ins_are_drawn_and_listed(desk: Desk, session: Session, clinic: Clinic) -> None:
    for day, pain in ((24, 7), (27, 4)):
        row = CheckIn(practice_id=clinic.id, id=f"c{day}", patient_id=clinic.patient.id, pain=pain)
        row.episode_id, row.reported_by, row.walking_minutes = clinic.episode.id, Reporter.patient, 10
        row.reported_at = row.received_at = MONDAY_AFTERNOON.replace(month=2, day=day)
        session.add(row)
    session.commit()

    page = desk.get(f"/clinic/patients/{clinic.patient.id}").get_data(as_text=True)

    assert page.count('class="point"') == 4
    assert "Worst pain, 0 to 10, by day after surgery: 4 of 10, Fri 27 Feb" in page
    assert "Tue 24 Feb 10:00" in page


@pytest.mark.sqlite_only
def test_scores_stand_beside_the_baseline_with_the_source_of_what_counts_as_better(
    desk: Desk, session: Session, clinic: Clinic
) -> None:
    for day, percent in ((20, 50), (28, 36)):
        row = QuestionnaireAnswer(practice_id=clinic.id, id=f"q{day}", patient_id=clinic.patient.id)
        row.episode_id, row.reported_by, row.instrument = clinic.episode.id, Reporter.patient, Instrument.odi
        row.answered_at = row.received_at = MONDAY_AFTERNOON.replace(month=2, day=day)
        row.answers = {"percent": percent}
        session.add(row)
    session.commit()

    said = text_of(desk.get(f"/clinic/patients/{clinic.patient.id}"))

    assert "Oswestry (ODI), % 0-100, lower is better" in said
    assert "better by 14 (28 %)" in said
    assert "Yes, by at least 12.8 (S113, Grade B)" in said
    assert "No, not by 30 % (S114, Grade C)" in said


@pytest.mark.sqlite_only
def test_a_clinician_types_opioid_steps_and_reads_them_again(
    surgeon: Desk, desk: Desk, clinic: Clinic, look: Look
) -> None:
    path = f"/clinic/episodes/{clinic.episode.id}/opioid-taper"
    typed = {"mme_per_dose": "7.5", "steps": "2026-02-24 30\r\n2026-03-02  15"}

    faulty = surgeon.post(path, typed | {"steps": "2026-03-02 30\n2026-02-24 15"})
    nonsense = surgeon.post(path, typed | {"mme_per_dose": "much"})
    done = surgeon.post(path, typed)

    assert [each.status_code for each in (faulty, nonsense, done)] == [422, 422, 303]
    assert "Expected: a day after 2026-03-02, the step before" in text_of(faulty)
    (row,) = look(OpioidTaper, practice_id=clinic.id)
    assert (row.mme_tenths_per_dose, row.entered_by) == (75, clinic.clinician.id)
    said = text_of(desk.get(f"/clinic/patients/{clinic.patient.id}"))
    assert "One dose is 7.5 MME, as the prescriber entered." in said
    assert "From Mon 2 Mar: at most 15 MME a day" in said
    assert "Enter new steps" not in said


@pytest.mark.sqlite_only
def test_a_visit_is_booked_in_the_clinics_time_and_its_end_noted(desk: Desk, clinic: Clinic, look: Look) -> None:
    path = f"/clinic/episodes/{clinic.episode.id}/visits"
    sent = {"kind": "imaging", "booked_on": "2026-03-02", "booked_at": "09:30"}

    faulty = desk.post(path, sent | {"booked_at": "soon"})
    booked = desk.post(path, sent)
    (row,) = look(Visit, practice_id=clinic.id)
    seen = desk.post(f"/clinic/visits/{row.id}/state", {"state": "seen"})
    missed = desk.post(f"/clinic/visits/{row.id}/state", {"state": "no_show"})

    assert [each.status_code for each in (faulty, booked, seen, missed)] == [422, 303, 403, 303]
    assert row.booked_for == datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    assert look(Visit, practice_id=clinic.id)[0].state == "no_show"
    assert "Mon 2 Mar 09:30 Imaging did not come" in text_of(desk.get(f"/clinic/patients/{clinic.patient.id}"))


@pytest.mark.sqlite_only
def test_minimally_invasive_stands_beside_open_with_grades_and_sources(desk: Desk) -> None:
    both, one = desk.get("/clinic/protocols?procedure=tlif"), desk.get("/clinic/protocols?procedure=nonsense")

    said = text_of(both)
    assert (both.status_code, one.status_code) == (200, 200)
    assert "TLIF-MISS v1, draft, not signed" in said
    assert "TLIF-OPEN v1, draft, not signed" in said
    assert "differs" in said
    assert re.search(r"Driving.*day \d+", said)
    assert re.search(r"Sources S\d+", said)
