"""Personal items: a clinician enters them by name, for one day of surgery; the patient reads what holds."""

from collections.abc import Callable
from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Reminder
from models.care import Surgery
from models.change import SlotEntry
from schedules.plan.vocabulary import ReminderState, SurgeryStatus
from schedules.planning import plan_episode
from service.api import examples_slots
from service.api.slots import SlotBody, SlotSignature, SlotView
from tests.api.conftest import Caller, Clinic, Look
from tests.clock import MONDAY_AFTERNOON

MilestoneId = Callable[[str], str]
DAY0 = "2026-03-23"
ENTRY = {"due_on": "2026-03-18", "instruction": "Last dose of the blood thinner on Tuesday evening."}
FASTING = {"instruction": "No solid food after midnight."}


@pytest.fixture(autouse=True)
def ahead(session: Session, clinic: Clinic) -> Surgery:
    """Return the clinic's surgery, planned for three weeks ahead of the clock, with an arrival time."""
    surgery = session.get_one(Surgery, (clinic.id, clinic.surgery.id))
    surgery.surgery_on, surgery.status = date(2026, 3, 23), SurgeryStatus.planned
    surgery.dated_at, surgery.arrival_at = MONDAY_AFTERNOON, None
    replan(session, surgery)
    return surgery


def replan(session: Session, surgery: Surgery) -> None:
    plan_episode(session, surgery.practice_id, surgery.episode_id, MONDAY_AFTERNOON)
    session.commit()


def about(look: Look, milestone_id: str) -> list[tuple[ReminderState, str | None]]:
    return [(row.state, row.reason) for row in look(Reminder, milestone_id=milestone_id)]


def open_slots(coordinator: Caller, clinic: Clinic) -> list[str]:
    tasks = coordinator.get(f"/tasks?kind=fill_slot&patient_id={clinic.patient.id}").json["items"]
    return [key for task in tasks for key in task["about"]["milestone_keys"]]


def test_a_blank_slot_reads_as_blank(patient: Caller, milestone_id: MilestoneId) -> None:
    answer = patient.get(f"/milestones/{milestone_id('medicines_pause')}/slot")

    assert answer.status_code == 200
    assert (answer.json["state"], answer.json["day0"], answer.json["due_on"]) == ("blank", DAY0, None)
    assert answer.json["note"] == "Do not stop or restart by yourself."
    assert "ETag" not in answer.headers


def test_what_a_clinician_enters_is_shown_to_the_patient_with_the_clinicians_name(
    clinician: Caller, patient: Caller, look: Look, milestone_id: MilestoneId
) -> None:
    pause = milestone_id("medicines_pause")

    entered = clinician.put(f"/milestones/{pause}/slot", ENTRY)

    seen = patient.get(f"/milestones/{pause}/slot")
    assert entered.status_code == 201
    assert seen.json == entered.json
    assert (seen.json["state"], seen.json["due_on"], seen.json["for_day0"]) == ("filled", "2026-03-18", DAY0)
    assert seen.json["note"] == "Do not stop or restart by yourself; your dates: Casey Rivera"
    assert seen.json["instruction"] == ENTRY["instruction"]
    (row,) = look(SlotEntry, id=pause)
    assert b"thinner" not in (row.instruction_sealed or b"")


def test_an_entry_plans_its_message_on_the_day_entered(
    clinician: Caller, look: Look, milestone_id: MilestoneId
) -> None:
    pause = milestone_id("medicines_pause")

    clinician.put(f"/milestones/{pause}/slot", ENTRY)

    (day,) = look(Reminder, milestone_id=pause)
    assert (day.scheduled_on, day.state) == (date(2026, 3, 18), ReminderState.planned)


def test_medicines_restart_after_surgery_on_the_day_entered(
    clinician: Caller, look: Look, milestone_id: MilestoneId
) -> None:
    restart = milestone_id("medicines_restart")

    answer = clinician.put(f"/milestones/{restart}/slot", {"due_on": "2026-03-30"})

    (day,) = look(Reminder, milestone_id=restart)
    assert answer.status_code == 201
    assert (day.scheduled_on, day.phase.value, day.state) == (
        date(2026, 3, 30),
        "after_surgery",
        ReminderState.planned,
    )


