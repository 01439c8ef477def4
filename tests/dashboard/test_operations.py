"""What is operated is changed after its difference was read; a clinician enters and signs personal instructions."""

import re
from datetime import date, time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import Surgery, Task
from models.change import PlanChange, SlotEntry
from models.people import StaffRole
from models.report import TaskKind, TaskState
from schedules.plan.vocabulary import SurgeryStatus
from schedules.planning import plan_episode
from tests import builders
from tests.api.conftest import Clinic, Look
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.conftest import Answer, Desk, desk_of, text_of
from tests.dashboard.test_edit import form_of
from tests.dashboard.test_patient import Find, planned_surgery

REASON = {"reason": "converted_in_theatre"}
PAUSE = {"due_on": "2026-03-18", "instruction": "Last dose on Tuesday evening."}


def stored(desk: Desk, surgery: Surgery) -> dict[str, str]:
    """Return the form's fields as they are shown."""
    return form_of(desk, f"/clinic/surgeries/{surgery.id}/operation") | REASON


def token_of(answer: Answer) -> str:
    return str(re.findall(r'name="token" value="([^"]+)"', answer.get_data(as_text=True))[0])


def test_a_conversion_to_open_is_read_before_the_button_does_it(desk: Desk, clinic: Clinic, look: Look) -> None:
    surgery, path = clinic.surgery, f"/clinic/surgeries/{clinic.surgery.id}/operation"
    form = stored(desk, surgery)

    shown = desk.post(path, form | {"approach": "open"})
    before = look(Surgery, id=surgery.id)[0].approach
    done = desk.post(f"/clinic/episodes/{clinic.episode.id}/moves", {"token": token_of(shown)})

    (after,), (change,) = look(Surgery, id=surgery.id), look(PlanChange, practice_id=clinic.id)
    said = text_of(shown)
    assert (form["approach"], before) == ("tubular", "tubular")
    assert "Approach: tubular → open" in said
    assert "Class: MISS → open" in said
    assert re.search(r"Change the operation: \d+ items change", said)
    assert "until a clinician clears it, from Mon 16 Mar on" in said
    assert re.search(r"Lifting moves 20 lb Tue 10 Mar – Mon 23 Mar 15 lb Tue 10 Mar – Mon 6 Apr", said)
    assert (done.status_code, after.approach, after.approach_class) == (303, "open", "open")
    assert after.protocol_id == "MD-OPEN"
    assert change.changes["surgeries"][0]["changes"] == ["approach_changed"]
    assert (change.reason, change.changed_by) == ("converted_in_theatre", clinic.coordinator.id)
    assert "The operation is changed" in text_of(desk.get(done.headers["Location"]))


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("typed", "changes"),
    [
        ({"approach_class": "open"}, ["approach_changed"]),
        ({"levels": "L3-L4 , L4-L5"}, ["levels_changed"]),
        ({"approach": "open", "levels": "L3-L4"}, ["approach_changed", "levels_changed"]),
        ({"procedure": "lumbar_laminectomy", "levels": "L4-L5; L5-S1"}, ["procedure_changed"]),
    ],
    ids=str,
)
def test_what_differs_becomes_the_changes(
    desk: Desk, clinic: Clinic, look: Look, typed: dict[str, str], changes: list[str]
) -> None:
    shown = desk.post(
        f"/clinic/surgeries/{clinic.surgery.id}/operation",
        stored(desk, clinic.surgery) | {"reason": "entry_corrected"} | typed,
    )
    desk.post(f"/clinic/episodes/{clinic.episode.id}/moves", {"token": token_of(shown)})

    (change,) = look(PlanChange, practice_id=clinic.id)
    assert change.changes["surgeries"][0]["changes"] == changes


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({}, "a change of what is stored"),
        ({"levels": "all of them"}, "levels such as L4-L5, L5-S1"),
        ({"levels": ""}, "levels such as L4-L5, L5-S1"),
        ({"procedure": "alif", "approach": "open"}, "ask the surgeon"),
        ({"approach": "open", "reason": "other"}, "a text if the reason is other, else none"),
        ({"approach": "mini_open"}, "mini_open for alif or llif only"),
    ],
    ids=str,
)
def test_a_change_that_cannot_be_is_told_and_what_was_typed_stays(
    desk: Desk, clinic: Clinic, look: Look, typed: dict[str, str], told: str
) -> None:
    form = stored(desk, clinic.surgery) | typed

    answer = desk.post(f"/clinic/surgeries/{clinic.surgery.id}/operation", form)

    assert answer.status_code == 422
    assert told in text_of(answer)
    assert f'value="{form["approach"]}" selected' in answer.get_data(as_text=True)
    assert look(PlanChange) == []


