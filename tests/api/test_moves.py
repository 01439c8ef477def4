"""Moves: shown before they happen, applied as shown or not at all, and told of afterwards."""

import base64
from datetime import date, time, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import Milestone, Reminder, Surgery, SyncClock
from models.audit import AuditAction, AuditEntry
from models.change import PlanChange
from models.people import StaffRole
from models.reminder import Delivery
from models.report import Task, TaskKind
from schedules.plan.vocabulary import Approach, ApproachClass, Procedure, SurgeryStatus
from schedules.planning import plan_episode
from tests import builders
from tests.api.conftest import Answer, Caller, Clinic, Look, as_staff
from tests.clock import MONDAY_AFTERNOON, FixedClock

DAY_0, A_WEEK_LATER = date(2026, 3, 16), date(2026, 3, 23)
WEEK = timedelta(days=7)


@pytest.fixture
def surgery(session: Session, clinic: Clinic) -> Surgery:
    """Return a tubular microdiscectomy that is planned for two weeks from now, with its plan."""
    return planned(session, clinic)


def planned(session: Session, clinic: Clinic, **changes: Any) -> Surgery:
    episode = builders.episode(session, builders.patient(session, clinic.practice))
    of_surgery = {"surgery_on": DAY_0, "status": SurgeryStatus.planned, "dated_at": MONDAY_AFTERNOON}
    surgery = builders.surgery(session, episode, **of_surgery | changes)
    session.commit()
    plan_episode(session, clinic.id, episode.id, MONDAY_AFTERNOON)
    session.commit()
    return surgery


def dry_run(caller: Caller, surgery: Surgery, *changes: dict[str, Any], **more: Any) -> Answer:
    """Ask what changes of the surgery would do; each is of that surgery unless it names another."""
    named = [{"surgery_id": surgery.id} | change for change in changes]
    body = {"changes": named, "reason": "clinic_schedule", "dry_run": True} | more
    return caller.post(f"/episodes/{surgery.episode_id}/moves", json=body)


def apply(caller: Caller, surgery: Surgery, token: str) -> Answer:
    return caller.post(f"/episodes/{surgery.episode_id}/moves", json={"token": token})


def moved(to: date = A_WEEK_LATER) -> dict[str, Any]:
    return {"change": "date_moved", "surgery_on": to.isoformat()}


def by_key(answer: Answer, name: str, key: str) -> dict[str, Any]:
    (found,) = [each for each in answer.json[name] if each["key"] == key]
    return dict(found)


def faults(answer: Answer) -> list[tuple[str, str, str]]:
    return [(each["pointer"], each["expected"], each["got"]) for each in answer.json["errors"]]


def test_a_dry_run_shows_every_item_with_what_it_was(coordinator: Caller, surgery: Surgery) -> None:
    answer = dry_run(coordinator, surgery, moved())

    assert answer.status_code == 200
    assert (answer.json["dry_run"], answer.json["expires_at"]) == (True, "2026-03-02T16:00:00Z")
    (told,) = answer.json["surgeries"]
    assert told["was"] == {"surgery_on": "2026-03-16"}
    assert told["becomes"] == {"surgery_on": "2026-03-23"}
    walking = by_key(answer, "milestones", "walk30")
    assert (walking["change"], walking["was_target_on"], walking["target_on"]) == ("moved", "2026-03-30", "2026-04-06")
    lifting = [each for each in answer.json["restrictions"] if each["kind"] == "lifting"]
    assert {(each["change"], each["was_from_on"]) for each in lifting[:1]} == {("moved", "2026-03-16")}
    goal = next(each for each in answer.json["reminders"] if (each["milestone_key"], each["key"]) == ("walk30", "goal"))
    assert (goal["change"], goal["was_due_at"], goal["due_at"], goal["answer"], goal["is_correction"]) == (
        "moved",
        "2026-03-30T13:00:00Z",
        "2026-04-06T13:00:00Z",
        "effective",
        False,
    )
    assert answer.json["correction"] is None


