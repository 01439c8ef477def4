"""Work-status letters: what stands in them, under whose release they leave, and that none ever changes."""

import hashlib
import io
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models import AuditEntry, Letter
from schedules.plan.vocabulary import WorkClass
from service.identity.tokens import enrol_device
from tests.api.conftest import Caller, Clinic, Look
from tests.api.letters import RELEASE, ink_of, make_letter, record_release, text_of
from tests.clock import FixedClock

FindId = Callable[[str], str]
# What no employer needs to know.
PRIVATE = ("microdisc", "lumbar", "L4", "MD-MISS", "1980", "SP0", "opioid", "sciatica")


def pdf_of(who: Caller, letter_id: str = "l1") -> bytes:
    answer = who.get(f"/letters/{letter_id}/pdf")
    assert answer.status_code == 200, answer.json
    assert answer.content_type == "application/pdf"
    return bytes(answer.data)


def clear_work(clinician: Caller, milestone_id: FindId, **body: Any) -> None:
    told = {"cleared_on": "2026-03-02", "attested": ["wound_closed"], "override": "Seen at one week."}
    assert clinician.post(f"/milestones/{milestone_id('rtw_light')}/clear", told | body).status_code == 200


def states(who: Caller, clinic: Clinic) -> list[tuple[int, str]]:
    shown = who.get(f"/episodes/{clinic.episode.id}/letters").json["items"]
    return [(each["number"], each["state"]) for each in shown]


def test_a_letter_tells_the_recipient_status_restrictions_and_ends_and_nothing_else(
    coordinator: Caller, clinician: Caller, clinic: Clinic, milestone_id: FindId, session: Session
) -> None:
    clinic.surgery.indication = "sciatica"
    session.commit()
    clear_work(clinician, milestone_id)
    record_release(coordinator, clinic)

    answer = make_letter(coordinator, clinic)

    assert answer.status_code == 201
    assert {name: answer.json[name] for name in ("number", "status", "status_on", "state", "recipient")} == {
        "number": 1, "status": "with_restrictions", "status_on": "2026-03-02", "state": "current",
        "recipient": "carrier",
    }  # fmt: skip
    said = text_of(pdf_of(coordinator))
    for told in (
        "Hudson Spine Clinic", "+12125550100", "To the insurance carrier Hudson Mutual Insurance 1 Broad Street Albany",
        "Alex Sample", "WC-2026-00417", "January 12, 2026", "May work with restrictions", "light",
        "Cleared for work by Casey Rivera, on March 2, 2026",
        "Lifting and carrying up to 20 lb (9 kg) March 23, 2026",
        "No bending or twisting – March 22, 2026",
        "Letter 1, version of March 2, 2026", "trials (A), cohorts (B), one institution (D)",
        "plan not yet signed by a clinician", "1 / 1",
    ):  # fmt: skip
        assert told in said, told
    assert [word for word in PRIVATE if word.casefold() in said.casefold()] == []


def test_full_duty_and_no_work_are_said_too_and_who_does_not_work_has_no_letter(
    coordinator: Caller, clinic: Clinic, session: Session
) -> None:
    record_release(coordinator, clinic)
    make_letter(coordinator, clinic)
    prevented = text_of(pdf_of(coordinator))
    clinic.patient.work_class = WorkClass.not_working
    session.commit()

    refused = make_letter(coordinator, clinic, "l2")

    assert "May not work" in prevented
    assert "Expected through March 22, 2026" in prevented
    assert "not cleared yet" in prevented
    assert "Lifting" not in prevented
    assert (refused.status_code, refused.json["errors"][0]["got"]) == (409, "not_working")


def test_an_end_without_a_day_waits_for_a_clinician(coordinator: Caller, clinic: Clinic) -> None:
    seen = {"surgery_id": clinic.surgery.id, "what": "wound_open", "observed_at": "2026-03-02T12:00:00Z"}
    coordinator.put("/observations/o1", {"episode_id": clinic.episode.id} | seen)
    record_release(coordinator, clinic)
    make_letter(coordinator, clinic)

    assert "Expected through until cleared by a clinician" in text_of(pdf_of(coordinator))


