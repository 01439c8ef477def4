"""Answers on the page of a message: stored once, as the patient's, from its own form alone."""

from datetime import timedelta

import pytest
from flask import Flask

from models import CheckIn, Reminder
from models.care import Reporter
from tests.api.conftest import Look
from tests.api.message_reader import BORN, Reader, form_of, text_of
from tests.clock import FixedClock


def test_an_answer_is_stored_as_the_patients_and_says_that_nobody_watches(
    reader: Reader, look: Look, clock: FixedClock
) -> None:
    reader.open()

    sent = reader.answer(reader.look(), pain="4", pain_leg="2", walking_minutes="25", took_opioid="no", note="Slow.")

    assert sent.status_code == 303
    (row,) = look(CheckIn)
    (reminder,) = look(Reminder)
    assert (row.patient_id, row.episode_id, row.reported_by) == (
        reminder.patient_id,
        reminder.episode_id,
        Reporter.patient,
    )
    assert (row.pain, row.pain_leg, row.pain_back, row.walking_minutes) == (4, 2, None, 25)
    assert (row.took_opioid, row.note, row.reported_at) == (False, "Slow.", clock.now())
    thanks = text_of(reader.client.get(sent.headers["Location"]))
    assert "Thank you. Your answers are stored. Nobody reads this right away. In an emergency call 911." in thanks


@pytest.mark.sqlite_only
def test_an_answer_sent_twice_is_stored_once_and_another_one_beside_it(reader: Reader, look: Look) -> None:
    reader.open()
    page = reader.look()

    answers = [reader.answer(page, pain=pain).status_code for pain in ("4", "4", "5")]
    reader.answer(reader.look(), pain="6")

    assert answers == [303, 303, 422]
    assert sorted(row.pain for row in look(CheckIn)) == [4, 6]


NO_ANSWERS: tuple[dict[str, str], ...] = (
    {},
    {"pain": "11"},
    {"pain": "-1"},
    {"pain": "4.5"},
    {"pain": "٤"},
    {"pain": "4", "walking_minutes": "1441"},
    {"pain": "4", "note": "a" * 2001},
    {"pain": "4", "note": "a\0"},
)


@pytest.mark.sqlite_only
def test_an_answer_that_is_none_is_not_stored_and_the_page_says_so(reader: Reader, look: Look) -> None:
    reader.open()
    page = reader.look()

    refusals = [reader.answer(page, **answers) for answers in NO_ANSWERS]

    assert {each.status_code for each in refusals} == {422}
    assert all("Not stored: give your worst pain" in text_of(each) for each in refusals)
    assert all("Build up your walking" in text_of(each) for each in refusals)
    assert look(CheckIn) == []


@pytest.mark.sqlite_only
def test_a_form_that_another_site_sends_is_refused(app: Flask, reader: Reader, look: Look) -> None:
    form = form_of(reader.look())
    foreign = {"Sec-Fetch-Site": "cross-site"}
    forged = reader.client.post(reader.path, data=BORN)
    crossed = reader.client.post(reader.path, data={"form": form, **BORN}, headers=foreign)
    of_other_link = reader.client.post("/m/AAAAAAAAAAAAAAAAAAAAAA", data={"form": form, **BORN})
    reader.open()
    page = reader.look()
    unsigned = reader.client.post(reader.path + "/check-in", data={"pain": "4"})
    wrong_purpose = reader.client.post(reader.path + "/check-in", data={"form": form, "pain": "4"})
    no_session = Reader(app.test_client(), reader.path).answer(page, pain="4")

    statuses = [each.status_code for each in (forged, crossed, of_other_link, unsigned, wrong_purpose, no_session)]
    assert statuses == [403, 403, 403, 422, 422, 403]
    assert look(CheckIn) == []


@pytest.mark.sqlite_only
def test_a_form_is_good_for_an_hour(reader: Reader, clock: FixedClock) -> None:
    form = form_of(reader.look())
    clock.advance(timedelta(hours=1))

    late = reader.client.post(reader.path, data={"form": form, **BORN})

    assert late.status_code == 403
    assert "open too long" in text_of(late)