def test_a_dry_run_stores_nothing_but_its_audit_entry(
    coordinator: Caller, surgery: Surgery, look: Look, clinic: Clinic, engine: Engine
) -> None:
    def stored() -> list[Any]:
        with engine.connect().execution_options(reads=True) as connection:
            revision = connection.scalar(select(SyncClock.revision).filter_by(practice_id=clinic.id))
        return [revision, *(len(look(model)) for model in (Milestone, Reminder, Delivery, PlanChange))]

    before = stored()

    dry_run(coordinator, surgery, moved())

    assert stored() == before
    route = "POST /api/v1/episodes/{episode_id}/moves"
    assert [(row.action, row.status) for row in look(AuditEntry, route=route)] == [(AuditAction.read, 200)]


def test_the_token_applies_exactly_what_was_shown(
    coordinator: Caller, clinician: Caller, surgery: Surgery, look: Look, clinic: Clinic
) -> None:
    shown = dry_run(coordinator, surgery, moved())

    answer = apply(coordinator, surgery, shown.json["token"])

    assert answer.status_code == 200
    assert look(Surgery, id=surgery.id)[0].surgery_on == A_WEEK_LATER
    targets = {row.id: row.target_on for row in look(Milestone, episode_id=surgery.episode_id)}
    shown_targets = {each["id"]: each["target_on"] for each in shown.json["milestones"]}
    assert shown_targets == {key: day.isoformat() if day else None for key, day in targets.items()}
    due = {row.id: row.due_at for row in look(Reminder, episode_id=surgery.episode_id)}
    for item in shown.json["reminders"]:
        if item["change"] == "moved":
            assert due[item["id"]].isoformat().replace("+00:00", "Z") == item["due_at"]
    route = "POST /api/v1/episodes/{episode_id}/moves"
    assert {row.action for row in look(AuditEntry, route=route)} == {AuditAction.read, AuditAction.write}


def test_an_applied_move_answers_what_became_of_each_reminder_and_is_kept(
    coordinator: Caller, surgery: Surgery, clinic: Clinic
) -> None:
    shown = dry_run(coordinator, surgery, moved(), reason="other", reason_text="The theatre is flooded")

    answer = apply(coordinator, surgery, shown.json["token"])

    assert {each["answer"] for each in answer.json["answers"]} == {"effective"}
    expected = {each["id"]: each["answer"] for each in shown.json["reminders"] if each["answer"] is not None}
    assert {each["reminder_id"]: each["answer"] for each in answer.json["answers"]} == expected
    assert (answer.json["reason"], answer.json["reason_text"]) == ("other", "The theatre is flooded")
    assert (answer.json["changed_by"], answer.json["changed_at"]) == (clinic.coordinator.id, "2026-03-02T15:00:00Z")
    plan = coordinator.get(f"/episodes/{surgery.episode_id}/plan")
    assert answer.json["rev"] == plan.json["revision"] if "revision" in plan.json else answer.json["rev"] > 0
    history = coordinator.get(f"/episodes/{surgery.episode_id}/moves")
    assert history.json == {"items": [answer.json], "next": None}


def test_a_token_that_is_sent_twice_moves_once_and_answers_the_same(
    coordinator: Caller, surgery: Surgery, look: Look, clock: FixedClock
) -> None:
    token = dry_run(coordinator, surgery, moved()).json["token"]
    first = apply(coordinator, surgery, token)
    clock.advance(timedelta(hours=2))

    again = apply(coordinator, surgery, token)

    assert (again.status_code, again.json) == (200, first.json)
    assert len(look(PlanChange)) == 1


def test_a_move_back_restores_what_was(coordinator: Caller, surgery: Surgery, look: Look) -> None:
    def days() -> list[Any]:
        rows = look(Milestone, episode_id=surgery.episode_id)
        return [(row.key, row.earliest_on, row.target_on, row.latest_on, row.cancelled_at) for row in rows]

    before = days()
    for to in (A_WEEK_LATER, DAY_0):
        shown = dry_run(coordinator, surgery, moved(to))
        assert apply(coordinator, surgery, shown.json["token"]).status_code == 200

    assert days() == before


