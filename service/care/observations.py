"""Use cases: clinical facts that clearances wait for are recorded and listed. Of one subject the newest counts."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import ObservedFact, Surgery
from models.people import StaffRole
from schedules.plan.vocabulary import Observation
from service.care.lists import rows_after
from service.care.patients import RequireMatch
from service.care.reach import find_named_episode, is_stored, lock_patient, lock_row, refuse_change
from service.care.versions import former_columns, keep_former_version
from service.errors import Fault, ForbiddenError, InvalidError, NotFoundError, describe
from service.identity.principal import Principal

# As for check-ins: a phone's clock may be wrong, though not by days.
_CLOCK_ERROR = timedelta(days=2)
BY_PATIENTS: Final = (Observation.opioid_taken, Observation.sedative_taken)
BY_CLINICIANS: Final = (Observation.xray_satisfactory, Observation.xray_unsatisfactory)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationRecord:
    """One clinical fact. `surgery_id` None: it is of no single surgery."""

    episode_id: str
    what: Observation
    observed_at: datetime
    surgery_id: str | None = None


def put_observation(
    session: Session,
    caller: Principal,
    observation_id: str,
    record: ObservationRecord,
    *,
    now: datetime,
    require_match: RequireMatch,
) -> tuple[ObservedFact, bool]:
    """Store a fact under the client's id. Return the row, and whether it is new.

    A patient tells of opioids and sedatives only, and how an X-ray looks is a clinician's word. What a fact said before
    a change is kept. Raises NotFoundError
    for an episode, surgery or id that is another's, ForbiddenError for a fact that is not the caller's to tell or
    change, InvalidError for one from the future, and what `require_match` raises.
    """
    episode = find_named_episode(session, caller, record.episode_id)
    _refuse_teller(caller, record.what)
    _refuse_surgery(session, caller, record)
    if record.observed_at > now + _CLOCK_ERROR:
        expected = f"an instant up to {(now + _CLOCK_ERROR).date()}"
        raise InvalidError(Fault("/observed_at", expected, describe(record.observed_at)))
    if not is_stored(session, caller, ObservedFact, observation_id):
        lock_patient(session, caller.practice_id, episode.patient_id)
        # Again under the lock: who sends twice at once finds what the first try stored.
        if not is_stored(session, caller, ObservedFact, observation_id):
            row = ObservedFact(practice_id=caller.practice_id, id=observation_id, patient_id=episode.patient_id)
            _write(row, caller, record, now)
            session.add(row)
            return row, True
    row = lock_row(session, caller, ObservedFact, observation_id)
    changed = {field.name for field in fields(record) if getattr(row, field.name) != getattr(record, field.name)}
    if changed:
        require_match(row)
        _refuse_change(caller, row, changed)
        keep_former_version(session, row, former_columns(row, changed), now, by=caller.reporter)
        _write(row, caller, record, now)
    return row, False


def list_observations(
    session: Session, practice_id: str, episode_id: str, *, after: str | None, limit: int
) -> Sequence[ObservedFact]:
    """Return up to `limit` facts of an episode, the latest first, from the one after the id `after` on."""
    place = (ObservedFact.observed_at, ObservedFact.id)
    query = select(ObservedFact).filter_by(practice_id=practice_id, episode_id=episode_id, deleted=False)
    return rows_after(session, query, place, practice_id=practice_id, after=after, limit=limit, latest_first=True)


def may_tell(caller: Principal, what: Observation) -> bool:
    """Return whether a fact is the caller's to tell: how an X-ray looks is a clinician's word."""
    by_clinician = what not in BY_CLINICIANS or caller.role is StaffRole.clinician
    return by_clinician and (caller.is_staff or what in BY_PATIENTS)


def _refuse_teller(caller: Principal, what: Observation) -> None:
    if may_tell(caller, what):
        return
    if not caller.is_staff:
        raise ForbiddenError(Fault("/what", "one of " + ", ".join(BY_PATIENTS), what.value))
    raise ForbiddenError(Fault("/what", "a clinician, who has seen the X-ray", what.value))


def _refuse_surgery(session: Session, caller: Principal, record: ObservationRecord) -> None:
    if record.surgery_id is None:
        return
    surgery = session.get(Surgery, (caller.practice_id, record.surgery_id))
    if surgery is None or surgery.deleted or surgery.episode_id != record.episode_id:
        raise NotFoundError(Fault("/surgery_id", "a surgery of the episode", "an unknown id"))


def _refuse_change(caller: Principal, row: ObservedFact, changed: set[str]) -> None:
    if row.reported_by is not caller.reporter:
        raise ForbiddenError(Fault("", f"a change by {row.reported_by}, who reported it", caller.reporter.value))
    _refuse_teller(caller, row.what)
    if "episode_id" in changed:
        raise refuse_change("/episode_id", "the episode of this fact, which never changes")


def _write(row: ObservedFact, caller: Principal, record: ObservationRecord, now: datetime) -> None:
    for field in fields(record):
        setattr(row, field.name, getattr(record, field.name))
    row.recorded_at, row.reported_by = now, caller.reporter
    row.recorded_by = caller.actor_id if caller.is_staff else None
