"""Use cases: a patient's release for one recipient is recorded, listed, revoked, and asked for before a letter leaves.

A release never changes: another recipient, or another end, is another release.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Episode, LetterRelease
from models.letter import Recipient
from service.care.enrol import clinic_today
from service.care.lists import rows_after
from service.care.reach import find_named_episode, find_row, is_stored, lock_patient, practice_of
from service.errors import ConflictError, Fault, InvalidError, NoReleaseError, NotFoundError, describe
from service.identity.principal import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """A release as it is on paper. `name` and `address` are the recipient's; `injured_on` and `signed_on` are days of
    the clinic's calendar. It holds from `signed_on` through `valid_through_on`.
    """

    episode_id: str
    recipient: Recipient
    name: str
    signed_on: date
    valid_through_on: date
    address: str | None = None
    claim_number: str | None = None
    injured_on: date | None = None
    tells_diagnosis: bool = False


def put_release(
    session: Session, caller: Principal, release_id: str, record: ReleaseRecord, *, now: datetime
) -> tuple[LetterRelease, bool]:
    """Record a release under the client's id. Return the row, and whether it is new; the same again changes nothing.

    Raises NotFoundError, InvalidError for days that contradict each other or lie ahead, ConflictError for another one
    under the same id.
    """
    episode = find_named_episode(session, caller, record.episode_id)
    _refuse_days(record, clinic_today(practice_of(session, caller), now))
    lock_patient(session, caller.practice_id, episode.patient_id)
    known = session.get(LetterRelease, (caller.practice_id, release_id))
    if known is None and is_stored(session, caller, LetterRelease, release_id):
        raise NotFoundError  # of another caseload
    if known is not None:
        _refuse_another(known, record)
        return known, False
    row = LetterRelease(practice_id=caller.practice_id, id=release_id, patient_id=episode.patient_id)
    session.add(row)
    for each in fields(record):
        setattr(row, each.name, getattr(record, each.name))
    row.recorded_at, row.recorded_by = now, caller.actor_id
    return row, True


def revoke_release(session: Session, caller: Principal, release_id: str, *, now: datetime) -> LetterRelease:
    """End a release: no letter leaves under it any more. Again it changes nothing. Raises NotFoundError."""
    row = find_release(session, caller, release_id)
    lock_patient(session, row.practice_id, row.patient_id)
    session.refresh(row)
    if row.revoked_at is None:
        row.revoked_at, row.revoked_by = now, caller.reporter
    return row


def find_release(session: Session, caller: Principal, release_id: str) -> LetterRelease:
    """Return a release that the caller reaches. Raises NotFoundError."""
    row = session.get(LetterRelease, (caller.practice_id, release_id))
    if row is None or caller.patient_id not in (None, row.patient_id):
        raise NotFoundError
    return row


def list_releases(
    session: Session, caller: Principal, episode_id: str, *, after: str | None, limit: int
) -> Sequence[LetterRelease]:
    """Return up to `limit` releases of an episode, the latest first, from the one after the id `after` on.

    Raises NotFoundError.
    """
    find_row(session, caller, Episode, episode_id)
    place = (LetterRelease.recorded_at, LetterRelease.id)
    query = select(LetterRelease).filter_by(practice_id=caller.practice_id, episode_id=episode_id)
    return rows_after(
        session, query, place, practice_id=caller.practice_id, after=after, limit=limit, latest_first=True
    )


def is_valid(release: LetterRelease, on: date) -> bool:
    """Return whether a release holds on a day of the clinic's calendar. One that was revoked holds on none."""
    return release.revoked_at is None and release.signed_on <= on <= release.valid_through_on


def refuse_invalid(release: LetterRelease, on: date) -> None:
    """Raise NoReleaseError unless a release holds on a day."""
    if not is_valid(release, on):
        what = "revoked" if release.revoked_at is not None else f"one through {release.valid_through_on}"
        raise NoReleaseError(Fault("/release_id", f"a release for the {release.recipient} that holds on {on}", what))


def _refuse_days(record: ReleaseRecord, today: date) -> None:
    if record.signed_on > today:
        raise InvalidError(Fault("/signed_on", f"a day up to {today}", describe(record.signed_on)))
    if record.valid_through_on < record.signed_on:
        expected = f"a day from {record.signed_on} on"
        raise InvalidError(Fault("/valid_through_on", expected, describe(record.valid_through_on)))
    if record.injured_on is not None and record.injured_on > today:
        raise InvalidError(Fault("/injured_on", f"a day up to {today}", describe(record.injured_on)))


def _refuse_another(known: LetterRelease, record: ReleaseRecord) -> None:
    changed = [each.name for each in fields(record) if getattr(known, each.name) != getattr(record, each.name)]
    if changed:
        faults = (Fault(f"/{name}", "what was recorded: a release never changes", "another value") for name in changed)
        raise ConflictError(*faults)
