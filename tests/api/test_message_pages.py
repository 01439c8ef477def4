"""From a message that really went out to its page: opened once, by the date of birth, for half an hour."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import AuditEntry, CheckIn, MessageLink, Milestone, Patient, Practice, Reminder, Surgery
from models.audit import ActorKind, AuditAction
from models.care import Reporter
from models.change import SlotEntry
from models.engine import make_session_factory
from models.people import StaffRole
from models.reminder import Decision, DecisionKind, Delivery, DeliveryState
from schedules.delivery.channels import Message
from schedules.plan.vocabulary import Language, Phase, Provider, ReminderState, SurgeryStatus, Units
from tests import builders
from tests.api.conftest import Clinic, Look
from tests.api.message_reader import BORN, Reader, form_of, path_in, send_due, text_of
from tests.clock import FixedClock
from tests.worker.desks import Outbox, claim_all, deliver, desk_of
from tests.worker.rows import is_somebody_waiting, wait_until

WRONG = BORN | {"day": "18"}
SIGNED_AT = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def link_of(look: Look) -> MessageLink:
    (row,) = look(MessageLink)
    return row


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


@pytest.fixture
def repeat(session: Session, message: Message) -> Delivery:
    """Return the step that says the message again on another channel if nobody answers."""
    (sent,) = session.query(Reminder)
    delivery = builders.delivery(session, sent, id=f"{sent.id}.1.1", step=1, after_silence=True)
    session.commit()
    return delivery


def seen_and_repeat(look: Look, repeat: Delivery) -> tuple[datetime | None, DeliveryState, str | None]:
    (reminder,), (step,) = look(Reminder), look(Delivery, id=repeat.id)
    return reminder.acknowledged_at, step.state, step.reason


def test_what_was_opened_counts_as_seen_and_is_not_said_again(
    reader: Reader, repeat: Delivery, look: Look, clock: FixedClock
) -> None:
    reader.open(WRONG)
    before = seen_and_repeat(look, repeat)
    opened_at = clock.now()
    reader.open()
    clock.advance(timedelta(minutes=1))
    reader.open()

    assert before == (None, DeliveryState.pending, None)
    assert seen_and_repeat(look, repeat) == (opened_at, DeliveryState.cancelled, "acknowledged")
    kinds = [row.kind for row in look(Decision)]
    assert kinds.count(DecisionKind.acknowledged) == 1


@pytest.mark.parametrize(("column", "value"), [("generation", 2), ("state", ReminderState.cancelled)])
def test_what_a_page_does_not_show_any_more_was_not_seen(
    session: Session, reader: Reader, look: Look, column: str, value: object
) -> None:
    setattr(session.query(Reminder).one(), column, value)
    session.commit()

    answered = reader.open()

    assert answered.status_code == 303
    assert [row.acknowledged_at for row in look(Reminder)] == [None]


@pytest.mark.postgresql_only
def test_opening_a_link_while_its_message_is_repeated_never_waits_in_a_ring(
    engine: Engine, session: Session, reader: Reader, repeat: Delivery, look: Look
) -> None:
    with ThreadPoolExecutor(1) as threads, make_session_factory(engine)() as worker:
        worker.scalars(select(Delivery).with_for_update()).all()
        opening = threads.submit(reader.open)
        wait_until(lambda: is_somebody_waiting(engine))
        worker.query(MessageLink).one().expires_at += timedelta(hours=1)
        worker.commit()
        answered = opening.result()

    assert answered.status_code == 303
    assert seen_and_repeat(look, repeat)[1] is DeliveryState.cancelled


def test_all_items_of_one_message_were_seen_and_its_patient_alone_is_concerned(
    app: Flask, engine: Engine, session: Session, small_clinic: Practice, clock: FixedClock, look: Look
) -> None:
    surgery = builders.surgery(session, builders.episode(session, builders.patient(session, small_clinic)))
    walking = builders.milestone(session, surgery)
    sitting = builders.milestone(session, surgery, key="sit60", kind="sit60")
    for milestone, key in ((walking, "encourage"), (sitting, "goal")):
        builders.delivery(session, builders.reminder(session, milestone, key=key))
    session.commit()
    outbox = Outbox()
    deliver(desk_of(engine, clock, {Provider.smtp: outbox}), *claim_all(session, clock))
    builders.due_delivery(session, small_clinic)
    session.commit()

    Reader(app.test_client(), path_in(outbox.messages[0])).open()

    seen = {row.milestone_id for row in look(Reminder) if row.acknowledged_at is not None}
    assert (len(outbox.messages), seen) == (1, {walking.id, sitting.id})


@pytest.mark.sqlite_only
def test_the_form_asks_in_the_language_of_the_browser_or_the_one_chosen(reader: Reader) -> None:
    reader.headers = {"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"}

    assert "Para leerlo, indique su fecha de nacimiento." in text_of(reader.look())
    assert "To read it, give your date of birth." in text_of(reader.look("?language=en"))
    assert "Revise la fecha" in text_of(reader.open(WRONG, "?language=es"))


def refused(app: Flask, path: str, born: dict[str, str] = BORN) -> tuple[int, str, list[tuple[str, str]]]:
    """Return how a browser without a session is refused, apart from what only the path makes different."""
    answer = Reader(app.test_client(), path).open(born)
    told = text_of(answer).replace(path, "PATH").replace(form_of(answer), "FORM")
    headers = [(name, value) for name, value in answer.headers if name != "Content-Length"]
    return answer.status_code, told, headers


@pytest.mark.sqlite_only
def test_unknown_expired_used_and_wrongly_tried_links_cannot_be_told_apart(
    app: Flask, reader: Reader, session: Session, clock: FixedClock
) -> None:
    wrong = refused(app, reader.path, WRONG)
    unknown = refused(app, "/m/AAAAAAAAAAAAAAAAAAAAAA")
    reader.open()
    used = refused(app, reader.path)
    link = session.query(MessageLink).one()
    link.opened_at, link.expires_at = None, clock.now()
    session.commit()
    expired = refused(app, reader.path)

    assert wrong[0] == 403
    assert "ask your clinic" in wrong[1]
    assert wrong == unknown == used == expired
    assert "Set-Cookie" not in dict(wrong[2])


@pytest.mark.sqlite_only
def test_the_form_is_the_same_for_a_link_that_there_is_and_one_that_there_is_not(app: Flask, reader: Reader) -> None:
    known, unknown = (Reader(app.test_client(), path).look() for path in (reader.path, "/m/AAAAAAAAAAAAAAAAAAAAAA"))

    pages = [
        text_of(page).replace(form_of(page), "FORM").replace(path, "PATH")
        for page, path in ((known, reader.path), (unknown, "/m/AAAAAAAAAAAAAAAAAAAAAA"))
    ]
    assert pages[0] == pages[1]


def test_five_wrong_dates_end_a_link(app: Flask, reader: Reader, look: Look) -> None:
    answers = [Reader(app.test_client(), reader.path).open(WRONG).status_code for _ in range(5)]

    assert answers == [403] * 5
    assert reader.open().status_code == 403
    assert (link_of(look).failed_tries, link_of(look).opened_at) == (5, None)


@pytest.mark.sqlite_only
def test_four_wrong_dates_do_not(app: Flask, reader: Reader) -> None:
    for _ in range(4):
        reader.open(WRONG)

    assert reader.open().status_code == 303


@pytest.mark.sqlite_only
def test_fifteen_wrong_dates_end_all_links_of_a_patient_until_they_expire(
    app: Flask, session: Session, reader: Reader, clock: FixedClock
) -> None:
    link = session.query(MessageLink).one()
    for number in range(3):
        copy = MessageLink(practice_id=link.practice_id, id=f"other-{number}", patient_id=link.patient_id)
        session.add(copy)
        copy.reminder_id, copy.says, copy.said = link.reminder_id, link.says, "Walk."
        copy.token_hash, copy.made_at = bytes([number]) * 32, clock.now()
        copy.expires_at, copy.failed_tries = clock.now() + timedelta(hours=1), 5
    session.commit()

    during = reader.open().status_code
    clock.advance(timedelta(hours=1))
    after = reader.open().status_code

    assert (during, after) == (403, 303)


@pytest.mark.sqlite_only
def test_what_is_no_date_is_no_try(reader: Reader, look: Look) -> None:
    for born in (BORN | {"month": "13"}, BORN | {"day": "x"}, BORN | {"year": "9" * 30}, {}):
        assert reader.open(born).status_code == 422

    assert link_of(look).failed_tries == 0


@pytest.mark.sqlite_only
def test_a_link_lives_72_hours_or_as_long_as_its_message_is_useful(
    reader: Reader, look: Look, clock: FixedClock, app: Flask
) -> None:
    (delivery,) = look(Delivery)
    link = link_of(look)

    assert link.expires_at == max(delivery.useful_until, clock.now() + timedelta(hours=72))
    clock.set_wall_clock(link.expires_at - timedelta(seconds=1))
    assert reader.open().status_code == 303
    assert len(link.token_hash) == 32


@pytest.mark.sqlite_only
def test_the_page_is_shown_for_half_an_hour_and_to_that_browser_alone(
    app: Flask, reader: Reader, clock: FixedClock
) -> None:
    reader.open()
    other = Reader(app.test_client(), reader.path)

    assert "Build up your walking" not in text_of(other.look())
    clock.advance(timedelta(minutes=29, seconds=59))
    assert "Build up your walking" in text_of(reader.look())
    clock.advance(timedelta(seconds=1))
    assert "Build up your walking" not in text_of(reader.look())
    assert reader.open().status_code == 403


@pytest.mark.sqlite_only
def test_who_comes_back_by_the_mail_within_the_half_hour_may_open_it_again(reader: Reader) -> None:
    reader.open()

    again = reader.client.post(reader.path, data={"form": form_of_fresh(reader), **BORN})

    assert again.status_code == 303


def form_of_fresh(reader: Reader) -> str:
    """Return the token of the form as a browser sees it that a mail program sent here, without the cookie."""
    return form_of(Reader(reader.client.application.test_client(), reader.path).look())


@pytest.mark.sqlite_only
def test_a_session_opens_no_other_link(
    engine: Engine, session: Session, small_clinic: Practice, clock: FixedClock, reader: Reader
) -> None:
    reader.open()
    builders.due_delivery(session, small_clinic)
    session.commit()
    (other,) = send_due(engine, session, clock)

    page = Reader(reader.client, path_in(other)).look()

    assert path_in(other) != reader.path
    assert "walking" not in text_of(page)


@pytest.mark.sqlite_only
def test_a_changed_cookie_is_none(reader: Reader) -> None:
    reader.open()
    cookie = reader.client.get_cookie("message")
    assert cookie is not None
    reader.client.set_cookie("message", cookie.value[:-3] + "abc")

    assert "walking" not in text_of(reader.look())


@pytest.mark.sqlite_only
def test_the_cookie_is_bound_to_the_host_and_out_of_reach(app: Flask, reader: Reader, session: Session) -> None:
    cookies = []
    for public_url in ("http://127.0.0.1:8000", "https://recovery.example.org", "http://clinic.example.org"):
        app.extensions["recovery.settings"] = replace(app.extensions["recovery.settings"], public_url=public_url)
        cookies.append(Reader(app.test_client(), reader.path).open().headers["Set-Cookie"].split("; "))
        session.query(MessageLink).update({"opened_at": None})
        session.commit()

    assert [each[0].partition("=")[0] for each in cookies] == ["message", "__Host-message", "__Host-message"]
    assert ["Secure" in each for each in cookies] == [False, True, True]
    for each in cookies:
        assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=1800"} <= set(each)
        assert not any(part.startswith("Domain") for part in each)


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


def test_opening_failing_reading_and_answering_leave_entries_of_the_link(reader: Reader, look: Look) -> None:
    reader.open(WRONG)
    reader.open()
    reader.answer(reader.look(), pain="4")

    link = link_of(look)
    entries = [each for each in look(AuditEntry) if each.actor_kind is ActorKind.link]
    assert [(each.action, each.route, each.status) for each in entries] == [
        (AuditAction.token, "POST /m/{token}", 403),
        (AuditAction.token, "POST /m/{token}", 303),
        (AuditAction.read, "GET /m/{token}", 200),
        (AuditAction.write, "POST /m/{token}/check-in", 303),
    ]
    assert {each.actor_id for each in entries} == {link.id}
    assert {each.about["reminder_id"] for each in entries} == {link.reminder_id}


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


@pytest.mark.sqlite_only
def test_a_repeat_has_the_same_link_and_lives_longer(
    engine: Engine, session: Session, clock: FixedClock, message: Message, look: Look
) -> None:
    row = session.query(Delivery).one()
    row.state, row.next_attempt_at = DeliveryState.pending, clock.now()
    session.commit()
    clock.advance(timedelta(hours=6))

    (again,) = send_due(engine, session, clock)

    assert path_in(again) == path_in(message)
    assert link_of(look).expires_at >= clock.now() + timedelta(hours=72)


@pytest.mark.sqlite_only
def test_the_secret_is_stored_nowhere(session: Session, reader: Reader) -> None:
    reader.open()
    token = reader.path.removeprefix("/m/")

    link = session.query(MessageLink).one()
    stored = " ".join(str(getattr(link, column.name)) for column in MessageLink.__table__.columns)
    assert token not in stored
    assert token not in " ".join(str(each.about) for each in session.query(AuditEntry))
    assert b"walking" not in link.said_sealed
