"""Enrolled patients move to a newer protocol version: each shown first, then all, some or none; nothing is hidden."""

from typing import Any

import pytest

from models import Milestone, Reminder, Restriction, Surgery
from models.audit import AuditEntry
from tests.api.conftest import Answer, Caller, Clinic, Look
from tests.api.test_own_protocols import DISC, act, copy_disc

MIGRATIONS = f"{DISC}/migrations"
WORDS = {"en": "Ask us whether you may drive.", "es": "Pregunte si puede conducir."}
TEXTS = {"texts": {"reminders": {"drive": {"ask": WORDS}}, "milestones": {"drive": WORDS}}}
LATER = {"milestones": {"drive": {"earliest": 14, "target": 21, "latest": 28}}}


def release(caller: Caller, edits: dict[str, Any]) -> None:
    """Release a copy of what the clinic's patients are under, with `edits`."""
    copy_disc(caller)
    caller.amend(DISC, edits)
    found = [each["id"] for each in caller.get(f"{DISC}/findings").json["items"]]
    act(caller, "sign", {"acknowledged": found})
    assert act(caller, "release").status_code == 200


def dry_run(caller: Caller) -> dict[str, Any]:
    """Return what the migration would do, by episode."""
    answer = caller.post(MIGRATIONS)
    assert answer.status_code == 200, answer.json
    return {each["episode_id"]: each for each in answer.json["episodes"]}


def apply(caller: Caller, *shown: dict[str, Any]) -> Answer:
    chosen = [{"episode_id": each["episode_id"], "token": each["token"]} for each in shown]
    return caller.post(MIGRATIONS, {"apply": chosen})


def dates_of(look: Look, clinic: Clinic) -> list[tuple[Any, ...]]:
    """Return every date, day and instant of the clinic's plans."""
    milestones = [
        (row.id, row.earliest_on, row.target_on, row.latest_on, row.eligible_on, row.cancelled_at)
        for row in look(Milestone, practice_id=clinic.id)
    ]
    restrictions = [
        (row.id, row.from_on, row.through_on, row.eligible_on, row.limit_lb, row.cancelled_at)
        for row in look(Restriction, practice_id=clinic.id)
    ]
    reminders = [
        (row.id, row.due_at, row.scheduled_on, row.generation, row.state)
        for row in look(Reminder, practice_id=clinic.id)
    ]
    return [*milestones, *restrictions, *reminders]


def test_a_dry_run_shows_every_patient_with_what_would_change_and_changes_nothing(
    clinician: Caller, clinic: Clinic, look: Look
) -> None:
    release(clinician, LATER)
    before = dates_of(look, clinic)

    shown = dry_run(clinician)

    assert shown.keys() == {clinic.episode.id, clinic.other_episode.id}
    one = shown[clinic.episode.id]
    (drive,) = [each for each in one["milestones"] if each["key"] == "drive"]
    assert one["surgeries"] == [{"surgery_id": clinic.surgery.id, "pinned": "MD-MISS@1"}]
    assert (drive["change"], drive["was_target_on"], drive["target_on"]) == ("moved", "2026-03-09", "2026-03-16")
    assert one["redates"] is True
    assert dates_of(look, clinic) == before


def test_some_move_and_the_others_stay(clinician: Caller, clinic: Clinic, look: Look) -> None:
    release(clinician, LATER)
    shown = dry_run(clinician)

    applied = apply(clinician, shown[clinic.episode.id])

    pins = {row.id: row.protocol_id for row in look(Surgery, practice_id=clinic.id)}
    (drive,) = look(Milestone, practice_id=clinic.id, episode_id=clinic.episode.id, key="drive")
    (other,) = look(Milestone, practice_id=clinic.id, episode_id=clinic.other_episode.id, key="drive")
    assert [each["outcome"] for each in applied.json["results"]] == ["applied"]
    assert pins == {clinic.surgery.id: "hudson-disc", clinic.other_surgery.id: "MD-MISS"}
    assert (drive.target_days, other.target_days) == (21, 14)
    assert dry_run(clinician).keys() == {clinic.other_episode.id}


def test_an_edit_of_texts_only_moves_no_date_and_no_message(clinician: Caller, clinic: Clinic, look: Look) -> None:
    release(clinician, TEXTS)
    before = dates_of(look, clinic)
    shown = dry_run(clinician)

    applied = apply(clinician, *shown.values())

    (drive,) = look(Milestone, practice_id=clinic.id, episode_id=clinic.episode.id, key="drive")
    assert [each["redates"] for each in shown.values()] == [False, False]
    assert [each["outcome"] for each in applied.json["results"]] == ["applied", "applied"]
    assert dates_of(look, clinic) == before
    assert drive.text == WORDS