@pytest.mark.sqlite_only
def test_an_admin_sees_no_way_to_convert_and_has_none(
    app: Flask, session: Session, clinic: Clinic, desk: Desk, look: Look
) -> None:
    admin = desk_of(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))
    path, person = f"/clinic/surgeries/{clinic.surgery.id}/operation", f"/clinic/patients/{clinic.patient.id}"

    assert (path in desk.get(person).get_data(as_text=True), path in admin.get(person).get_data(as_text=True)) == (
        True,
        False,
    )
    assert [admin.get(path).status_code, admin.post(path, {"approach": "open"} | REASON).status_code] == [403, 403]


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("change", "becomes"),
    [
        ("date_cleared", {"status": SurgeryStatus.planned, "surgery_on": None}),
        ("surgery_cancelled", {"status": SurgeryStatus.cancelled, "surgery_on": date(2026, 3, 23)}),
    ],
)
def test_a_day_is_taken_away_and_a_surgery_called_off_after_the_difference(
    desk: Desk, session: Session, clinic: Clinic, look: Look, change: str, becomes: dict[str, Any]
) -> None:
    surgery = planned_surgery(session, clinic)

    shown = desk.post(f"/clinic/surgeries/{surgery.id}/move", {"change": change, "reason": "patient_request"})
    done = desk.post(f"/clinic/episodes/{clinic.other_episode.id}/moves", {"token": token_of(shown)})

    (row,) = look(Surgery, id=surgery.id)
    assert done.status_code == 303
    assert {name: getattr(row, name) for name in becomes} == becomes
    assert re.search(r"(Take the day away|Call the surgery off).*: \d+ items change", text_of(shown))


@pytest.mark.sqlite_only
def test_the_question_whether_a_surgery_took_place_is_answered_on_the_page(
    desk: Desk, session: Session, clinic: Clinic, look: Look
) -> None:
    surgery = planned_surgery(session, clinic)
    surgery.surgery_on = date(2026, 3, 1)
    task = Task(practice_id=clinic.id, id="t1", patient_id=clinic.other_patient.id, surgery_id=surgery.id)
    task.episode_id, task.kind, task.about = clinic.other_episode.id, TaskKind.confirm_surgery, {}
    task.created_at = MONDAY_AFTERNOON
    session.add(task)
    session.commit()
    page = desk.get(f"/clinic/patients/{clinic.other_patient.id}").get_data(as_text=True)

    answer = desk.post(f"/clinic/surgeries/{surgery.id}/performed")

    assert f'action="/clinic/surgeries/{surgery.id}/performed"' in page
    assert answer.status_code == 303
    assert (look(Surgery, id=surgery.id)[0].status, look(Task, id="t1")[0].state) == ("performed", TaskState.done)


def slot_of(session: Session, clinic: Clinic, milestone_id: Find, key: str) -> str:
    """Let the clinic's surgery be ahead, with an arrival time, and return an item of it."""
    surgery = session.get_one(Surgery, (clinic.id, clinic.surgery.id))
    surgery.status, surgery.arrival_at = SurgeryStatus.planned, time(6, 30)
    surgery.surgery_on = date(2026, 3, 23)
    plan_episode(session, clinic.id, clinic.episode.id, MONDAY_AFTERNOON)
    session.commit()
    return milestone_id(key)


def test_a_clinician_enters_a_personal_instruction_and_everybody_reads_whose_it_is(
    desk: Desk, surgeon: Desk, session: Session, clinic: Clinic, look: Look, milestone_id: Find
) -> None:
    pause = slot_of(session, clinic, milestone_id, "medicines_pause")
    path = f"/clinic/milestones/{pause}"
    blank = text_of(desk.get(f"/clinic/patients/{clinic.patient.id}"))

    refused = desk.post(f"{path}/slot", PAUSE)
    late = surgeon.post(f"{path}/slot", PAUSE | {"due_on": "2026-04-18"})
    entered = surgeon.post(f"{path}/slot", PAUSE)
    stale = surgeon.post(f"{path}/slot", {"due_on": "2026-03-19"})
    page = surgeon.get(path)
    tag = re.findall(r'name="tag" value="([^"]+)"', page.get_data(as_text=True))[0]
    changed = surgeon.post(f"{path}/slot", {"due_on": "2026-03-19", "tag": tag})

    assert [each.status_code for each in (refused, late, entered, stale, changed)] == [403, 422, 303, 409, 303]
    assert "Last dose on Tuesday evening." in late.get_data(as_text=True)
    assert "Pausing medicines : not entered" in blank
    assert "Instruction Last dose on Tuesday evening." in text_of(page)
    (row,) = look(SlotEntry, id=pause)
    assert (row.due_on, row.instruction, row.entered_by) == (date(2026, 3, 19), None, clinic.clinician.id)
    assert "Entered by Casey Rivera" in text_of(desk.get(path))