@pytest.mark.parametrize("what", ["milestone", "surgery", "settings"])
def test_what_changed_since_the_dry_run_is_never_overrun(
    coordinator: Caller, surgery: Surgery, look: Look, what: str, session: Session
) -> None:
    token = dry_run(coordinator, surgery, moved()).json["token"]
    if what == "milestone":
        (row,) = look(Milestone, episode_id=surgery.episode_id, key="education")
        assert coordinator.post(f"/milestones/{row.id}/achieve").status_code == 200
    elif what == "surgery":
        assert coordinator.amend(f"/surgeries/{surgery.id}", {"arrival_at": "06:30"}).status_code == 200
    else:
        assert coordinator.amend(f"/patients/{surgery.patient_id}", {"time_zone": "America/Denver"}).status_code == 200

    answer = apply(coordinator, surgery, token)

    assert (answer.status_code, answer.json["code"]) == (409, "move_stale")
    assert faults(answer) == [("/token", "the token of a dry run from what is stored now", "one from before")]
    assert look(Surgery, id=surgery.id)[0].surgery_on == DAY_0


def test_of_two_tokens_from_one_state_the_second_is_refused(coordinator: Caller, surgery: Surgery) -> None:
    first = dry_run(coordinator, surgery, moved()).json["token"]
    second = dry_run(coordinator, surgery, moved(date(2026, 3, 30))).json["token"]

    assert apply(coordinator, surgery, first).status_code == 200
    assert apply(coordinator, surgery, second).status_code == 409


def test_a_token_is_good_for_an_hour(coordinator: Caller, surgery: Surgery, clock: FixedClock) -> None:
    token = dry_run(coordinator, surgery, moved()).json["token"]
    clock.advance(timedelta(minutes=59, seconds=59))
    before_long = dry_run(coordinator, surgery, moved()).json["token"]
    clock.advance(timedelta(seconds=1))

    answer = apply(coordinator, surgery, token)

    assert faults(answer) == [("/token", "the token of a dry run within the last hour", "an older one")]
    assert apply(coordinator, surgery, before_long).status_code == 200


def test_a_token_that_is_not_of_this_episode_is_refused(
    coordinator: Caller, surgery: Surgery, clinic: Clinic, foreign_staff: Caller, foreign_clinic: Clinic
) -> None:
    token = dry_run(coordinator, surgery, moved()).json["token"]
    forged = [token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"), token[:40], "a" * 200, "ä", "=", "A"]
    refusal = [("/token", "the token of a dry run of this episode", "another text")]

    for each in forged:
        assert faults(apply(coordinator, surgery, each)) == refusal
    for caller, of in ((coordinator, clinic), (foreign_staff, foreign_clinic)):
        answer = caller.post(f"/episodes/{of.episode.id}/moves", json={"token": token})
        assert (answer.status_code, faults(answer)) == (422, refusal)


def test_what_stands_in_a_token_cannot_be_read(coordinator: Caller, surgery: Surgery) -> None:
    shown = dry_run(coordinator, surgery, moved(), reason="other", reason_text="The theatre is flooded")

    token: str = shown.json["token"]
    assert b"flooded" not in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def test_a_conversion_in_theatre_takes_the_open_protocol(clinician: Caller, clinic: Clinic, look: Look) -> None:
    change = {"change": "approach_changed", "approach": "open"}
    shown = dry_run(clinician, clinic.surgery, change, reason="converted_in_theatre")

    assert shown.json["surgeries"][0]["becomes"] == {
        "approach": "open", "approach_class": "open", "protocol_id": "MD-OPEN", "protocol_version": 1
    }  # fmt: skip
    assert apply(clinician, clinic.surgery, shown.json["token"]).status_code == 200
    (row,) = look(Surgery, id=clinic.surgery.id)
    assert (row.approach, row.approach_class, row.protocol_id) == (Approach.open, ApproachClass.open, "MD-OPEN")


@pytest.mark.parametrize(
    "change",
    [
        {"change": "approach_changed", "approach": "open"},
        {"change": "levels_changed", "levels": ["L5-S1"]},
        {"change": "procedure_changed", "procedure": "lumbar_laminectomy"},
    ],
)
def test_who_administers_a_practice_moves_dates_and_converts_nothing(
    app: Flask, session: Session, clinic: Clinic, surgery: Surgery, change: dict[str, Any]
) -> None:
    admin = as_staff(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))

    assert dry_run(admin, surgery, moved()).status_code == 200
    answer = dry_run(admin, surgery, change)

    assert answer.status_code == 403
    assert faults(answer) == [("/changes/0/change", "a clinician or coordinator", "another role")]


