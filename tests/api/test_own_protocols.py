"""A clinic's own protocols: copied, edited, reviewed, signed by a named clinician, released, retired."""

import tomllib

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import Staff
from models.people import StaffRole
from schedules.plan.library import load_library
from tests import builders
from tests.api.conftest import Answer, Caller, Clinic, as_staff

DISC = "/protocols/hudson-disc/versions/1"
NEW_SURGERY = {
    "stage": 1,
    "procedure": "lumbar_microdiscectomy",
    "approach": "tubular",
    "levels": ["L4-L5"],
    "surgery_on": "2026-04-14",
}


def copy_disc(caller: Caller) -> Answer:
    return caller.post("/protocols/MD-MISS/copies", {"version": 1, "id": "hudson-disc"})


def tag(caller: Caller, path: str = DISC) -> str:
    return str(caller.get(path).headers["ETag"])


def act(caller: Caller, action: str, body: dict[str, object] | None = None, path: str = DISC) -> Answer:
    return caller.post(f"{path}/{action}", body or {}, headers={"If-Match": tag(caller, path)})


def put_toml(caller: Caller, toml: str | bytes, *, match: str | None = None, path: str = DISC) -> Answer:
    headers = {} if match is None else {"If-Match": match}
    return caller.call("PUT", path, data=toml, content_type="application/toml", headers=headers)


def release_disc(caller: Caller) -> None:
    copy_disc(caller)
    act(caller, "sign")
    assert act(caller, "release").json["state"] == "released"


def test_a_copy_of_what_ships_is_a_draft_that_says_where_it_came_from(clinician: Caller) -> None:
    copied = copy_disc(clinician)

    shown = clinician.get(DISC).json
    assert copied.status_code == 201
    assert copied.headers["ETag"] == tag(clinician)
    assert (shown["state"], shown["status"], shown["based_on"]) == ("draft", "draft", "MD-MISS@1")
    assert shown["milestones"] == clinician.get("/protocols/MD-MISS/versions/1").json["milestones"]


def test_a_copy_of_an_own_version_is_the_next_version_of_its_id(clinician: Caller) -> None:
    copy_disc(clinician)

    copied = clinician.post("/protocols/hudson-disc/copies", {"version": 1}).json

    assert (copied["id"], copied["version"], copied["based_on"]) == ("hudson-disc", 2, "hudson-disc@1")


@pytest.mark.sqlite_only
@pytest.mark.parametrize("own_id", ["MD-MISS", "md-miss", "Hudson-Disc", "1-disc", "a" * 41])
def test_an_own_id_never_stands_for_one_that_ships(clinician: Caller, own_id: str) -> None:
    refused = clinician.post("/protocols/MD-MISS/copies", {"version": 1, "id": own_id})

    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == "/id"


def test_the_text_comes_back_as_it_was_sent_comments_included(clinician: Caller) -> None:
    copy_disc(clinician)
    toml = clinician.get(f"{DISC}.toml").text.replace("# Lumbar", "# Ours: lumbar")

    stored = put_toml(clinician, toml, match=tag(clinician))
    again = put_toml(clinician, toml)

    assert (stored.status_code, again.status_code) == (200, 200)
    assert clinician.get(f"{DISC}.toml").text == toml
    assert clinician.get(f"{DISC}.toml").content_type == "application/toml; charset=utf-8"


def test_an_upload_alone_makes_a_first_version(clinician: Caller) -> None:
    toml = load_library().files["MD-MISS", 1].replace('id = "MD-MISS"', 'id = "hudson-disc"')

    made = put_toml(clinician, toml)
    skipped = put_toml(
        clinician, toml.replace("version = 1\n", "version = 3\n", 1), path="/protocols/hudson-disc/versions/3"
    )

    assert (made.status_code, made.json["based_on"]) == (201, None)
    assert (skipped.status_code, skipped.json["errors"][0]["expected"]) == (409, "2, the next version")