@pytest.mark.sqlite_only
def test_a_clinician_takes_away_the_entry_that_was_shown_and_the_patient_is_to_be_called(
    desk: Desk, surgeon: Desk, session: Session, clinic: Clinic, look: Look, milestone_id: Find
) -> None:
    pause = slot_of(session, clinic, milestone_id, "medicines_pause")
    path, patient = f"/clinic/milestones/{pause}", f"/clinic/patients/{clinic.patient.id}"
    surgeon.post(f"{path}/slot", PAUSE)
    page = surgeon.get(path)
    tag = re.findall(r'name="tag" value="([^"]+)"', page.get_data(as_text=True))[0]

    refused = desk.post(f"{path}/slot/take-away", {"tag": tag})
    unseen = surgeon.post(f"{path}/slot/take-away", {"tag": "0-2026-03-23"})
    taken = surgeon.post(f"{path}/slot/take-away", {"tag": tag})

    assert [each.status_code for each in (refused, unseen, taken)] == [403, 409, 303]
    assert "Take it away, and leave the item blank" in text_of(page)
    assert "If the patient could read the entry, a question asks you to call." in text_of(page)
    (row,) = look(SlotEntry, id=pause)
    assert (row.deleted, row.due_on, row.instruction) == (True, None, None)
    assert "Pausing medicines : not entered" in text_of(desk.get(patient))
    assert "Call: a date or clearance changed" in text_of(desk.get(patient))
    assert "Take it away" not in text_of(surgeon.get(path))


@pytest.mark.sqlite_only
def test_the_patients_page_leads_a_clinician_to_what_can_be_taken_away(
    desk: Desk, surgeon: Desk, session: Session, clinic: Clinic, milestone_id: Find
) -> None:
    pause = slot_of(session, clinic, milestone_id, "medicines_pause")
    link = f'href="/clinic/milestones/{pause}#take-away"'
    page = f"/clinic/patients/{clinic.patient.id}"
    blank = surgeon.get(page).get_data(as_text=True)

    surgeon.post(f"/clinic/milestones/{pause}/slot", PAUSE)

    assert link not in blank
    assert link in surgeon.get(page).get_data(as_text=True)
    assert link not in desk.get(page).get_data(as_text=True)


@pytest.mark.sqlite_only
def test_fasting_times_are_signed_as_they_were_read(
    desk: Desk, surgeon: Desk, session: Session, clinic: Clinic, look: Look, milestone_id: Find
) -> None:
    fasting = slot_of(session, clinic, milestone_id, "fasting")
    path = f"/clinic/milestones/{fasting}/slot"
    surgeon.post(path, {"instruction": "Nothing to eat after midnight."})
    rev = re.findall(r'name="rev" value="(\d+)"', surgeon.get(path.removesuffix("/slot")).get_data(as_text=True))[0]

    refused = desk.post(f"{path}/sign", {"rev": rev})
    unread = surgeon.post(f"{path}/sign", {"rev": str(int(rev) - 1)})
    signed_by = look(SlotEntry, id=fasting)[0].signed_by
    signed = surgeon.post(f"{path}/sign", {"rev": rev})

    assert [each.status_code for each in (refused, unread, signed)] == [403, 409, 303]
    assert (signed_by, look(SlotEntry, id=fasting)[0].signed_by) == (None, clinic.clinician.id)
    assert "Signed by" in text_of(desk.get(path.removesuffix("/slot")))


@pytest.mark.sqlite_only
def test_an_item_that_depends_on_nobody_takes_no_personal_instruction(surgeon: Desk, milestone_id: Find) -> None:
    path = f"/clinic/milestones/{milestone_id('walk30')}"

    assert [surgeon.post(f"{path}/slot{each}", PAUSE).status_code for each in ("", "/sign", "/take-away")] == [404] * 3
    assert "Personal instruction" not in text_of(surgeon.get(path))