@pytest.mark.parametrize("procedure", ["alif", "llif"])
@pytest.mark.parametrize("change", [{"approach": "open"}, {"approach": "mini_open", "approach_class": "open"}])
def test_an_anterior_or_lateral_fusion_has_no_open_protocol_so_the_surgeon_is_asked(
    session: Session, clinic: Clinic, clinician: Caller, procedure: str, change: dict[str, str]
) -> None:
    pinned = {"protocol_id": f"{procedure.upper()}-MISS", "approach": Approach.mini_open}
    surgery = planned(session, clinic, procedure=Procedure(procedure), **pinned)

    answer = dry_run(clinician, surgery, {"change": "approach_changed"} | change)

    ((pointer, expected, got),) = faults(answer)
    assert (answer.status_code, pointer, got) == (422, "/changes/0/approach", change["approach"])
    assert expected == (
        f"a minimally invasive approach: an open {procedure} has no protocol, so ask the surgeon; "
        "where open posterior fixation was added, procedure_changed to tlif with approach open"
    )


def test_the_date_of_a_performed_surgery_is_corrected_never_moved_nor_cleared(
    coordinator: Caller, clinic: Clinic
) -> None:
    earlier = {"change": "date_moved", "surgery_on": "2026-02-22"}
    expected = "the reason entry_corrected: the date of a performed surgery is corrected, never moved"

    answer = dry_run(coordinator, clinic.surgery, earlier)
    assert (answer.status_code, faults(answer)) == (409, [("/changes/0/change", expected, "clinic_schedule")])
    for kind in ("date_cleared", "surgery_cancelled"):
        answer = dry_run(coordinator, clinic.surgery, {"change": kind}, reason="entry_corrected")
        assert faults(answer) == [("/changes/0/change", "a surgery that is still planned", "a performed one")]
    ahead = {"change": "date_moved", "surgery_on": "2026-03-03"}
    answer = dry_run(coordinator, clinic.surgery, ahead, reason="entry_corrected")
    assert faults(answer) == [
        ("/changes/0/surgery_on", "a date up to 2026-03-02, since the surgery was performed", "2026-03-03")
    ]
    assert dry_run(coordinator, clinic.surgery, earlier, reason="entry_corrected").status_code == 200


def test_a_cleared_date_and_one_set_again(coordinator: Caller, surgery: Surgery, look: Look) -> None:
    cleared = dry_run(coordinator, surgery, {"change": "date_cleared"})
    assert apply(coordinator, surgery, cleared.json["token"]).status_code == 200
    assert {row.target_on for row in look(Milestone, episode_id=surgery.episode_id)} == {None}

    assert faults(dry_run(coordinator, surgery, moved())) == [
        ("/changes/0/change", "date_set, since the surgery has no date", "date_moved")
    ]
    again = dry_run(coordinator, surgery, {"change": "date_set", "surgery_on": "2026-03-23"})

    assert apply(coordinator, surgery, again.json["token"]).status_code == 200
    assert look(Surgery, id=surgery.id)[0].surgery_on == A_WEEK_LATER


def test_an_arrival_time_does_not_go_along_by_itself(
    session: Session, clinic: Clinic, coordinator: Caller, look: Look
) -> None:
    surgery = planned(session, clinic, arrival_at=time(6, 30))

    shown = dry_run(coordinator, surgery, moved())
    given = dry_run(coordinator, surgery, moved() | {"arrival_at": "07:15"})

    assert shown.json["surgeries"][0]["was"] == {"surgery_on": "2026-03-16", "arrival_at": "06:30"}
    assert shown.json["surgeries"][0]["becomes"] == {"surgery_on": "2026-03-23", "arrival_at": None}
    assert given.json["surgeries"][0]["becomes"] == {"surgery_on": "2026-03-23", "arrival_at": "07:15"}
    apply(coordinator, surgery, shown.json["token"])
    assert look(Surgery, id=surgery.id)[0].arrival_at is None