def test_two_clinicians_who_edit_one_draft_do_not_overwrite_each_other(clinician: Caller) -> None:
    copy_disc(clinician)
    toml, seen = clinician.get(f"{DISC}.toml").text, tag(clinician)
    clinician.patch(DISC, {"title": "Ours"}, match=seen)

    uploaded = put_toml(clinician, toml.replace("Lumbar", "Other", 1), match=seen)
    edited = clinician.patch(DISC, {"title": "Theirs"}, match=seen)
    blind = clinician.patch(DISC, {"title": "Theirs"})

    assert (uploaded.status_code, edited.status_code, blind.status_code) == (412, 412, 428)
    assert clinician.get(DISC).json["title"] == "Ours"


@pytest.mark.parametrize(
    ("good", "bad", "key", "expected", "got"),
    [
        (
            'target = 14, latest = 14, grade = "B"',
            'target = 99, latest = 14, grade = "B"',
            "milestones.drive.earliest",
            "earliest, target and latest day in order",
            "7, 99, 14",
        ),
        ('sources = ["S30"]', 'sources = ["S999"]', "milestones.pt_start.sources", "ids of the bibliography", "'S999'"),
        ("limit_lb = 20", "limit_lb = 5", "lifting.phases", "a limit of 10 lb or more", "5"),
        ("through = 14, limit_lb", "through = 14.5, limit_lb", "lifting.phases[1].through", "a whole number", "14.5"),
        (
            "unrestricted_from = 85",
            "unrestricted_from = 111111111",
            "lifting.unrestricted_from",
            "a whole number from -99999 to 99999",
            "one beyond",
        ),
        ("brace_wean  =", "rtw_sed2 =", "milestones.rtw_sed2.kind", "a kind, as the key is not one", "'rtw_sed2'"),
        (
            "drive       = {",
            'drive = { kind = "visit",',
            "milestones.drive.kind",
            "drive, as the key is that kind",
            "visit",
        ),
        (
            "walk30      = {",
            'lifting_9 = { kind = "lifting_step",',
            "milestones.lifting_9",
            "a kind that plans do not make themselves",
            "lifting_step",
        ),
        (
            'status = "draft"',
            'status = "signed"',
            "status",
            "draft: a signature is given apart from the text",
            "signed",
        ),
        ('id = "hudson-disc"', 'id = "other-disc"', "id", "hudson-disc, as in the path", "another id"),
    ],
)
@pytest.mark.sqlite_only
def test_the_parser_of_what_ships_says_what_is_wrong(
    clinician: Caller, good: str, bad: str, key: str, expected: str, got: str
) -> None:
    copy_disc(clinician)
    toml = clinician.get(f"{DISC}.toml").text
    assert good in toml

    refused = put_toml(clinician, toml.replace(good, bad, 1), match=tag(clinician))

    (error,) = refused.json["errors"]
    assert refused.status_code == 422
    assert (error["key"], error["expected"], error["got"]) == (key, expected, got)
    assert error["file"].endswith(".v1.toml")


@pytest.mark.parametrize(
    "toml",
    [b"\xff", b"x = " + b"[" * 20_000, b"x = " + b"9" * 5_000, b"= 1", b"x = 1\nx = 2", b"", b'title = "\\u0000"'],
    ids=["not UTF-8", "too deep", "a long number", "no key", "twice", "nothing", "NUL"],
)
@pytest.mark.sqlite_only
def test_what_is_no_protocol_at_all_is_refused_in_words(clinician: Caller, toml: bytes) -> None:
    refused = put_toml(clinician, toml)

    assert refused.status_code == 422
    assert refused.json["errors"]


def test_a_changed_day_without_sources_becomes_grade_e(clinician: Caller) -> None:
    copy_disc(clinician)

    clinician.amend(DISC, {"milestones": {"drive": {"earliest": 14, "target": 21, "latest": 28}}})

    drive = tomllib.loads(clinician.get(f"{DISC}.toml").text)["milestones"]["drive"]
    assert drive == {"earliest": 14, "target": 21, "latest": 28, "grade": "E"}
    assert clinician.get(f"{DISC}/diff?against=MD-MISS@1").json == {
        "older": "MD-MISS@1",
        "newer": "hudson-disc@1",
        "redates": True,
        "changes": [
            {
                "where": "milestones.drive",
                "matter": "days",
                "words": "drive: target 14 -> 21 (window 7-14 -> 14-28), grade B -> E, sources S20 S21 -> none",
            }
        ],
    }


