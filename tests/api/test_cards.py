"""Cards about daily life: a clinic edits and signs them, and a patient reads those of today."""

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import CardVersion, Surgery
from models.people import StaffRole
from schedules.plan.vocabulary import EpisodeStatus, Language, Procedure, SurgeryStatus
from tests import builders
from tests.api.conftest import Answer, Caller, Clinic, Look, as_staff
from tests.clock import FixedClock

STAIRS = "/cards/stairs/en"
EDIT = {
    "title": "Our stairs",
    "statements": [
        {"text": "Hold the rail."},
        {"text": "Stitches come out at the check of your wound.", "grade": "D", "sources": ["S52"]},
    ],
    "from_day": 0,
    "through_day": 10,
}


def tag(caller: Caller, path: str = STAIRS) -> str:
    return str(caller.get(path).headers["ETag"])


def edit(caller: Caller, body: dict[str, object] | None = None, path: str = STAIRS) -> Answer:
    return caller.put(path, EDIT | (body or {}), match=tag(caller, path))


def sign(caller: Caller, path: str = STAIRS) -> Answer:
    return caller.post(f"{path}/sign", headers={"If-Match": tag(caller, path)})


def shown(caller: Caller) -> dict[str, dict[str, object]]:
    return {each["id"]: each for each in caller.get("/me/cards").json["items"]}


def test_what_ships_is_listed_in_both_languages_as_an_unsigned_draft(coordinator: Caller) -> None:
    items = coordinator.get("/cards").json["items"]

    assert {each["id"] for each in items} >= {"dressing", "bathing", "sex", "refills"}
    assert {each["language"] for each in items} == {"en", "es"}
    assert {each["newest"]["status"] for each in items} == {"draft"}
    assert {each["newest"]["version"] for each in items} == {0}
    (fusion,) = (e for e in items if e["id"].startswith("painkillers") and e["language"] == "en")
    assert fusion["procedures"] == ["acdf", "alif", "llif", "tlif"]
    assert (fusion["newest"]["statements"][0]["grade"], fusion["newest"]["statements"][0]["sources"]) == ("D", ["S72"])


def test_an_edit_is_a_version_that_patients_see_once_a_clinician_has_signed_it(
    coordinator: Caller, clinician: Caller, patient: Caller, clinic: Clinic
) -> None:
    before = shown(patient)["stairs"]

    edited = edit(clinician)
    unsigned = shown(patient)["stairs"]
    by_another, signed = sign(coordinator), sign(clinician)
    again = clinician.post(f"{STAIRS}/sign")
    after = shown(patient)["stairs"]

    assert (before["version"], before["status"], before["signed_by"]) == (0, "draft", None)
    assert (edited.status_code, edited.json["newest"]["version"], edited.json["in_use"]["version"]) == (200, 1, 0)
    assert edited.json["newest"]["edited_by"] == clinic.clinician.display_name
    assert unsigned == before
    assert (by_another.status_code, signed.status_code, again.status_code) == (403, 200, 200)
    assert (after["version"], after["status"], after["title"]) == (1, "signed", "Our stairs")
    assert (after["signed_by"], after["signed_on"]) == (clinic.clinician.display_name, "2026-03-02")
    statements = after["statements"]
    assert statements == [
        {"text": "Hold the rail.", "grade": "E", "sources": []},
        {"text": "Stitches come out at the check of your wound.", "grade": "D", "sources": ["S52"]},
    ]


def test_a_signature_is_under_exactly_what_was_read(clinician: Caller, look: Look) -> None:
    seen = tag(clinician)
    edit(clinician)

    refused = clinician.post(f"{STAIRS}/sign", headers={"If-Match": seen})
    blind = clinician.post(f"{STAIRS}/sign")

    assert (refused.status_code, blind.status_code) == (412, 428)
    assert [row.signed_at for row in look(CardVersion)] == [None]


def test_two_who_edit_one_card_do_not_overwrite_each_other_and_the_same_text_is_no_version(clinician: Caller) -> None:
    seen = tag(clinician)
    first = clinician.put(STAIRS, EDIT, match=seen)

    second = clinician.put(STAIRS, EDIT | {"title": "Theirs"}, match=seen)
    blind, same = clinician.put(STAIRS, EDIT | {"title": "Theirs"}), clinician.put(STAIRS, EDIT)

    assert (first.status_code, second.status_code, blind.status_code, same.status_code) == (200, 412, 428, 200)
    assert same.json["newest"]["version"] == 1


def test_what_ships_can_be_signed_as_it_is_and_each_language_by_itself(
    clinician: Caller, patient: Caller, session: Session, clinic: Clinic
) -> None:
    english = shown(patient)["stairs"]["statements"]
    signed = sign(clinician).json

    assert (signed["newest"]["version"], signed["in_use"]["status"]) == (1, "signed")
    assert shown(patient)["stairs"]["statements"] == english
    session.get_one(type(clinic.patient), (clinic.id, clinic.patient.id)).language = Language.es
    session.commit()
    spanish = shown(patient)["stairs"]
    assert (spanish["title"], spanish["status"]) == ("Escaleras", "draft")


