"""What is past its term goes at night, in every practice, a batch at a time; what somebody may still need stays."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from models import (
    AuditEntry,
    Device,
    EnrolmentCode,
    MessageLink,
    Practice,
    SignInCode,
    SignInThrottle,
    Token,
    UsedChallenge,
)
from models.engine import make_session_factory
from models.identity import TokenKind
from models.sign_in import CodePurpose
from schedules import jobs
from schedules.keeping import removal
from schedules.keeping.terms import DEFAULT_TERMS, KINDS, count_past
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import service_engine_of

SECOND = timedelta(seconds=1)
EXPIRED = MONDAY_AFTERNOON - timedelta(days=30)  # its term is over now
OPENED = MONDAY_AFTERNOON - timedelta(days=365)


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    """Return a factory of sessions as the worker makes them."""
    return make_session_factory(service_engine_of(engine))


def token(session: Session, name: str, kind: TokenKind, practice_id: str, ended: datetime, **holder: Any) -> None:
    """Store a token that expired at `ended`."""
    row = Token(practice_id=practice_id, id=name, kind=kind, expires_at=ended, **holder)
    row.token_hash, row.made_at = f"{practice_id}-{name}".encode(), ended - timedelta(days=1)
    if kind is TokenKind.staff_session:
        row.last_seen_at = row.reauthenticated_at = row.made_at
    session.add(row)


def add_ended(session: Session, practice: Practice, *, shift: timedelta, name: str) -> None:
    """Store one of everything that has a term, which was over at `shift` after now."""
    delivery = builders.due_delivery(session, practice)
    staff, at = builders.staff(session, practice), {"practice_id": practice.id, "id": name}
    expired, whose = EXPIRED + shift, {"patient_id": delivery.patient_id}
    device = Device(practice_id=practice.id, id=f"{name}-phone", enrolled_at=builders.ENROLLED_AT, **whose)
    session.add(device)
    session.flush()
    token(session, f"{name}-session", TokenKind.staff_session, practice.id, expired, staff_id=staff.id)
    of_phone = {"device_id": device.id, "revoked_at": expired, "used_at": expired}
    for kind in (TokenKind.device_access, TokenKind.device_refresh):
        token(session, f"{name}-{kind}", kind, practice.id, expired, **of_phone)
    code_hash = f"{practice.id}-{name}".encode()
    code: dict[str, Any] = {"made_at": expired, "expires_at": expired, "code_hash": code_hash}
    session.add(SignInCode(staff_id=staff.id, purpose=CodePurpose.invitation, **code, **at))
    session.add(EnrolmentCode(made_by=staff.id, **code, **at, **whose))
    session.add(SignInThrottle(failed_tries=1, forgotten_at=MONDAY_AFTERNOON + shift, **at))
    session.add(UsedChallenge(expires_at=MONDAY_AFTERNOON + shift, **at))
    link = MessageLink(reminder_id=delivery.reminder_id, says={}, made_at=OPENED, **at, **whose)
    link.token_hash, link.expires_at = code_hash, OPENED + shift
    session.add(link)
    link.said = "A message."


def left(session: Session) -> dict[str, set[str]]:
    """Return the ids of what is left in each table, and let go of the database."""
    found = {each.name: set(session.scalars(select(each.model.id))) for each in KINDS if not each.often}
    session.rollback()
    return found


def test_what_is_past_its_term_goes_in_every_practice_and_all_else_stays(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    practices = [builders.practice(session) for _ in range(2)]
    for number, practice in enumerate(practices):
        add_ended(session, practice, shift=timedelta(0), name=f"old-{number}")
        add_ended(session, practice, shift=SECOND, name=f"young-{number}")
    session.commit()
    before = left(session)

    jobs.keep_to_terms(make_session, MONDAY_AFTERNOON, DEFAULT_TERMS)

    assert all(any(name.startswith("old") for name in ids) for ids in before.values())
    assert left(session) == {table: {each for each in ids if each.startswith("young")} for table, ids in before.items()}
    told = session.scalars(select(AuditEntry).where(AuditEntry.practice_id == practices[0].id)).all()
    assert {name: count for each in told for name, count in each.about["removed"].items()} == {
        "token": 3, "sign_in_code": 1, "enrolment_code": 1, "sign_in_throttle": 1, "used_challenge": 1,
        "message_link": 1,
    }  # fmt: skip


def test_by_what_a_phone_learns_to_delete_stays_however_old(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    practice = builders.practice(session)
    patient = builders.patient(session, practice)
    kept, ended = builders.device(session, patient), builders.device(session, patient, revoked_at=EXPIRED)
    used = {"revoked_at": EXPIRED, "used_at": EXPIRED}
    token(session, "last-access", TokenKind.device_access, practice.id, EXPIRED, device_id=kept.id)
    token(session, "last-refresh", TokenKind.device_refresh, practice.id, EXPIRED, device_id=kept.id)
    token(session, "of-ended", TokenKind.device_access, practice.id, EXPIRED, device_id=ended.id, **used)
    token(session, "of-none", TokenKind.device_access, practice.id, EXPIRED, device_id=kept.id, **used)
    session.commit()

    jobs.keep_to_terms(make_session, MONDAY_AFTERNOON, DEFAULT_TERMS)

    assert left(session)["token"] == {"last-access", "last-refresh", "of-ended"}


@pytest.mark.sqlite_only
def test_a_large_practice_holds_up_no_other_and_one_night_does_a_bounded_number(
    session: Session, make_session: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "REMOVED_AT_ONCE", 2)
    monkeypatch.setattr("schedules.jobs.retention.MOST_TURNS", 2)
    large, small = builders.practice(session), builders.practice(session)
    for practice, count in ((large, 5), (small, 1)):
        for number in range(count):
            throttle = SignInThrottle(practice_id=practice.id, id=f"{practice.id}-{number}", failed_tries=1)
            throttle.forgotten_at = MONDAY_AFTERNOON
            session.add(throttle)
    session.commit()

    jobs.keep_to_terms(make_session, MONDAY_AFTERNOON, DEFAULT_TERMS)
    after_one = left(session)["sign_in_throttle"]
    jobs.keep_to_terms(make_session, MONDAY_AFTERNOON, DEFAULT_TERMS)

    assert (after_one, left(session)["sign_in_throttle"]) == ({f"{large.id}-4"}, set())


@pytest.mark.sqlite_only
def test_a_practice_whose_turn_fails_keeps_no_other_from_its_own(
    session: Session, make_session: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sorted((builders.practice(session) for _ in range(2)), key=lambda each: each.id)
    for practice in (first, second):
        row = {"practice_id": practice.id, "id": practice.id, "failed_tries": 1}
        session.add(SignInThrottle(forgotten_at=MONDAY_AFTERNOON, **row))
    session.commit()
    first_id, remove_batch = first.id, removal.remove_batch

    def fail_for_the_first(maker: Any, practice_id: str, *rest: Any, **more: Any) -> dict[str, int]:
        if practice_id == first_id:
            raise RuntimeError
        return remove_batch(maker, practice_id, *rest, **more)

    monkeypatch.setattr("schedules.jobs.retention.remove_batch", fail_for_the_first)

    with pytest.raises(RuntimeError):
        jobs.keep_to_terms(make_session, MONDAY_AFTERNOON, DEFAULT_TERMS)

    assert left(session)["sign_in_throttle"] == {first_id}


@pytest.mark.sqlite_only
def test_what_two_nights_have_left_behind_is_counted(session: Session, make_session: sessionmaker[Session]) -> None:
    practice = builders.practice(session)
    add_ended(session, practice, shift=timedelta(0), name="old")
    session.commit()

    counts = [
        sum(count_past(session, practice.id, DEFAULT_TERMS, MONDAY_AFTERNOON - behind).values())
        for behind in (timedelta(0), SECOND)
    ]

    assert counts == [8, 0]
