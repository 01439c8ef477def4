"""A patient's calendar (X05, X06): who may ask, what stands in it, and that another program reads it as it is meant."""

import io
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import vobject
from sqlalchemy.orm import Session

from models import AuditEntry, CalendarFeed, Milestone, Surgery
from models.audit import ActorKind
from service.documents.calendar import PlannedDay, write_calendar
from tests.api.conftest import Caller, Clinic, Look
from tests.api.test_moves import apply, dry_run, moved, surgery  # noqa: F401

WROTE_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def subscribe(who: Caller, clinic: Clinic, patient_id: str | None = None) -> str:
    """Make a feed and return the path of its address."""
    answer = who.post(f"/patients/{patient_id or clinic.patient.id}/calendar-feed")
    assert answer.status_code == 201, answer.json
    return str(urlsplit(answer.json["url"]).path)


def events_of(text: bytes) -> dict[str, Any]:
    """Return the events of a calendar by UID, read by a library that did not write it."""
    (calendar,) = vobject.readComponents(io.StringIO(text.decode()))
    return {event.uid.value: event for event in calendar.vevent_list}


def test_each_step_with_a_day_is_an_event_of_that_whole_day_and_says_nothing_clinical(
    patient: Caller, anonymous: Caller, clinic: Clinic, look: Look
) -> None:
    answer = anonymous.get(subscribe(patient, clinic))

    assert (answer.status_code, answer.content_type) == (200, "text/calendar; charset=utf-8")
    rows = look(Milestone, episode_id=clinic.episode.id)
    dated = {f"{row.id}@spine-recovery": (row, row.target_on) for row in rows if row.target_on is not None}
    events = events_of(answer.data)
    assert set(events) == set(dated)
    for uid, (row, on) in dated.items():
        event = events[uid]
        assert (event.dtstart.value, event.dtend.value) == (on, on + timedelta(days=1))
        assert event.summary.value == "A step of your plan: see your app, or ask your clinic"
        assert int(event.sequence.value) >= row.rev
    said = answer.get_data(as_text=True)
    assert "X-WR-TIMEZONE:America/New_York" in said
    for private in ("Sample", "walk", "opioid", "Lumbar", "microdisc", clinic.patient.mrn):
        assert private.casefold() not in said.casefold()


def test_with_consent_titles_tell_the_step_and_of_a_limit_only_to_ask(
    patient: Caller, anonymous: Caller, clinic: Clinic, session: Session, look: Look
) -> None:
    clinic.patient.details_consent_at = WROTE_AT
    session.commit()
    events = events_of(anonymous.get(subscribe(patient, clinic)).data)

    driving, walking = (look(Milestone, episode_id=clinic.episode.id, key=key)[0] for key in ("drive", "walk30"))

    assert events[f"{driving.id}@spine-recovery"].summary.value.startswith("Ask us: ")
    assert "step of your plan" not in events[f"{walking.id}@spine-recovery"].summary.value


def test_a_moved_day_keeps_its_uid_and_raises_its_sequence_and_what_is_called_off_is_cancelled(
    anonymous: Caller,
    coordinator: Caller,
    clinic: Clinic,
    surgery: Surgery,  # noqa: F811
) -> None:
    path = subscribe(coordinator, clinic, surgery.patient_id)
    before = events_of(anonymous.get(path).data)

    assert apply(coordinator, surgery, dry_run(coordinator, surgery, moved()).json["token"]).status_code == 200
    after = events_of(anonymous.get(path).data)
    assert coordinator.amend(f"/episodes/{surgery.episode_id}", {"status": "withdrawn"}).status_code == 200
    ended = events_of(anonymous.get(path).data)

    assert set(before) <= set(after) == set(ended)
    later = [uid for uid in before if before[uid].dtstart.value != after[uid].dtstart.value]
    assert len(later) > 5
    for uid in later:
        assert after[uid].dtstart.value - before[uid].dtstart.value == timedelta(days=7)
        assert int(after[uid].sequence.value) > int(before[uid].sequence.value)
        assert int(ended[uid].sequence.value) > int(after[uid].sequence.value)
    assert {ended[uid].status.value for uid in later} == {"CANCELLED"}
    assert {after[uid].status.value for uid in later} == {"CONFIRMED"}