def test_versions_are_kept_and_paged_the_latest_first(clinician: Caller, coordinator: Caller) -> None:
    for number in range(1, 4):
        edit(clinician, {"title": f"Stairs, edit {number}"})
    sign(clinician)

    page = coordinator.get(f"{STAIRS}/versions?limit=2").json
    rest = coordinator.get(f"{STAIRS}/versions?limit=2&after={page['next']}").json

    assert [each["version"] for each in page["items"] + rest["items"]] == [3, 2, 1]
    assert [each["status"] for each in page["items"] + rest["items"]] == ["signed", "draft", "draft"]
    assert rest["next"] is None


def test_a_draft_above_a_signed_version_leaves_the_signed_one_in_use(clinician: Caller, patient: Caller) -> None:
    edit(clinician)
    sign(clinician)

    later = edit(clinician, {"title": "Not yet"}).json

    assert (later["newest"]["version"], later["in_use"]["version"]) == (2, 1)
    assert shown(patient)["stairs"]["title"] == "Our stairs"


def test_a_card_that_is_signed_as_not_shown_is_shown_to_nobody(clinician: Caller, patient: Caller) -> None:
    edit(clinician, {"is_shown": False})
    before = "stairs" in shown(patient)
    sign(clinician)

    assert before
    assert "stairs" not in shown(patient)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"statements": [{"text": "Lift at most 20 pounds."}]}, "/statements/0/text"),
        ({"statements": [{"text": "Ask about driving."}, {"text": "You may."}]}, "/statements/1/text"),
        ({"title": "Driving after 14 days"}, "/title"),
        ({"statements": [{"text": "Hold on.", "grade": "A"}]}, "/statements/0/sources"),
        ({"statements": [{"text": "Hold on.", "sources": ["S9999"]}]}, "/statements/0/sources"),
        ({"statements": []}, "/statements"),
        ({"from_day": 11}, "/from_day"),
        ({"through_day": 731}, "/through_day"),
    ],
)
def test_what_could_contradict_a_plan_or_has_no_source_is_refused(
    clinician: Caller, look: Look, change: dict[str, object], pointer: str
) -> None:
    refused = edit(clinician, change)

    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json["errors"]] == [pointer]
    assert "pounds" not in refused.text
    assert look(CardVersion) == []


@pytest.mark.sqlite_only
def test_an_unknown_card_or_language_is_not_found(clinician: Caller) -> None:
    paths = ("/cards/nothing/en", "/cards/stairs/fr", "/cards/stairs/fr/versions")
    assert [clinician.get(path).status_code for path in paths] == [404, 404, 404]


def test_a_patient_reads_the_cards_of_their_surgery_on_their_days(
    patient: Caller, session: Session, clinic: Clinic, clock: FixedClock
) -> None:
    on_day_7 = set(shown(patient))
    surgery = session.get_one(Surgery, (clinic.id, clinic.surgery.id))
    surgery.surgery_on = date(2026, 3, 2) - timedelta(days=15)
    session.commit()
    on_day_15 = set(shown(patient))
    surgery.procedure = Procedure.tlif
    session.commit()
    of_fusion = set(shown(patient))
    surgery.status = SurgeryStatus.cancelled
    session.commit()

    fusion = "painkillers_and_nicotine_after_fusion"
    assert "dressing" in on_day_7
    assert not {"dressing_kyphoplasty", fusion} & on_day_7
    assert on_day_7 - on_day_15 == {"dressing"}
    assert of_fusion - on_day_15 == {fusion}
    assert shown(patient) == {}


def test_no_card_is_shown_for_a_closed_episode(patient: Caller, session: Session, clinic: Clinic) -> None:
    session.get_one(type(clinic.episode), (clinic.id, clinic.episode.id)).status = EpisodeStatus.closed
    session.commit()

    assert shown(patient) == {}


def test_nothing_new_is_304_until_a_card_or_the_day_changes(
    patient: Caller, clinician: Caller, clock: FixedClock
) -> None:
    first = patient.get("/me/cards")

    def again() -> int:
        return int(patient.get("/me/cards", headers={"If-None-Match": first.headers["ETag"]}).status_code)

    unchanged = again()
    sign(clinician)
    after_signature = again()

    assert (first.status_code, unchanged, after_signature) == (200, 304, 200)


def test_another_clinic_sees_nothing_of_an_edit(
    app: Flask, session: Session, clinician: Caller, foreign_clinic: Clinic
) -> None:
    edit(clinician)
    sign(clinician)
    foreign = as_staff(app, session, foreign_clinic.clinician)

    assert foreign.get(STAIRS).json["newest"]["version"] == 0
    assert foreign.get(f"{STAIRS}/versions").json["items"] == []
    assert edit(foreign).json["newest"]["version"] == 1


def test_who_may_edit_sign_and_read(
    app: Flask, session: Session, clinic: Clinic, coordinator: Caller, patient: Caller
) -> None:
    admin = as_staff(app, session, builders.staff(session, clinic.practice, role=StaffRole.practice_admin))

    assert edit(coordinator).status_code == 403
    assert edit(admin).status_code == 200
    assert sign(admin).status_code == 403
    assert patient.get("/cards").status_code == 403
    assert coordinator.get("/me/cards").status_code == 403