@pytest.mark.sqlite_only
def test_an_edit_that_changes_nothing_keeps_every_comment(clinician: Caller) -> None:
    copy_disc(clinician)
    toml, seen = clinician.get(f"{DISC}.toml").text, tag(clinician)

    clinician.amend(DISC, {"milestones": {"drive": {"target": 14}}})

    assert (clinician.get(f"{DISC}.toml").text, tag(clinician)) == (toml, seen)


def test_a_changed_day_keeps_the_grade_that_its_own_sources_give(clinician: Caller) -> None:
    copy_disc(clinician)
    edit = {"target": 10, "grade": "C", "sources": ["S54"]}

    clinician.amend(DISC, {"milestones": {"drive": edit}})
    refused = clinician.amend(DISC, {"milestones": {"drive": {"target": 12, "grade": "B"}}})

    drive = tomllib.loads(clinician.get(f"{DISC}.toml").text)["milestones"]["drive"]
    assert drive == {"earliest": 7, "target": 10, "latest": 14, "grade": "C", "sources": ["S54"]}
    assert refused.status_code == 422
    assert refused.json["errors"][0]["expected"] == "a source for grade B"


def test_texts_and_the_timing_of_messages_are_the_clinics_own(clinician: Caller) -> None:
    copy_disc(clinician)
    words = {"en": "Ask us whether you may drive.", "es": "Pregunte si puede conducir."}

    texts = clinician.amend(DISC, {"texts": {"reminders": {"drive": {"ask": words}}, "milestones": {"drive": words}}})
    first = clinician.get(f"{DISC}/diff?against=MD-MISS@1").json
    timing = clinician.amend(DISC, {"reminders": {"drive": {"ask": {"local_time": "11:30"}}}})
    second = clinician.get(f"{DISC}/diff?against=MD-MISS@1").json

    assert (texts.status_code, timing.status_code) == (200, 200)
    assert first["redates"] is False
    assert {each["matter"] for each in first["changes"]} == {"texts"}
    assert second["redates"] is True


def test_lifting_phases_are_replaced_and_a_looser_limit_waits_for_the_signer(clinician: Caller) -> None:
    copy_disc(clinician)
    phases = [{"from": 0, "through": 14, "limit_lb": 10}, {"from": 15, "through": 84, "limit_lb": 25}]
    clinician.amend(DISC, {"lifting": {"phases": phases}})

    found = clinician.get(f"{DISC}/findings").json["items"]
    unread = act(clinician, "sign")
    signed = act(clinician, "sign", {"acknowledged": [each["id"] for each in found]})

    stored = tomllib.loads(clinician.get(f"{DISC}.toml").text)["lifting"]["phases"]
    assert stored[0] == {"from": 0, "through": 14, "limit_lb": 10, "grade": "D", "sources": ["S61"]}
    assert stored[1] == {"from": 15, "through": 84, "limit_lb": 25, "grade": "E"}
    assert [(each["id"], each["severity"]) for each in found] == [("less_strict:lifting.phases.day_15", "warning")]
    assert (unread.status_code, unread.json["code"]) == (409, "findings")
    assert (signed.status_code, signed.json["state"]) == (200, "signed")


def test_an_error_blocks_a_signature_whatever_is_acknowledged(clinician: Caller) -> None:
    copy_disc(clinician)
    words = {"en": "You may drive now.", "es": "Ya puede conducir."}
    clinician.amend(DISC, {"texts": {"reminders": {"drive": {"ask": words}}}})

    found = [each["id"] for each in clinician.get(f"{DISC}/findings").json["items"]]
    refused = act(clinician, "sign", {"acknowledged": found})

    assert found == ["gives_leave:texts.reminders.drive.ask.en", "gives_leave:texts.reminders.drive.ask.es"]
    assert (refused.status_code, refused.json["code"]) == (409, "findings")
    assert clinician.get(DISC).json["state"] == "draft"


