"""Use cases: a work-status letter is made, listed, and handed out, under a release of the patient that holds that day.

A letter is kept as its very bytes. Whether it still says what the plan says is found on reading, never stored.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from models import (
    Clearance,
    ClearanceRule,
    Episode,
    Letter,
    LetterRelease,
    Milestone,
    Staff,
    Surgery,
)
from schedules.plan.day_limits import HELD, DayLimits
from schedules.plan.vocabulary import Grade, Language, Procedure, RestrictionKind, SurgeryStatus
from schedules.plan.work_status import WorkReport
from schedules.plan.work_terms import WorkTerms
from service.care.enrol import clinic_today
from service.care.letter_releases import find_release, refuse_invalid
from service.care.protocol_states import signatures_of
from service.care.reach import find_named_episode, find_patient, find_row, is_stored, lock_patient, practice_of
from service.care.work_status import work_status_of
from service.dashboard.words import say
from service.documents.typeset import UnsettableError, typeset
from service.documents.work_letter import Addressee, ClearedForWork, WorkLetter, facts_digest, work_document
from service.errors import ConflictError, Fault, NotFoundError
from service.identity.principal import Principal


class LetterState(StrEnum):
    """Whether a letter still holds."""

    current = "current"
    superseded = "superseded"  # by a later letter to the same recipient, or the plan says otherwise since
    lapsed = "lapsed"  # the expected end of its status has passed


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeLetter:
    """Which letter is wanted: about whom, under which release, in which language."""

    episode_id: str
    release_id: str
    language: Language


@dataclass(frozen=True, slots=True)
class LetterView:
    """A letter, its release, and whether it still holds."""

    row: Letter
    release: LetterRelease
    state: LetterState


def make_letter(
    session: Session, caller: Principal, letter_id: str, command: MakeLetter, *, now: datetime
) -> tuple[LetterView, bool]:
    """Make a letter of today's work status under the client's id. Return it, and whether it is new.

    The same again makes no other. Raises NotFoundError, NoReleaseError, and ConflictError where there is no work
    status, where the id stands for another letter, and for a name that the fonts cannot show.
    """
    episode = find_named_episode(session, caller, command.episode_id)
    lock_patient(session, caller.practice_id, episode.patient_id)
    release = _release_of(session, caller, command)
    known = session.get(Letter, (caller.practice_id, letter_id))
    if known is None and is_stored(session, caller, Letter, letter_id):
        raise NotFoundError  # of another caseload
    if known is not None:
        _refuse_another(known, command)
        return _view(session, caller, known, release, now), False
    today = clinic_today(practice_of(session, caller), now)
    refuse_invalid(release, today)
    row = Letter(practice_id=caller.practice_id, id=letter_id, patient_id=episode.patient_id)
    session.add(row)
    row.episode_id, row.release_id, row.language = episode.id, release.id, command.language
    row.number, row.status_on, row.made_at, row.made_by = _next_number(session, episode), today, now, caller.actor_id
    _write(session, caller, row, release, now)
    return LetterView(row, release, LetterState.current), True


def list_letters(
    session: Session, caller: Principal, episode_id: str, *, after: str | None, limit: int, now: datetime
) -> Sequence[LetterView]:
    """Return up to `limit` letters of an episode, the latest first, from the one after the id `after` on.

    Raises NotFoundError.
    """
    find_row(session, caller, Episode, episode_id)
    query = (
        select(Letter, LetterRelease)
        .join(
            LetterRelease, and_(LetterRelease.practice_id == Letter.practice_id, LetterRelease.id == Letter.release_id)
        )
        .where(Letter.practice_id == caller.practice_id, Letter.episode_id == episode_id)
    )
    if after is not None:
        last = select(Letter.number).filter_by(practice_id=caller.practice_id, id=after).scalar_subquery()
        query = query.where(Letter.number < last)
    rows = session.execute(query.order_by(Letter.number.desc()).limit(limit)).all()
    return [_view(session, caller, letter, release, now) for letter, release in rows]


def read_letter(session: Session, caller: Principal, letter_id: str, *, now: datetime) -> tuple[Letter, bytes]:
    """Return a letter and its bytes, as they were made: to the patient always, to staff while its release holds.

    Raises NotFoundError, NoReleaseError.
    """
    row = session.get(Letter, (caller.practice_id, letter_id))
    if row is None or caller.patient_id not in (None, row.patient_id):
        raise NotFoundError
    if caller.patient_id is None:
        release = find_release(session, caller, row.release_id)
        refuse_invalid(release, clinic_today(practice_of(session, caller), now))
    return row, base64.b64decode(row.pdf or "")


def _release_of(session: Session, caller: Principal, command: MakeLetter) -> LetterRelease:
    try:
        release = find_release(session, caller, command.release_id)
    except NotFoundError:
        raise NotFoundError(Fault("/release_id", "a release of this episode", "an unknown id")) from None
    if release.episode_id != command.episode_id:
        raise NotFoundError(Fault("/release_id", "a release of this episode", "an unknown id"))
    return release


def _refuse_another(known: Letter, command: MakeLetter) -> None:
    told = (known.episode_id, known.release_id, known.language)
    if told != (command.episode_id, command.release_id, command.language):
        raise ConflictError(Fault("", "an id that stands for no other letter", "one that does"))


def _next_number(session: Session, episode: Episode) -> int:
    query = select(func.max(Letter.number)).filter_by(practice_id=episode.practice_id, episode_id=episode.id)
    return (session.scalar(query) or 0) + 1


def _write(session: Session, caller: Principal, row: Letter, release: LetterRelease, now: datetime) -> None:
    letter = _letter(session, caller, row, release, now)
    try:
        pdf = typeset(work_document(letter))
    except UnsettableError:
        expected = "names and texts in Latin, Greek, Cyrillic or Hebrew letters"
        raise ConflictError(Fault("", expected, "a letter of another alphabet")) from None
    row.status, row.facts_digest = letter.terms.status, facts_digest(letter.report, letter.cleared)
    row.pdf, row.pdf_digest = base64.b64encode(pdf).decode(), hashlib.sha256(pdf).hexdigest()


def _letter(session: Session, caller: Principal, row: Letter, release: LetterRelease, now: datetime) -> WorkLetter:
    practice, patient = practice_of(session, caller), find_patient(session, caller, row.patient_id)
    seen = work_status_of(session, caller, row.episode_id, on=row.status_on, now=now)
    terms = _terms(seen.report)
    surgeries = _surgeries(session, row)
    signatures = signatures_of(session, practice)
    return WorkLetter(
        language=row.language,
        country=practice.country,
        clinic=practice.name,
        phone=practice.phone,
        to=_addressee(release),
        patient=f"{patient.given_name} {patient.family_name}",
        diagnosis=_diagnosis(surgeries, row.language) if release.tells_diagnosis else None,
        number=row.number,
        made_on=row.status_on,
        made_by=session.get_one(Staff, (row.practice_id, row.made_by)).display_name,
        report=seen.report,
        terms=terms,
        cleared=_cleared(session, row, row.status_on),
        grades=_grades(seen.limits),
        is_signed=all(each.protocol_digest in signatures for each in surgeries),
    )


def _terms(report: WorkReport) -> WorkTerms:
    if report.terms is None:
        raise ConflictError(Fault("/episode_id", "an episode with a work status today", f"{report.no_status}"))
    return report.terms


def _addressee(release: LetterRelease) -> Addressee:
    return Addressee(
        kind=release.recipient.value,
        name=release.name or "",
        address=release.address,
        claim_number=release.claim_number,
        injured_on=release.injured_on,
        released_on=release.signed_on,
    )


def _surgeries(session: Session, row: Letter) -> Sequence[Surgery]:
    query = select(Surgery).filter_by(practice_id=row.practice_id, episode_id=row.episode_id, deleted=False)
    return session.scalars(query.where(Surgery.status != SurgeryStatus.cancelled).order_by(Surgery.stage)).all()


def _diagnosis(surgeries: Sequence[Surgery], language: Language) -> str:
    told = ((say(language, f"procedure_{Procedure(each.procedure)}"), each.indication) for each in surgeries)
    return "; ".join(", ".join(filter(None, parts)) for parts in told)


def _grades(limits: DayLimits) -> frozenset[Grade]:
    """Return the grades of the limits at work that hold on a day."""
    kinds = (limits.lifting, limits.bending_twisting, limits.driving, limits.sitting, limits.brace, limits.work.limit)
    return frozenset(each.grade for each in kinds if each.state in HELD and each.grade is not None)


def _cleared(session: Session, row: Letter, on: date) -> ClearedForWork | None:
    """Return who gave the clearance for work that stands on a day, the latest of several; None without one."""
    query = (
        select(Clearance, Staff.display_name)
        .join(Milestone, and_(Milestone.practice_id == Clearance.practice_id, Milestone.id == Clearance.milestone_id))
        .outerjoin(
            ClearanceRule,
            and_(ClearanceRule.practice_id == Clearance.practice_id, ClearanceRule.id == Clearance.rule_id),
        )
        .join(
            Staff,
            and_(
                Staff.practice_id == Clearance.practice_id,
                Staff.id == func.coalesce(Clearance.cleared_by, ClearanceRule.signed_by),
            ),
        )
        .where(
            Clearance.practice_id == row.practice_id,
            Clearance.episode_id == row.episode_id,
            Milestone.lifts == RestrictionKind.work,
            Clearance.cleared_on <= on,
            Clearance.revoked_on.is_(None) | (Clearance.revoked_on > on),
            ~Clearance.deleted,
        )
        .order_by(Clearance.cleared_on.desc(), Clearance.cleared_at.desc())
    )
    found = session.execute(query.limit(1)).one_or_none()
    if found is None:
        return None
    clearance, name = found
    return ClearedForWork(name, clearance.cleared_on, clearance.rule_id is not None)


def _view(session: Session, caller: Principal, row: Letter, release: LetterRelease, now: datetime) -> LetterView:
    """Return a letter with its state, by what is known now of the day that it is about."""
    seen = work_status_of(session, caller, row.episode_id, on=row.status_on, now=now)
    same = facts_digest(seen.report, _cleared(session, row, row.status_on)) == row.facts_digest
    if not same or _has_later(session, row, release):
        return LetterView(row, release, LetterState.superseded)
    end = seen.report.expected_end
    today = clinic_today(practice_of(session, caller), now)
    has_lapsed = end is not None and end.on is not None and end.on < today
    return LetterView(row, release, LetterState.lapsed if has_lapsed else LetterState.current)


def _has_later(session: Session, row: Letter, release: LetterRelease) -> bool:
    """Return whether the same recipient has a later letter of the episode."""
    query = (
        select(Letter.id)
        .join(
            LetterRelease, and_(LetterRelease.practice_id == Letter.practice_id, LetterRelease.id == Letter.release_id)
        )
        .where(
            Letter.practice_id == row.practice_id,
            Letter.episode_id == row.episode_id,
            Letter.number > row.number,
            LetterRelease.recipient == release.recipient,
        )
    )
    return session.scalar(query.limit(1)) is not None