def test_the_same_entry_twice_is_one_and_another_needs_the_etag(clinician: Caller, milestone_id: MilestoneId) -> None:
    url = f"/milestones/{milestone_id('medicines_pause')}/slot"
    first = clinician.put(url, ENTRY)

    again = clinician.put(url, ENTRY)
    unconditional = clinician.put(url, ENTRY | {"due_on": "2026-03-17"})
    stale = clinician.put(url, ENTRY | {"due_on": "2026-03-17"}, match='"0"')
    changed = clinician.put(url, ENTRY | {"due_on": "2026-03-17"}, match=first.headers["ETag"])

    assert (again.status_code, again.json) == (200, first.json)
    assert (unconditional.status_code, stale.status_code) == (428, 412)
    assert (changed.status_code, changed.json["due_on"]) == (200, "2026-03-17")


def test_fasting_times_reach_nobody_until_they_are_signed_and_the_arrival_time_is_known(
    session: Session,
    ahead: Surgery,
    clinician: Caller,
    patient: Caller,
    look: Look,
    milestone_id: MilestoneId,
) -> None:
    fasting = milestone_id("fasting")
    url = f"/milestones/{fasting}/slot"

    entered = clinician.put(url, FASTING)
    hidden = patient.get(url)
    unsigned = about(look, fasting)
    signed = clinician.post(f"{url}/sign", {"rev": entered.json["rev"]})
    without_arrival = about(look, fasting)
    coordinator_told = ahead
    session.refresh(coordinator_told)
    coordinator_told.arrival_at = time(6, 30)
    replan(session, coordinator_told)

    assert entered.json["state"] == "unsigned"
    assert (hidden.json["state"], hidden.json["instruction"]) == ("unsigned", None)
    assert unsigned == without_arrival == [(ReminderState.suppressed, "not_signed")]
    assert (signed.json["state"], signed.json["signed_by"]) == ("filled", "Casey Rivera")
    assert patient.get(url).json["instruction"] == FASTING["instruction"]
    assert about(look, fasting) == [(ReminderState.planned, None)]


def test_a_changed_entry_needs_a_new_signature(clinician: Caller, milestone_id: MilestoneId) -> None:
    url = f"/milestones/{milestone_id('fasting')}/slot"
    entered = clinician.put(url, FASTING)
    signed = clinician.post(f"{url}/sign", {"rev": entered.json["rev"]})

    changed = clinician.put(url, {"instruction": "Clear fluids until five."}, match=signed.headers["ETag"])
    blind = clinician.post(f"{url}/sign", {"rev": entered.json["rev"]})

    assert (changed.json["state"], changed.json["signed_by"]) == ("unsigned", None)
    assert (blind.status_code, blind.json["errors"][0]["pointer"]) == (412, "/rev")


def test_signing_twice_signs_once(clinician: Caller, milestone_id: MilestoneId) -> None:
    url = f"/milestones/{milestone_id('fasting')}/slot"
    entered = clinician.put(url, FASTING)
    first = clinician.post(f"{url}/sign", {"rev": entered.json["rev"]})

    again = clinician.post(f"{url}/sign", {"rev": entered.json["rev"]})

    assert (again.status_code, again.json) == (200, first.json)