def test_a_version_goes_from_draft_to_signed_to_released_to_retired_and_only_so(clinician: Caller) -> None:
    copy_disc(clinician)

    early = act(clinician, "release")
    signed = act(clinician, "sign")
    edited = clinician.amend(DISC, {"title": "Too late"})
    released = act(clinician, "release")
    retired = act(clinician, "retire")
    back = act(clinician, "release")

    states = [each.json.get("state") for each in (signed, released, retired)]
    assert states == ["signed", "released", "retired"]
    assert [each.status_code for each in (early, edited, back)] == [409, 409, 409]
    assert (signed.json["signed_by"], signed.json["signed_on"]) == ("Casey Rivera", "2026-03-02")


def test_doing_it_twice_changes_nothing(clinician: Caller) -> None:
    release_disc(clinician)

    again = [act(clinician, action) for action in ("sign", "release", "retire", "retire")]

    assert [each.status_code for each in again] == [200, 200, 200, 200]


def test_a_signature_is_under_what_was_read(clinician: Caller) -> None:
    copy_disc(clinician)
    seen = tag(clinician)
    clinician.patch(DISC, {"title": "Changed meanwhile"}, match=seen)

    refused = clinician.post(f"{DISC}/sign", {}, headers={"If-Match": seen})

    assert refused.status_code == 412


def test_a_clinic_signs_what_ships_and_its_plans_say_so(
    clinic: Clinic, clinician: Caller, foreign_staff: Caller
) -> None:
    path = "/protocols/MD-MISS/versions/1"

    signed = act(clinician, "sign", path=path)
    (stage,) = clinician.get(f"/episodes/{clinic.episode.id}/plan").json["surgeries"]

    assert (stage["protocol_status"], stage["signed_by"], stage["signed_on"]) == (
        "signed",
        "Casey Rivera",
        "2026-03-02",
    )
    assert (signed.json["status"], signed.json["state"], signed.json["signed_by"]) == ("signed", None, "Casey Rivera")
    assert foreign_staff.get(path).json["status"] == "draft"


def test_only_clinicians_sign_and_coordinators_write_nothing(
    app: Flask, session: Session, clinic: Clinic, clinician: Caller, coordinator: Caller
) -> None:
    admin = as_staff(app, session, _admin(session, clinic))
    copy_disc(clinician)

    refused = [act(coordinator, "sign"), act(admin, "sign"), copy_disc(coordinator), act(admin, "release")]
    edited = [caller.amend(DISC, {"title": "Ours"}).status_code for caller in (coordinator, admin)]

    assert [each.status_code for each in refused] == [403, 403, 403, 403]
    assert edited == [403, 200]


def _admin(session: Session, clinic: Clinic) -> Staff:
    return builders.staff(session, clinic.practice, role=StaffRole.practice_admin)


def test_another_clinics_versions_and_missing_ones_answer_alike(clinician: Caller, foreign_staff: Caller) -> None:
    release_disc(clinician)

    for path in (DISC, f"{DISC}.toml", f"{DISC}/findings", f"{DISC}/diff?against=MD-MISS@1"):
        foreign, missing = foreign_staff.get(path), foreign_staff.get(path.replace("/1", "/2", 1))
        assert foreign.status_code == missing.status_code == 404
        assert foreign.json == missing.json
    assert all(each["id"] != "hudson-disc" for each in foreign_staff.get("/protocols").json["items"])


def test_patients_see_what_is_released_and_no_draft(clinician: Caller, patient: Caller) -> None:
    copy_disc(clinician)
    hidden = patient.get(DISC).status_code
    act(clinician, "sign")
    act(clinician, "release")

    assert (hidden, patient.get(DISC).status_code) == (404, 200)


def test_new_surgeries_take_the_clinics_newest_released_version(clinician: Caller, clinic: Clinic) -> None:
    body = NEW_SURGERY | {"episode_id": clinic.other_episode.id, "stage": 2}
    before = clinician.put("/surgeries/before", body).json
    release_disc(clinician)

    after = clinician.put("/surgeries/after", body | {"stage": 3, "surgery_on": "2026-09-14"}).json
    act(clinician, "retire")
    retired = clinician.put("/surgeries/retired", body | {"stage": 4, "surgery_on": "2026-11-16"}).json

    assert [each["protocol_id"] for each in (before, after, retired)] == ["MD-MISS", "hudson-disc", "MD-MISS"]
    assert clinician.get(f"/episodes/{clinic.other_episode.id}/plan").status_code == 200
