"""What a patient answers on a message's page: every field of a check-in, red flags at once, and the cards of today."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models import Alert, CheckIn, Patient, Practice, Surgery
from models.people import StaffRole
from schedules.plan.red_flags import FLAG_OF_KEY
from schedules.plan.vocabulary import AlertUrgency, Language, Units
from tests import builders
from tests.api.conftest import Look, as_staff
from tests.api.message_reader import Reader, form_of, text_of
from tests.clock import FixedClock

ANSWERS = {
    "pain": "4",
    "steps": "3200",
    "opioid_doses": "2",
    "temperature": "99.5",
    "wound_sign": "redness",
    "sleep": "6",
    "mood": "7",
    "confidence": "5",
}
CALL_911, CALL_CLINIC, GO = "Call 911 now.", "Call us today: +12125550100.", "Go to an emergency department now."


def told_of(look: Look) -> list[tuple[str, AlertUrgency]]:
    return sorted((row.about["red_flag"], row.urgency) for row in look(Alert))


def advice_in(page: Any) -> list[str]:
    return re.findall(r'<p class="problem" role="alert"><strong>(.*?)</strong>', text_of(page))


def test_the_page_asks_and_stores_what_the_app_does(reader: Reader, look: Look) -> None:
    reader.open()

    sent = reader.answer(reader.look(), **ANSWERS)

    assert sent.status_code == 303
    (row,) = look(CheckIn)
    assert (row.steps, row.opioid_doses, row.temperature_tenths_c, row.wound_signs) == (3200, 2, 375, ["redness"])
    assert (row.sleep, row.mood, row.confidence) == (6, 7, 5)
    assert look(Alert) == []


@pytest.mark.sqlite_only
def test_every_field_of_a_check_in_is_on_the_page_in_the_patients_unit_and_language(
    reader: Reader, session: Session
) -> None:
    reader.open()
    page = text_of(reader.look())
    person = session.query(Patient).one()
    person.units, person.language = Units.metric, Language.es
    session.commit()
    spanish = text_of(reader.look())

    asked = set(re.findall(r'name="([a-z_]+)"', page)) - {"form", "viewport", "robots"}
    columns = {"pain", "pain_back", "pain_leg", "pain_neck", "pain_arm", "walking_minutes", "steps", "took_opioid"}
    columns |= {"opioid_doses", "temperature", "wound_sign", "red_flag", "sleep", "mood", "confidence", "note"}
    assert asked == columns
    assert len(re.findall(r'<label for="', page)) == len(columns) - len({"wound_sign", "red_flag"})
    assert "Temperature, if you measured it (°F)" in page
    assert "Temperatura, si se la tomó (°C)" in spanish


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("typed", "stored"), [("38.2", 382), ("38,2", 382), ("37", 370), ("98.6", 370), ("101", 383), ("100.4", 380)]
)
def test_a_temperature_is_stored_in_one_unit_whichever_it_was_typed_in(
    reader: Reader, look: Look, typed: str, stored: int
) -> None:
    reader.open()
    reader.answer(reader.look(), pain="1", temperature=typed)

    assert [row.temperature_tenths_c for row in look(CheckIn)] == [stored]


@pytest.mark.parametrize(
    ("answer", "flag", "urgency", "advice"),
    [
        ({"red_flag": "chest"}, "chest", AlertUrgency.emergency_number, CALL_911),
        ({"red_flag": "cauda_equina"}, "cauda_equina", AlertUrgency.emergency_department, GO),
        ({"red_flag": "calf"}, "calf", AlertUrgency.same_day, CALL_CLINIC),
        ({"wound_sign": "pus"}, "wound_infection", AlertUrgency.same_day, CALL_CLINIC),
        ({"wound_sign": "clear_fluid"}, "fluid_or_meningitis", AlertUrgency.emergency_department, GO),
        ({"temperature": "101"}, "wound_infection", AlertUrgency.same_day, CALL_CLINIC),
        ({"temperature": "38.3"}, "wound_infection", AlertUrgency.same_day, CALL_CLINIC),
    ],
)
def test_a_red_flag_on_the_page_raises_its_alert_and_says_at_once_what_to_do(
    reader: Reader, look: Look, answer: dict[str, str], flag: str, urgency: AlertUrgency, advice: str
) -> None:
    reader.open()

    sent = reader.answer(reader.look(), pain="3", **answer)

    assert sent.status_code == 200
    assert advice_in(sent) == [advice]
    assert text_of(sent).index(advice) < text_of(sent).index("Thank you.")
    assert told_of(look) == [(flag, urgency)]
    (row,), (alert,) = look(CheckIn), look(Alert)
    assert (alert.patient_id, alert.about["check_in_id"]) == (row.patient_id, row.id)


@pytest.mark.sqlite_only
def test_several_red_flags_are_told_the_most_urgent_first_in_the_patients_language(
    reader: Reader, session: Session, look: Look
) -> None:
    reader.open()
    person = session.query(Patient).one()
    person.language, person.country = Language.es, "ES"
    session.commit()

    sent = reader.client.post(
        f"{reader.path}/check-in", data={"form": form_of(reader.look()), "pain": "9", "red_flag": ["calf", "chest"]}
    )

    assert advice_in(sent) == ["Llame al 112 ahora.", "Llámenos hoy: +12125550100."]
    assert [flag for flag, _ in told_of(look)] == ["calf", "chest"]


def test_a_red_flag_in_answers_that_are_refused_counts_and_once_only(reader: Reader, look: Look) -> None:
    reader.open()

    refused = reader.answer(reader.look(), pain="eleven", red_flag="chest", steps="1200", note="Since <b>noon</b>.")
    after_refusal = told_of(look)
    corrected = reader.answer(refused, pain="9", red_flag="chest")

    assert (refused.status_code, corrected.status_code) == (422, 200)
    assert advice_in(refused) == advice_in(corrected) == [CALL_911]
    assert 'value="1200"' in text_of(refused)
    assert "Since &lt;b&gt;noon&lt;/b&gt;." in text_of(refused)
    assert 'value="chest" checked' in text_of(refused)
    assert after_refusal == told_of(look) == [("chest", AlertUrgency.emergency_number)]
    assert [row.pain for row in look(CheckIn)] == [9]


def test_a_red_flag_in_a_form_that_was_sent_before_counts_though_the_first_answers_stay(
    reader: Reader, look: Look
) -> None:
    reader.open()
    page = reader.look()
    reader.answer(page, pain="3")

    again = reader.answer(page, pain="9", red_flag="chest")

    assert (again.status_code, advice_in(again)) == (422, [CALL_911])
    assert told_of(look) == [("chest", AlertUrgency.emergency_number)]
    assert [row.pain for row in look(CheckIn)] == [3]


@pytest.mark.sqlite_only
def test_a_form_that_nobody_vouches_for_raises_nothing_but_says_what_to_do(reader: Reader, look: Look) -> None:
    reader.open()

    forged = reader.client.post(f"{reader.path}/check-in", data={"form": "x", "pain": "9", "red_flag": "chest"})

    assert (forged.status_code, advice_in(forged)) == (422, [CALL_911])
    assert (look(Alert), look(CheckIn)) == ([], [])


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": "60"},
        {"temperature": "hot"},
        {"temperature": "١٠١"},
        {"wound_sign": "green"},
        {"steps": "200001"},
        {"opioid_doses": "101"},
        {"sleep": "11"},
        {"red_flag": "nothing"},
    ],
)
def test_what_is_no_answer_is_refused_and_raises_nothing(reader: Reader, look: Look, wrong: dict[str, str]) -> None:
    reader.open()

    refused = reader.answer(reader.look(), pain="3", **wrong)

    assert (refused.status_code, advice_in(refused)) == (422, [])
    assert (look(Alert), look(CheckIn)) == ([], [])


@pytest.mark.sqlite_only
def test_every_red_flag_can_be_ticked_and_raises_its_own_alert(reader: Reader, look: Look) -> None:
    reader.open()
    ticked = re.findall(r'name="red_flag" value="([a-z_]+)"', text_of(reader.look()))

    reader.client.post(
        f"{reader.path}/check-in", data={"form": form_of(reader.look()), "pain": "9", "red_flag": ticked}
    )

    assert ticked == list(FLAG_OF_KEY)
    assert {flag for flag, _ in told_of(look)} == set(FLAG_OF_KEY)


def test_the_page_shows_the_cards_of_today_with_grades_and_who_signed_them(
    app: Flask, reader: Reader, session: Session, small_clinic: Practice, clock: FixedClock
) -> None:
    reader.open()
    drafts = text_of(reader.look())
    surgeon = builders.staff(session, small_clinic, role=StaffRole.clinician, display_name="Dr. Robin Hale")
    caller = as_staff(app, session, surgeon)
    tag = caller.get("/cards/stairs/en").headers["ETag"]
    assert caller.post("/cards/stairs/en/sign", headers={"If-Match": tag}).status_code == 200
    signed = text_of(reader.look())
    surgery = session.query(Surgery).one()
    assert surgery.surgery_on is not None
    surgery.surgery_on -= timedelta(days=800)
    session.commit()

    assert "<summary>Stairs</summary>" in drafts
    assert "<summary>Your bandage after kyphoplasty</summary>" not in drafts
    assert "(grade E: no direct source)" in drafts
    assert drafts.count("Draft: no clinician of your clinic has signed") == drafts.count("<details>") > 5
    assert "Signed by Dr. Robin Hale, March 2, 2026." in signed
    assert signed.count("Draft: no clinician") == drafts.count("Draft: no clinician") - 1
    assert "<details>" not in text_of(reader.look())
