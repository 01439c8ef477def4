"""What the page of a message that really went out shows, and what it does not show any more."""

import re
from datetime import UTC, date, datetime, time

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import Milestone, Patient, Practice, Reminder, Surgery
from models.change import SlotEntry
from models.people import StaffRole
from models.reminder import Delivery
from schedules.delivery.channels import Message
from schedules.plan.vocabulary import Language, Phase, Provider, SurgeryStatus, Units
from tests import builders
from tests.api.conftest import Clinic, Look
from tests.api.message_reader import Reader, link_of, path_in, send_due, text_of
from tests.clock import FixedClock
from tests.worker.desks import Outbox, claim_all, deliver, desk_of

SIGNED_AT = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def test_a_link_leads_to_text_limits_plan_form_and_red_flags_in_the_patients_language(
    app: Flask, engine: Engine, session: Session, clinic: Clinic, clock: FixedClock, look: Look
) -> None:
    (due,) = session.query(Reminder).filter_by(patient_id=clinic.patient.id, key="encourage")
    session.query(Delivery).filter(Delivery.reminder_id != due.id).delete()
    session.query(Delivery).update({"next_attempt_at": clock.now(), "due_at": clock.now()})
    session.commit()
    (sent,) = send_due(engine, session, clock)
    reader = Reader(app.test_client(), path_in(sent))

    asked = reader.look()
    opened = reader.open()
    page = reader.look()

    assert (asked.status_code, opened.status_code, page.status_code) == (200, 303, 200)
    assert opened.headers["Location"] == reader.path
    assert "walking" not in text_of(asked)
    shown = text_of(page)
    assert "Build up your walking: a few minutes, several times a day" in shown
    assert "Lift no more than 10 lb." in shown
    assert "No driving until cleared." in shown
    assert shown.count("<li><strong>") >= 3 + 3
    assert 'name="pain"' in shown
    assert "In an emergency call 911." in shown
    assert 'href="tel:911"' in shown
    assert 'href="tel:+12125550100"' in shown
    assert "New numbness between the legs" in shown
    assert link_of(look).opened_at is not None

    person = session.get_one(Patient, (clinic.id, clinic.patient.id))
    person.language, person.units, person.country = Language.es, Units.metric, "ES"
    session.commit()
    spanish = text_of(reader.look())
    assert '<html lang="es">' in spanish
    assert "No levante más de 10 lb. (4.5 kg)" in spanish
    assert "En una emergencia llame al 112." in spanish
    assert "Vaya a urgencias ahora" in spanish
    around = re.sub(r'<p class="said">.*?</p>', "", spanish, flags=re.DOTALL)
    assert not re.search(r"\b(your|the|call|until|today|and)\b", around.lower())


@pytest.mark.sqlite_only
def test_what_was_taken_back_since_is_not_shown(reader: Reader, session: Session) -> None:
    session.query(Reminder).one().generation += 1
    session.commit()

    reader.open()

    shown = text_of(reader.look())
    assert "This message no longer holds" in shown
    assert "Build up your walking" not in shown


@pytest.mark.sqlite_only
def test_a_message_of_several_items_shows_all_until_one_was_taken_back(
    app: Flask, engine: Engine, session: Session, small_clinic: Practice, clock: FixedClock
) -> None:
    first = builders.due_delivery(session, small_clinic)
    second = builders.reminder(session, session.query(Milestone).one(), key="goal")
    builders.delivery(session, second)
    session.commit()
    claims = claim_all(session, clock)
    outbox = Outbox()
    deliver(desk_of(engine, clock, {Provider.smtp: outbox}), *claims)
    (sent,) = outbox.messages
    reader = Reader(app.test_client(), path_in(sent))
    reader.open()

    before = text_of(reader.look())
    session.get_one(Reminder, (small_clinic.id, second.id)).generation += 1
    session.commit()
    after = text_of(reader.look())

    assert first.reminder_id != second.id
    for text in ("Build up your walking", "Are you walking about 30 minutes a day in all?"):
        assert text in before
        assert text not in after
    assert "This message no longer holds" in after