def test_a_letter_in_spanish_is_in_spanish_and_says_so_to_screen_readers(coordinator: Caller, clinic: Clinic) -> None:
    record_release(coordinator, clinic, recipient="employer")
    make_letter(coordinator, clinic, language="es")

    pdf = pdf_of(coordinator)

    assert "Al empleador" in text_of(pdf)
    assert "No puede trabajar" in text_of(pdf)
    assert "22 de marzo de 2026" in text_of(pdf)
    root: Any = PdfReader(io.BytesIO(pdf)).trailer["/Root"]
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"]) == ("es", True)
    assert b"pdfuaid" in root["/Metadata"].get_data()


def test_a_rendered_letter_fills_its_page_between_the_margins(coordinator: Caller, clinic: Clinic) -> None:
    record_release(coordinator, clinic, name="Harbor " * 28, address="\n".join(["One very long street"] * 12))
    make_letter(coordinator, clinic)

    for left, top, right, bottom in ink_of(pdf_of(coordinator)):
        assert 0.08 < left < 0.15
        assert 0.05 < top < 0.1
        assert 0.6 < right < 0.92
        assert 0.9 < bottom < 0.97


def test_the_diagnosis_is_told_only_where_the_release_says_so(
    coordinator: Caller, clinic: Clinic, session: Session
) -> None:
    clinic.surgery.indication = "sciatica"
    session.commit()
    record_release(coordinator, clinic, tells_diagnosis=True)
    make_letter(coordinator, clinic)

    assert "Lumbar microdiscectomy, sciatica" in text_of(pdf_of(coordinator))


@pytest.mark.parametrize(
    ("changes", "got"),
    [
        ({"signed_on": "2026-01-02", "valid_through_on": "2026-03-01"}, "one through 2026-03-01"),
        ({}, "revoked"),
    ],
    ids=["over", "revoked"],
)
def test_without_a_release_that_holds_today_no_letter_leaves(
    coordinator: Caller, patient: Caller, clinic: Clinic, changes: dict[str, str], got: str, look: Look
) -> None:
    record_release(coordinator, clinic, **changes)
    if got == "revoked":
        assert patient.post("/letter-releases/r1/revoke").json["revoked_by"] == "patient"

    refused = make_letter(coordinator, clinic)

    assert (refused.status_code, refused.json["code"]) == (409, "no_release")
    assert refused.json["errors"] == [
        {"pointer": "/release_id", "expected": "a release for the carrier that holds on 2026-03-02", "got": got}
    ]
    assert look(Letter) == []


def test_a_letter_that_was_made_leaves_no_more_once_its_release_is_revoked_but_stays_the_patients(
    coordinator: Caller, patient: Caller, clinic: Clinic
) -> None:
    record_release(coordinator, clinic)
    make_letter(coordinator, clinic)
    coordinator.post("/letter-releases/r1/revoke")

    refused = coordinator.get("/letters/l1/pdf")

    assert (refused.status_code, refused.json["code"]) == (409, "no_release")
    assert "May not work" in text_of(pdf_of(patient))


def test_a_release_of_another_episode_or_of_nobody_is_none(
    coordinator: Caller, clinic: Clinic, foreign_staff: Caller
) -> None:
    record_release(coordinator, clinic, "other", episode_id=clinic.other_episode.id)

    for release_id in ("other", "nobody"):
        refused = make_letter(coordinator, clinic, release_id=release_id)
        assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (404, "/release_id")


def test_a_letter_is_kept_as_its_very_bytes_and_the_same_request_makes_no_other(
    coordinator: Caller, clinic: Clinic, look: Look, session: Session
) -> None:
    record_release(coordinator, clinic)
    first, again = make_letter(coordinator, clinic), make_letter(coordinator, clinic)
    pdf = pdf_of(coordinator)
    clinic.practice.name = "Another name"
    session.commit()

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    assert pdf_of(coordinator) == pdf
    assert hashlib.sha256(pdf).hexdigest() == first.json["pdf_digest"]
    assert make_letter(coordinator, clinic, language="es").status_code == 409
    (row,) = look(Letter)
    assert b"JVBERi" not in row.pdf_sealed
    with pytest.raises(DBAPIError):
        session.execute(text("UPDATE letter SET number = 2"))
    session.rollback()