def test_a_token_from_before_a_change_moves_nobody(clinician: Caller, clinic: Clinic, look: Look) -> None:
    release(clinician, LATER)
    shown = dry_run(clinician)
    (walking,) = look(Milestone, practice_id=clinic.id, episode_id=clinic.episode.id, key="walk30")
    assert clinician.post(f"/milestones/{walking.id}/achieve", {}).status_code == 200

    applied = apply(clinician, *shown.values())

    outcomes = {each["episode_id"]: each["outcome"] for each in applied.json["results"]}
    assert outcomes == {clinic.episode.id: "stale", clinic.other_episode.id: "applied"}


def test_what_was_achieved_and_has_no_place_keeps_its_patient_where_they_are(
    clinician: Caller, clinic: Clinic, look: Look
) -> None:
    (walking,) = look(Milestone, practice_id=clinic.id, episode_id=clinic.episode.id, key="walk30")
    clinician.post(f"/milestones/{walking.id}/achieve", {})
    release(clinician, {"milestones": {"walk30": None}})

    shown = dry_run(clinician)
    forced = clinician.post(MIGRATIONS, {"apply": [{"episode_id": clinic.episode.id, "token": "0" * 64}]})

    one, other = shown[clinic.episode.id], shown[clinic.other_episode.id]
    assert one["against"] == [{"key": "walk30", "occurrence": 1, "obstacle": "no_place"}]
    assert one["token"] is None
    assert other["against"] == []
    assert [each["outcome"] for each in forced.json["results"]] == ["stale"]


def test_nobody_moves_to_a_draft_or_a_retired_version(clinician: Caller, coordinator: Caller) -> None:
    copy_disc(clinician)
    draft = clinician.post(MIGRATIONS)
    act(clinician, "sign")
    act(clinician, "release")
    lay = coordinator.post(MIGRATIONS)
    act(clinician, "retire")
    retired = clinician.post(MIGRATIONS)

    assert [each.status_code for each in (draft, lay, retired)] == [409, 403, 409]


def test_who_pins_a_retired_version_keeps_a_whole_plan(clinician: Caller, clinic: Clinic) -> None:
    release(clinician, LATER)
    apply(clinician, *dry_run(clinician).values())
    act(clinician, "retire")

    plan = clinician.get(f"/episodes/{clinic.episode.id}/plan")
    walking = next(each for each in plan.json["milestones"] if each["key"] == "walk30")
    achieved = clinician.post(f"/milestones/{walking['id']}/achieve", {})
    reopened = clinician.post(f"/milestones/{walking['id']}/reopen", {})

    assert (plan.status_code, achieved.status_code, reopened.status_code) == (200, 200, 200)


def test_another_clinics_patients_are_neither_shown_nor_moved(
    clinician: Caller, clinic: Clinic, foreign_clinic: Clinic, look: Look
) -> None:
    release(clinician, LATER)
    shown = dry_run(clinician)
    token = shown[clinic.episode.id]["token"]

    applied = clinician.post(
        MIGRATIONS, {"apply": [{"episode_id": each, "token": token} for each in (foreign_clinic.episode.id, "nothing")]}
    )

    assert foreign_clinic.episode.id not in shown
    assert [each["outcome"] for each in applied.json["results"]] == ["unknown", "unknown"]
    assert {row.protocol_id for row in look(Surgery, practice_id=foreign_clinic.id)} == {"MD-MISS"}


def test_a_migration_comes_in_pages_and_leaves_an_entry_for_each_patient(
    clinician: Caller, clinic: Clinic, look: Look
) -> None:
    release(clinician, LATER)

    first = clinician.post(MIGRATIONS, {"limit": 1}).json
    second = clinician.post(MIGRATIONS, {"limit": 1, "after": first["next"]}).json
    apply(clinician, *first["episodes"], *second["episodes"])

    moved = [row for row in look(AuditEntry, practice_id=clinic.id) if "episode_id" in row.about]
    assert {each["episode_id"] for page in (first, second) for each in page["episodes"]} == {
        clinic.episode.id,
        clinic.other_episode.id,
    }
    assert second["next"] is None
    assert [row.about["protocol"] for row in moved] == ["hudson-disc@1", "hudson-disc@1"]


@pytest.mark.sqlite_only
@pytest.mark.parametrize("body", [{"limit": 0}, {"apply": []}, {"apply": [{"episode_id": "a"}]}, {"token": "x"}])
def test_a_bad_body_is_refused(clinician: Caller, body: dict[str, Any]) -> None:
    release(clinician, {})

    assert clinician.post(MIGRATIONS, body).status_code == 422