@pytest.mark.sqlite_only
def test_a_dead_patients_link_opens_nothing(reader: Reader, session: Session) -> None:
    session.query(Patient).one().died_on = date(2026, 3, 1)
    session.commit()

    assert reader.open().status_code == 403


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"


@pytest.mark.sqlite_only
def test_hostile_names_and_instructions_are_only_text(
    app: Flask, engine: Engine, session: Session, small_clinic: Practice, clock: FixedClock
) -> None:
    small_clinic.name = HOSTILE
    path = path_in(fasting_message(engine, session, small_clinic, clock, name=HOSTILE, instruction=HOSTILE))
    reader = Reader(app.test_client(), path)
    reader.open()

    shown = text_of(reader.look())

    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&gt;&lt;img src=x" in shown
    assert "{{7*7}}" in shown
    assert "<script" not in shown
    assert "<img" not in shown
    assert shown.count(" onerror") == shown.count("&lt;img src=x onerror")


def fasting_message(
    engine: Engine,
    session: Session,
    practice: Practice,
    clock: FixedClock,
    *,
    name: str = "Dr. Ana Rossi",
    instruction: str = "No solid food after 23:00. Clear fluids until 04:30.",
) -> Message:
    """Send the message about eating and drinking before a surgery tomorrow, at whose slot an instruction stands."""
    person = builders.patient(session, practice)
    changes = {"surgery_on": date(2026, 3, 3), "status": SurgeryStatus.planned, "arrival_at": time(6, 30)}
    surgery = builders.surgery(session, builders.episode(session, person), **changes)
    item = builders.milestone(session, surgery, key="fasting", kind="fasting", phase=Phase.before_surgery)
    doctor = builders.staff(session, practice, role=StaffRole.clinician, display_name=name)
    entry = SlotEntry(practice_id=practice.id, id=item.id, patient_id=person.id)
    session.add(entry)
    entry.for_day0, entry.instruction = date(2026, 3, 3), instruction
    entry.entered_by, entry.entered_at = doctor.id, SIGNED_AT
    entry.signed_by, entry.signed_at = doctor.id, SIGNED_AT
    builders.delivery(session, builders.reminder(session, item, key="evening"))
    session.commit()
    (sent,) = send_due(engine, session, clock)
    return sent


@pytest.mark.sqlite_only
def test_the_signed_instruction_stands_on_the_page_and_not_in_the_mail(
    app: Flask, engine: Engine, session: Session, small_clinic: Practice, clock: FixedClock
) -> None:
    sent = fasting_message(engine, session, small_clinic, clock)
    reader = Reader(app.test_client(), path_in(sent))
    reader.open()

    shown = text_of(reader.look())

    assert "23:00" not in sent.body
    assert "Please read them now." in sent.body
    assert "Read it here: https://" in sent.body
    assert "No solid food after 23:00. Clear fluids until 04:30." in shown
    assert "Arrive at 6:30 am." in shown
    assert "Entered by Dr. Ana Rossi (clinician). Signed by Dr. Ana Rossi (clinician)." in shown


@pytest.mark.sqlite_only
def test_an_instruction_that_does_not_hold_is_not_shown(
    app: Flask, engine: Engine, session: Session, small_clinic: Practice, clock: FixedClock
) -> None:
    reader = Reader(app.test_client(), path_in(fasting_message(engine, session, small_clinic, clock)))
    reader.open()
    surgery, entry = session.query(Surgery).one(), session.query(SlotEntry).one()
    session.commit()  # or nobody else could write
    changes: tuple[tuple[object, str, object], ...] = (
        (entry, "signed_by", None),
        (surgery, "surgery_on", date(2026, 3, 4)),
        (surgery, "arrival_at", None),
        (surgery, "status", SurgeryStatus.cancelled),
    )

    assert "23:00" in text_of(reader.look())
    for row, column, value in changes:
        was = getattr(row, column)
        setattr(row, column, value)
        session.commit()
        shown = text_of(reader.look())
        assert "23:00" not in shown, column
        assert "Your own instruction is not confirmed" in shown
        setattr(row, column, was)
        session.commit()