def test_a_moved_plan_and_a_later_letter_supersede_and_a_passed_end_lapses(
    coordinator: Caller, clinician: Caller, clinic: Clinic, milestone_id: FindId, clock: FixedClock, app: Flask
) -> None:
    record_release(coordinator, clinic)
    make_letter(coordinator, clinic)
    assert states(coordinator, clinic) == [(1, "current")]

    clear_work(clinician, milestone_id)
    assert states(coordinator, clinic) == [(1, "superseded")]

    make_letter(coordinator, clinic, "l2")
    assert states(coordinator, clinic) == [(2, "current"), (1, "superseded")]

    record_release(coordinator, clinic, "r2", recipient="employer")
    make_letter(coordinator, clinic, "l3", release_id="r2")
    make_letter(coordinator, clinic, "l4")
    assert states(coordinator, clinic) == [(4, "current"), (3, "current"), (2, "superseded"), (1, "superseded")]


def test_an_expected_end_that_passed_is_said(
    app: Flask, coordinator: Caller, clinic: Clinic, clock: FixedClock, session: Session
) -> None:
    record_release(coordinator, clinic)
    make_letter(coordinator, clinic)
    clock.advance(timedelta(days=21))
    tokens = enrol_device(session, clinic.id, clinic.patient.id, clock.now())
    session.commit()

    assert states(Caller(app.test_client(), tokens.access.secret), clinic) == [(1, "lapsed")]


def test_a_release_never_changes_and_its_days_must_agree(coordinator: Caller, clinic: Clinic) -> None:
    record_release(coordinator, clinic)
    body = RELEASE | {"episode_id": clinic.episode.id}

    answers = [
        coordinator.put("/letter-releases/r1", body | changes)
        for changes in (
            {},
            {"name": "Another carrier"},
            {"signed_on": "2026-03-03"},
            {"valid_through_on": "2026-02-19"},
            {"injured_on": "2026-03-03"},
        )
    ]

    assert [each.status_code for each in answers] == [200, 409, 422, 422, 422]
    assert "Another carrier" not in answers[1].text


def test_names_are_set_as_they_are_and_another_alphabet_is_refused_without_being_repeated(
    coordinator: Caller, clinic: Clinic, session: Session
) -> None:
    clinic.patient.given_name, clinic.patient.family_name = '#panic("x") *Łukasz*', "<script>{{7*7}}"
    session.commit()
    record_release(coordinator, clinic)
    make_letter(coordinator, clinic)
    clinic.patient.family_name = "漢字"
    session.commit()

    refused = make_letter(coordinator, clinic, "l2")

    assert '#panic("x") *Łukasz* <script>{{7*7}}' in text_of(pdf_of(coordinator))
    assert refused.status_code == 409
    assert "漢" not in refused.text


def test_making_and_reading_leave_entries_that_name_the_letter_and_no_recipient(
    coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    record_release(coordinator, clinic)
    make_letter(coordinator, clinic)
    pdf_of(coordinator)

    left = [(each.route, each.about) for each in look(AuditEntry, practice_id=clinic.id)]

    assert left == [
        ("PUT /api/v1/letter-releases/{release_id}", {"release_id": "r1"}),
        ("PUT /api/v1/letters/{letter_id}", {"letter_id": "l1"}),
        ("GET /api/v1/letters/{letter_id}/pdf", {"letter_id": "l1"}),
    ]


SAMPLE = """
import hashlib, sys
from schedules.plan.vocabulary import Language
from service.documents.typeset import Document, Facts, Heading, Table, typeset
parts = (Heading("A"), Facts((("Name", "Ana Ruiz"),)), Table(("B", "C"), (("1", "2"),)))
document = Document("Work status", Language.en, sys.argv[1], ("Clinic",), ("To",), parts, "Letter 1")
print(hashlib.sha256(typeset(document)).hexdigest())
"""


@pytest.mark.sqlite_only
def test_the_same_document_is_the_same_bytes_in_another_process_and_folder(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    made = [
        subprocess.run(
            [sys.executable, "-c", SAMPLE, country],
            cwd=folder,
            env={"PYTHONPATH": str(root), "TZ": zone, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for folder, zone, country in ((root, "UTC", "US"), (tmp_path, "Asia/Tokyo", "US"), (root, "UTC", "DE"))
    ]

    assert made[0] == made[1] != made[2]