def test_an_address_works_until_it_is_revoked_or_renewed_and_then_at_once_no_more(
    patient: Caller, anonymous: Caller, coordinator: Caller, clinic: Clinic, look: Look
) -> None:
    first = subscribe(patient, clinic)
    second = subscribe(coordinator, clinic)

    assert [anonymous.get(each).status_code for each in (first, second)] == [404, 200]
    assert patient.get(f"/patients/{clinic.patient.id}/calendar-feed").json["made_by"] == "staff"
    assert patient.call("DELETE", f"/patients/{clinic.patient.id}/calendar-feed").status_code == 204
    assert anonymous.get(second).status_code == 404
    assert anonymous.call("HEAD", second).status_code == 404
    assert patient.get(f"/patients/{clinic.patient.id}/calendar-feed").json == {"made_at": None, "made_by": None}
    (row,) = look(CalendarFeed)
    assert second.removeprefix("/calendar/").removesuffix(".ics").encode() not in row.token_hash


def test_nobody_makes_or_sees_the_feed_of_another(
    patient: Caller, other_patient: Caller, foreign_staff: Caller, clinic: Clinic, anonymous: Caller
) -> None:
    path = f"/patients/{clinic.patient.id}/calendar-feed"

    assert [who.post(path).status_code for who in (other_patient, foreign_staff)] == [404, 404]
    unknown, known = anonymous.get("/calendar/AAAA.ics"), anonymous.get(subscribe(patient, clinic) + "x")
    assert (unknown.status_code, known.status_code) == (404, 404)
    assert unknown.data == known.data


def test_the_answer_is_nowhere_kept_the_secret_nowhere_logged_and_the_trail_names_the_feed(
    patient: Caller, anonymous: Caller, clinic: Clinic, look: Look, caplog: pytest.LogCaptureFixture
) -> None:
    path = subscribe(patient, clinic)
    secret = path.removeprefix("/calendar/").removesuffix(".ics")

    answer, head = anonymous.get(path), anonymous.call("HEAD", path)
    again = anonymous.get(path, headers={"If-None-Match": answer.headers["ETag"]})

    assert len(secret) >= 22  # 128 bits in base64url
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert (head.status_code, head.data, again.status_code, again.data) == (200, b"", 304, b"")
    logged = str([vars(each) for each in caplog.records])
    assert "GET /calendar/{token}.ics" in logged
    assert secret not in logged
    (row,) = look(CalendarFeed)
    looks = [each for each in look(AuditEntry, practice_id=clinic.id) if each.route == "GET /calendar/{token}.ics"]
    assert [(each.actor_kind, each.actor_id) for each in looks] == [(ActorKind.link, row.id)] * 3
    assert secret not in str([each.about for each in looks])


def test_who_asks_too_often_is_told_to_wait(anonymous: Caller) -> None:
    answers = [anonymous.get("/calendar/AAAA.ics").status_code for _ in range(61)]

    assert answers == [404] * 60 + [429]


HOSTILE = "Fin; de, \\ semana\nATTENDEE:mailto:evil@example.org 🦴" + "é🦴" * 60


@pytest.mark.sqlite_only
def test_text_is_escaped_and_folded_between_characters_at_75_octets() -> None:
    day = PlannedDay("a@b", 3, date(2026, 3, 9), HOSTILE, is_cancelled=False)

    written = write_calendar([day], name=HOSTILE, zone="America/New_York", now=WROTE_AT)

    lines = written.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert all(line.decode() is not None for line in lines)  # no character is cut in two
    assert not [line for line in lines if line.startswith((b"ATTENDEE", b"\n"))]
    assert b"\n" not in written.replace(b"\r\n", b"")
    assert events_of(written)["a@b"].summary.value == HOSTILE


@pytest.mark.sqlite_only
def test_a_calendar_is_written_as_it_stands_here() -> None:
    day = PlannedDay("a@b", 3, date(2026, 2, 28), "A step", is_cancelled=True)

    written = write_calendar([day], name="Recovery", zone="America/New_York", now=WROTE_AT).decode()

    assert written.split("\r\n") == [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Spine recovery//Plan//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH",
        "X-WR-CALNAME:Recovery", "REFRESH-INTERVAL;VALUE=DURATION:PT6H", "X-WR-TIMEZONE:America/New_York",
        "BEGIN:VEVENT", "SUMMARY:A step", "DTSTART;VALUE=DATE:20260228", "DTEND;VALUE=DATE:20260301",
        "DTSTAMP:20260302T150000Z", "UID:a@b", "SEQUENCE:3", "CLASS:PRIVATE", "STATUS:CANCELLED", "TRANSP:TRANSPARENT",
        "END:VEVENT", "END:VCALENDAR", "",
    ]  # fmt: skip
