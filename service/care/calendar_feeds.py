"""Use cases: the address of a patient's calendar is made anew, revoked, and asked by a program that has nothing else.

An unknown address, a former one and a revoked one are refused alike.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from models import CalendarFeed, Episode, Milestone, Patient
from models.ids import new_id
from models.isolation import Door
from schedules.plan.kind_words import kind_name
from schedules.plan.vocabulary import EpisodeStatus, Language, MilestoneKind
from service.care.reach import find_patient, lock_patient
from service.documents.calendar import PlannedDay, write_calendar
from service.documents.words import say
from service.errors import NotFoundError
from service.identity.principal import Principal
from service.identity.tokens import hash_secret

_SECRET_BYTES = 32
_ENDED = (EpisodeStatus.died, EpisodeStatus.withdrawn, EpisodeStatus.transferred)
_BY_TOKEN = Door(CalendarFeed.practice_id, CalendarFeed.token_hash)


@dataclass(frozen=True, slots=True)
class CalendarView:
    """A calendar as text. `mark` changes with everything in it but the time of writing."""

    text: bytes
    mark: str


def renew_feed(session: Session, caller: Principal, patient_id: str, now: datetime) -> tuple[CalendarFeed, str]:
    """Make a patient's feed a new address; one that there was ends at once. Return the feed and the new secret.

    Raises NotFoundError.
    """
    find_patient(session, caller, patient_id)
    lock_patient(session, caller.practice_id, patient_id)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    row = _feed_of(session, caller, patient_id)
    if row is None:
        row = CalendarFeed(practice_id=caller.practice_id, id=new_id(now), patient_id=patient_id)
        session.add(row)
    row.token_hash, row.made_at, row.made_by, row.revoked_at = hash_secret(secret), now, caller.reporter, None
    return row, secret


def revoke_feed(session: Session, caller: Principal, patient_id: str, now: datetime) -> None:
    """End the address of a patient's feed, if there is one. Raises NotFoundError for an unknown patient."""
    find_patient(session, caller, patient_id)
    lock_patient(session, caller.practice_id, patient_id)
    row = _feed_of(session, caller, patient_id)
    if row is not None:
        row.revoked_at = row.revoked_at or now


def find_feed(session: Session, caller: Principal, patient_id: str) -> CalendarFeed | None:
    """Return a patient's feed that shows something; None without one. Raises NotFoundError for an unknown patient."""
    find_patient(session, caller, patient_id)
    row = _feed_of(session, caller, patient_id)
    return None if row is None or row.revoked_at is not None else row


def open_feed(session: Session, token: str) -> tuple[CalendarFeed, Principal]:
    """Return the feed of a secret and who asks by it, and have the session see its practice. Raises NotFoundError."""
    token_hash = hash_secret(token)
    _BY_TOKEN.enter(session, token_hash)
    row = session.scalars(select(CalendarFeed).where(CalendarFeed.token_hash == token_hash)).one_or_none()
    if row is None or row.revoked_at is not None:
        raise NotFoundError
    return row, Principal(row.practice_id, row.id, patient_id=row.patient_id, by_link=True)


def view_calendar(session: Session, feed: CalendarFeed, now: datetime) -> CalendarView:
    """Return what a feed shows. Titles say that something is planned, and what only if the patient consented to that.

    Raises NotFoundError for a patient who is no more.
    """
    patient = session.get(Patient, (feed.practice_id, feed.patient_id))
    if patient is None or patient.deleted:
        raise NotFoundError
    language = Language(patient.language)
    days = [_planned(row, episode, patient, language) for row, episode in _milestones(session, patient)]
    name = say(language, "calendar")
    shown = sha256(repr((days, name, patient.time_zone)).encode()).hexdigest()
    return CalendarView(write_calendar(days, name=name, zone=patient.time_zone, now=now), shown)


def _feed_of(session: Session, caller: Principal, patient_id: str) -> CalendarFeed | None:
    query = select(CalendarFeed).filter_by(practice_id=caller.practice_id, patient_id=patient_id)
    return session.scalars(query).one_or_none()


def _milestones(session: Session, patient: Patient) -> Sequence[tuple[Milestone, Episode]]:
    """Return what is planned for a day in the patient's episodes, what was called off included, by day."""
    query = (
        select(Milestone, Episode)
        .join(Episode, and_(Episode.practice_id == Milestone.practice_id, Episode.id == Milestone.episode_id))
        .where(
            Milestone.practice_id == patient.practice_id,
            Milestone.patient_id == patient.id,
            Milestone.target_on.is_not(None),
            ~Milestone.deleted,
            ~Episode.deleted,
        )
    )
    found = session.execute(query.order_by(Milestone.target_on, Milestone.id))
    return [(row, episode) for row, episode in found]


def _planned(row: Milestone, episode: Episode, patient: Patient, language: Language) -> PlannedDay:
    on = row.target_on
    assert on is not None  # noqa: S101 - the query asks for those with a day
    is_superseded = row.superseded_on is not None and on >= row.superseded_on
    is_over = episode.status in _ENDED or patient.died_on is not None
    return PlannedDay(
        uid=f"{row.id}@spine-recovery",
        sequence=max(row.rev, episode.rev, patient.rev),  # grows with every change of what it follows from
        on=on,
        title=_title(row, patient, language),
        is_cancelled=row.cancelled_at is not None or is_superseded or is_over,
    )


def _title(row: Milestone, patient: Patient, language: Language) -> str:
    if patient.details_consent_at is None:
        return say(language, "calendar_step")
    name = kind_name(MilestoneKind(row.kind)).in_language(language)
    # No day lifts a limit: on it the patient asks.
    return say(language, "calendar_ask", what=name) if row.lifts is not None else name