def test_after_a_move_an_entry_is_stale_until_it_is_confirmed(
    session: Session,
    ahead: Surgery,
    clinician: Caller,
    patient: Caller,
    coordinator: Caller,
    clinic: Clinic,
    milestone_id: MilestoneId,
) -> None:
    url = f"/milestones/{milestone_id('medicines_pause')}/slot"
    before = clinician.put(url, ENTRY)
    session.refresh(ahead)
    ahead.surgery_on = date(2026, 3, 30)
    replan(session, ahead)

    stale, hidden = clinician.get(url), patient.get(url)
    asked = open_slots(coordinator, clinic)
    confirmed = clinician.put(url, ENTRY, match=stale.headers["ETag"])

    assert stale.headers["ETag"] != before.headers["ETag"]
    assert (stale.json["state"], stale.json["is_stale"], stale.json["for_day0"]) == ("blank", True, DAY0)
    assert (hidden.json["due_on"], hidden.json["instruction"]) == (None, None)
    assert "medicines_pause" in asked
    assert (confirmed.json["state"], confirmed.json["for_day0"]) == ("filled", "2026-03-30")
    assert "medicines_pause" not in open_slots(coordinator, clinic)


def test_the_question_closes_when_every_slot_is_filled(
    clinician: Caller, coordinator: Caller, clinic: Clinic, milestone_id: MilestoneId
) -> None:
    asked = open_slots(coordinator, clinic)

    clinician.put(f"/milestones/{milestone_id('medicines_pause')}/slot", ENTRY)
    clinician.put(f"/milestones/{milestone_id('medicines_restart')}/slot", {"due_on": "2026-03-25"})
    clinician.put(f"/milestones/{milestone_id('skin_wash')}/slot", {"due_on": "2026-03-22"})
    last = open_slots(coordinator, clinic)
    entered = clinician.put(f"/milestones/{milestone_id('fasting')}/slot", FASTING)
    clinician.post(f"/milestones/{milestone_id('fasting')}/slot/sign", {"rev": entered.json["rev"]})

    assert asked == ["fasting", "medicines_pause", "medicines_restart", "skin_wash"]
    assert last == ["fasting"]
    assert open_slots(coordinator, clinic) == []


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("key", "body", "pointer"),
    [
        ("medicines_pause", {"instruction": "As told"}, "/due_on"),
        ("medicines_pause", {"due_on": "2026-03-24"}, "/due_on"),
        ("medicines_pause", {"due_on": "1989-12-31"}, "/due_on"),
        ("medicines_restart", {"due_on": "2026-03-22"}, "/due_on"),
        ("medicines_restart", {"due_on": "9999-12-31"}, "/due_on"),
        ("skin_wash", {}, "/due_on"),
        ("fasting", {"due_on": "2026-03-22", "instruction": "x"}, "/due_on"),
        ("fasting", {}, "/instruction"),
        ("fasting", {"instruction": " "}, "/instruction"),
        ("skin_wash", {"due_on": "2026-03-22", "dose": 1}, "/dose"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(
    clinician: Caller, milestone_id: MilestoneId, key: str, body: dict[str, str], pointer: str
) -> None:
    answer = clinician.put(f"/milestones/{milestone_id(key)}/slot", body)

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)


def test_only_a_clinician_enters_and_signs(
    coordinator: Caller, patient: Caller, look: Look, milestone_id: MilestoneId
) -> None:
    url = f"/milestones/{milestone_id('medicines_pause')}/slot"

    refused = [caller.put(url, ENTRY).status_code for caller in (coordinator, patient)]
    unsigned = [caller.post(f"{url}/sign", {"rev": 1}).status_code for caller in (coordinator, patient)]

    assert refused + unsigned == [403] * 4
    assert look(SlotEntry) == []


def test_other_patients_and_other_items_have_no_slot(
    clinician: Caller, other_patient: Caller, foreign_staff: Caller, milestone_id: MilestoneId
) -> None:
    pause, walking = milestone_id("medicines_pause"), milestone_id("walk30")

    foreign = [caller.get(f"/milestones/{pause}/slot") for caller in (other_patient, foreign_staff)]
    missing = [clinician.get(f"/milestones/{each}/slot") for each in ("nothing", walking)]

    assert {answer.status_code for answer in (*foreign, *missing)} == {404}
    assert clinician.put(f"/milestones/{walking}/slot", ENTRY).status_code == 404


def test_nothing_is_entered_once_surgery_has_come_but_the_day_of_restarting(
    session: Session, ahead: Surgery, clinician: Caller, milestone_id: MilestoneId
) -> None:
    session.refresh(ahead)
    ahead.surgery_on, ahead.status = date(2026, 3, 1), SurgeryStatus.performed
    replan(session, ahead)

    pause = clinician.put(f"/milestones/{milestone_id('medicines_pause')}/slot", {"due_on": "2026-02-27"})
    restart = clinician.put(f"/milestones/{milestone_id('medicines_restart')}/slot", {"due_on": "2026-03-04"})

    assert (pause.status_code, restart.status_code) == (409, 201)


def test_nothing_is_signed_that_was_not_entered_or_needs_no_signature(
    clinician: Caller, milestone_id: MilestoneId
) -> None:
    pause = milestone_id("medicines_pause")
    clinician.put(f"/milestones/{pause}/slot", ENTRY)

    blank = clinician.post(f"/milestones/{milestone_id('fasting')}/slot/sign", {"rev": 1})
    unneeded = clinician.post(f"/milestones/{pause}/slot/sign", {"rev": 1})

    assert (blank.status_code, unneeded.status_code) == (409, 409)


def test_a_surgery_without_a_date_takes_no_entry(
    session: Session, ahead: Surgery, clinician: Caller, milestone_id: MilestoneId
) -> None:
    session.refresh(ahead)
    ahead.surgery_on = None
    replan(session, ahead)

    answer = clinician.put(f"/milestones/{milestone_id('medicines_pause')}/slot", ENTRY)

    assert answer.status_code == 409
    assert session.scalars(select(SlotEntry)).all() == []


def test_the_examples_fit_their_schemas() -> None:
    assert SlotBody().validate(examples_slots.SLOT_ENTRY) == {}
    assert SlotSignature().validate(examples_slots.SLOT_SIGNATURE) == {}
    assert examples_slots.SLOT.keys() == examples_slots.SIGNED_SLOT.keys() == SlotView().fields.keys()


# ------------------------------------------------------------------------------------------------------- taken away
def take_away(who: Caller, path: str, tag: str | None = None) -> Any:
    return who.call("DELETE", path, headers={} if tag is None else {"If-Match": tag})


def calls_asked(coordinator: Caller, clinic: Clinic) -> list[list[str]]:
    tasks = coordinator.get(f"/tasks?kind=call_patient&patient_id={clinic.patient.id}").json["items"]
    return [task["about"]["milestone_ids"] for task in tasks]


def test_an_entry_that_is_taken_away_leaves_the_item_blank_its_message_unsent_and_the_patient_to_be_called(
    clinician: Caller, patient: Caller, coordinator: Caller, clinic: Clinic, look: Look, milestone_id: MilestoneId
) -> None:
    pause = milestone_id("medicines_pause")
    path = f"/milestones/{pause}/slot"
    tag = clinician.put(path, ENTRY).headers["ETag"]
    planned = about(look, pause)

    taken = take_away(clinician, path, tag)

    assert (planned, about(look, pause)) == ([("planned", None)], [("cancelled", "not_in_plan")])
    assert (taken.status_code, taken.json["state"], taken.json["instruction"]) == (200, "blank", None)
    assert "ETag" not in taken.headers
    assert patient.get(path).json == clinician.get(path).json == taken.json
    assert "medicines_pause" in open_slots(coordinator, clinic)
    assert calls_asked(coordinator, clinic) == [[pause]]
    (row,) = look(SlotEntry, id=pause)
    assert (row.deleted, row.due_on, row.instruction_sealed, row.signed_by) == (True, None, None, None)


def test_taking_away_twice_changes_nothing_more_and_a_new_entry_is_new(
    clinician: Caller, coordinator: Caller, clinic: Clinic, look: Look, milestone_id: MilestoneId
) -> None:
    pause = milestone_id("medicines_pause")
    path = f"/milestones/{pause}/slot"
    tag = clinician.put(path, ENTRY).headers["ETag"]
    first = take_away(clinician, path, tag)
    (before,) = look(SlotEntry, id=pause)

    again, without_tag = take_away(clinician, path, tag), take_away(clinician, path)
    (after,) = look(SlotEntry, id=pause)
    renewed = clinician.put(path, ENTRY)

    assert [each.status_code for each in (first, again, without_tag, renewed)] == [200, 200, 200, 201]
    assert (again.json, without_tag.json, after.rev) == (first.json, first.json, before.rev)
    assert (renewed.json["state"], renewed.json["instruction"]) == ("filled", ENTRY["instruction"])
    assert about(look, pause) == [("planned", None)]
    assert len(calls_asked(coordinator, clinic)) == 1
    assert take_away(clinician, path, renewed.headers["ETag"]).status_code == 200
    assert len(calls_asked(coordinator, clinic)) == 2


def test_only_the_entry_that_was_read_is_taken_away_and_only_by_a_clinician(
    clinician: Caller, coordinator: Caller, patient: Caller, foreign_staff: Caller, milestone_id: MilestoneId
) -> None:
    path = f"/milestones/{milestone_id('medicines_pause')}/slot"
    read = clinician.put(path, ENTRY).headers["ETag"]
    present = clinician.put(path, ENTRY | {"due_on": "2026-03-19"}, match=read).headers["ETag"]

    refused = [take_away(clinician, path), take_away(clinician, path, read)]
    others = [take_away(each, path, present) for each in (coordinator, patient, foreign_staff)]

    assert [each.status_code for each in refused] == [428, 412]
    assert [each.status_code for each in others] == [403, 403, 403]
    assert clinician.get(path).json["state"] == "filled"
    assert take_away(clinician, f"/milestones/{milestone_id('drive')}/slot", present).status_code == 404


def test_what_no_patient_could_read_is_taken_away_without_a_call(
    clinician: Caller, coordinator: Caller, clinic: Clinic, session: Session, ahead: Surgery, milestone_id: MilestoneId
) -> None:
    fasting, wash = (f"/milestones/{milestone_id(key)}/slot" for key in ("fasting", "skin_wash"))
    clinician.put(fasting, FASTING)
    clinician.put(wash, {"due_on": "2026-03-22", "instruction": "Wash with the soap."})
    ahead.surgery_on = date(2026, 3, 30)
    replan(session, ahead)
    stale = clinician.get(wash)

    taken = [take_away(clinician, path, clinician.get(path).headers["ETag"]) for path in (fasting, wash)]

    assert stale.json["is_stale"] is True
    assert [(each.status_code, each.json["state"]) for each in taken] == [(200, "blank"), (200, "blank")]
    assert clinician.get(wash).json["is_stale"] is False
    assert calls_asked(coordinator, clinic) == []


def test_an_entry_of_a_surgery_that_is_over_or_was_called_off_stays(
    clinician: Caller, session: Session, ahead: Surgery, milestone_id: MilestoneId
) -> None:
    path = f"/milestones/{milestone_id('medicines_pause')}/slot"
    clinician.put(path, ENTRY)
    ahead.surgery_on = date(2026, 3, 1)
    replan(session, ahead)

    refused = take_away(clinician, path, clinician.get(path).headers["ETag"])

    assert refused.status_code == 409
    assert clinician.get(path).json["instruction"] == ENTRY["instruction"]


def test_what_was_taken_away_counts_in_no_plan_and_waits_for_a_clinician(
    clinician: Caller, clinic: Clinic, milestone_id: MilestoneId
) -> None:
    path = f"/milestones/{milestone_id('medicines_pause')}/slot"

    def waiting() -> list[str]:
        progress = clinician.get(f"/episodes/{clinic.episode.id}/progress").json
        return [each["reason"] for each in progress["waiting_for_clinic"] if each["key"] == "medicines_pause"]

    entered = clinician.put(path, ENTRY)
    with_entry = waiting()
    take_away(clinician, path, entered.headers["ETag"])

    assert (with_entry, waiting()) == ([], ["to_fill"])
