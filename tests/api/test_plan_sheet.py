"""A patient's plan on paper: what the plan says today, in the patient's words and language."""

from datetime import timedelta

from flask import Flask
from sqlalchemy.orm import Session

from schedules.plan.vocabulary import Language
from tests.api.conftest import Caller, Clinic
from tests.api.letters import ink_of, text_of
from tests.clock import FixedClock


def pdf_of(who: Caller, clinic: Clinic, query: str = "") -> bytes:
    answer = who.get(f"/episodes/{clinic.episode.id}/plan/pdf{query}")
    assert (answer.status_code, answer.content_type) == (200, "application/pdf"), answer.json
    return bytes(answer.data)


def test_the_paper_tells_limits_and_steps_with_their_days_and_never_that_one_may(
    patient: Caller, clinic: Clinic
) -> None:
    said = text_of(pdf_of(patient, clinic))

    for told in (
        "Hudson Spine Clinic", "Alex Sample", "Lumbar microdiscectomy February 23, 2026",
        "Your limits on March 2, 2026",
        "Lifting", "March 9, 2026", "until cleared by a clinician", "Plan of March 2, 2026, version ",
        "extrapolation (E)", "plan not yet signed", "call +12125550100",
    ):  # fmt: skip
        assert told in said, told
    assert "you may" not in said.casefold()
    assert "overdue" not in said.casefold()


def test_it_is_in_the_patients_language_unless_another_is_asked_for(
    coordinator: Caller, clinic: Clinic, session: Session
) -> None:
    clinic.patient.language = Language.es
    session.commit()

    own, english = (text_of(pdf_of(coordinator, clinic, query)) for query in ("", "?language=en"))

    assert "Su plan de recuperación" in own
    assert "Your recovery plan" in english


def test_it_is_the_same_until_the_plan_or_the_day_changes_and_fits_its_pages(
    patient: Caller, clinic: Clinic, clock: FixedClock, app: Flask
) -> None:
    path = f"/episodes/{clinic.episode.id}/plan/pdf"
    first = patient.get(path)
    again = patient.get(path, headers={"If-None-Match": first.headers["ETag"]})
    clock.advance(timedelta(minutes=30))
    later = patient.get(path)

    assert (again.status_code, later.data) == (304, first.data)
    for left, top, right, bottom in ink_of(first.data):
        assert 0.08 < left < right < 0.92
        assert 0.05 < top < bottom < 0.97


def test_a_name_in_another_alphabet_is_refused_without_being_repeated(
    patient: Caller, clinic: Clinic, session: Session
) -> None:
    clinic.patient.given_name = "漢字"
    session.commit()

    refused = patient.get(f"/episodes/{clinic.episode.id}/plan/pdf")

    assert (refused.status_code, refused.json["code"]) == (409, "conflict")
    assert "漢" not in refused.text