STAGE = {
    "stage": 2,
    "procedure": "lumbar_laminectomy",
    "approach": "tubular",
    "levels": ["L3-L4"],
    "surgery_on": "2026-04-20",
}


def test_a_stage_is_added_with_a_move_of_the_first_in_one_call(
    coordinator: Caller, surgery: Surgery, look: Look
) -> None:
    added = {"change": "stage_added", "surgery_id": "k7Qm2pXcV9sLwRtA", "surgery": STAGE}

    shown = dry_run(coordinator, surgery, moved(), added)
    assert [each["was"] for each in shown.json["surgeries"]] == [{"surgery_on": "2026-03-16"}, None]
    answer = apply(coordinator, surgery, shown.json["token"])

    assert answer.status_code == 200
    (row,) = look(Surgery, id="k7Qm2pXcV9sLwRtA")
    assert (row.episode_id, row.stage, row.protocol_id) == (surgery.episode_id, 2, "LAM-MISS")
    stored = {row.id for row in look(Milestone, episode_id=surgery.episode_id)}
    assert {each["id"] for each in shown.json["milestones"]} == stored


def test_a_surgery_that_is_called_off_takes_everything_back(coordinator: Caller, surgery: Surgery, look: Look) -> None:
    shown = dry_run(coordinator, surgery, {"change": "surgery_cancelled"}, reason="patient_request")

    answer = apply(coordinator, surgery, shown.json["token"])

    assert look(Surgery, id=surgery.id)[0].status is SurgeryStatus.cancelled
    assert {row.cancel_reason for row in look(Milestone, episode_id=surgery.episode_id)} == {"surgery_cancelled"}
    assert {row.state for row in look(Delivery, patient_id=surgery.patient_id)} == {"cancelled"}
    assert {each["answer"] for each in answer.json["answers"]} == {"effective"}
    (later,) = faults(dry_run(coordinator, surgery, moved()))
    assert later == ("/changes/0/change", "a surgery that still stands", "a cancelled one")


@pytest.mark.parametrize("by", ["move", "patch"])
def test_calling_off_after_advice_corrects_it_by_move_and_by_patch_alike(
    session: Session, clinic: Clinic, coordinator: Caller, look: Look, by: str
) -> None:
    surgery = planned(session, clinic, surgery_on=date(2026, 3, 4))
    (milestone,) = look(Milestone, episode_id=surgery.episode_id, key="fasting")
    reminder = builders.reminder(session, milestone, key="told", state="sent")
    builders.delivery(session, reminder, state="sent", finished_at=MONDAY_AFTERNOON)
    session.commit()

    if by == "move":
        shown = dry_run(coordinator, surgery, {"change": "surgery_cancelled"})
        assert shown.json["correction"] == {
            "surgery_id": surgery.id,
            "key": "surgery_called_off",
            "milestone_keys": ["fasting"],
            "message": "due",
        }
        assert apply(coordinator, surgery, shown.json["token"]).json["correction"] == shown.json["correction"]
    else:
        assert coordinator.amend(f"/surgeries/{surgery.id}", {"status": "cancelled"}).status_code == 200

    (row,) = look(Reminder, episode_id=surgery.episode_id, key="surgery_called_off")
    assert (row.state, row.due_at) == ("planned", MONDAY_AFTERNOON)
    (task,) = look(Task, kind=TaskKind.call_patient)
    assert (task.due_on, task.about["milestone_keys"]) == (date(2026, 3, 2), ["fasting"])


def test_a_dated_surgery_names_the_way_of_moving_it(coordinator: Caller, surgery: Surgery) -> None:
    answer = coordinator.amend(f"/surgeries/{surgery.id}", {"surgery_on": "2026-03-23"})

    assert (answer.status_code, answer.json["code"]) == (409, "needs_move")
    assert "POST /api/v1/episodes/{episode_id}/moves" in answer.json["title"]
