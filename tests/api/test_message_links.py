"""Who opens the link of a message: by the date of birth, in few tries, for half an hour, in one browser."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import AuditEntry, MessageLink, Practice
from models.audit import ActorKind, AuditAction
from models.reminder import Delivery, DeliveryState
from schedules.delivery.channels import Message
from tests import builders
from tests.api.conftest import Look
from tests.api.message_reader import BORN, WRONG, Reader, form_of, link_of, path_in, send_due, text_of
from tests.clock import FixedClock


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
