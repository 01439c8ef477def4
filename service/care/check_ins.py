"""Use cases: what patients report is stored and listed. Nobody watches it yet, and every answer says so."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from models import CheckIn, Episode
from service.care.enrol import changes, write_fields
from service.care.patients import RequireMatch
from service.care.reach import find_named_episode, is_stored, lock_patient, lock_row, refuse_change
from service.care.records import CheckInRecord
from service.care.versions import former_columns, keep_former_version
from service.errors import Fault, ForbiddenError, InvalidError, describe
from service.identity.principal import Principal

# A phone's clock may be wrong; one that is days ahead would put a report where nobody looks for it.
_CLOCK_ERROR = timedelta(days=2)


def put_check_in(
    session: Session,
    caller: Principal,
    check_in_id: str,
    record: CheckInRecord,
    *,
    now: datetime,
    require_match: RequireMatch,
) -> tuple[CheckIn, bool]:
    """Store a check-in under the client's id. Return the row, and whether it is new.

    What a patient reported is the patient's to change, what staff reported is theirs: the row says whose words it has.
    What it said before a change is kept.
    Raises NotFoundError for an episode, or an id, that is another's, ForbiddenError for a change by who did not report
    it, InvalidError for a report from the future, and what `require_match` raises.
    """
    episode = find_named_episode(session, caller, record.episode_id)
    if record.reported_at > now + _CLOCK_ERROR:
        expected = f"an instant up to {(now + _CLOCK_ERROR).date()}"
        raise InvalidError(Fault("/reported_at", expected, describe(record.reported_at)))
    if not is_stored(session, caller, CheckIn, check_in_id):
        lock_patient(session, caller.practice_id, episode.patient_id)
        # Again under the lock: who sends twice at once finds what the first try stored.
        if not is_stored(session, caller, CheckIn, check_in_id):
            return _add(session, caller, check_in_id, episode, record, now=now), True
    existing = lock_row(session, caller, CheckIn, check_in_id)
    changed = changes(existing, record)
    if changed:
        require_match(existing)
        if existing.reported_by is not caller.reporter:
            raise ForbiddenError(
                Fault("", f"a change by {existing.reported_by}, who reported it", caller.reporter.value)
            )
        if "episode_id" in changed:
            raise refuse_change("/episode_id", "the episode of this check-in, which never changes")
        keep_former_version(session, "check_ins", existing, former_columns("check_ins", existing, changed), now)
        write_fields(existing, record)
    return existing, False


def list_check_ins(
    session: Session, practice_id: str, episode_id: str, *, after: str | None, limit: int
) -> Sequence[CheckIn]:
    """Return up to `limit` check-ins, the latest first, from the one after the id `after` on."""
    place = (CheckIn.reported_at, CheckIn.id)
    query = select(CheckIn).filter_by(practice_id=practice_id, episode_id=episode_id, deleted=False)
    if after is not None:
        last = session.execute(select(*place).filter_by(practice_id=practice_id, id=after)).one_or_none()
        query = query.where(tuple_(*place) < tuple(last)) if last is not None else query
    return session.scalars(query.order_by(CheckIn.reported_at.desc(), CheckIn.id.desc()).limit(limit)).all()


def _add(
    session: Session, caller: Principal, check_in_id: str, episode: Episode, record: CheckInRecord, *, now: datetime
) -> CheckIn:
    row = CheckIn(practice_id=caller.practice_id, id=check_in_id, patient_id=episode.patient_id)
    row.received_at, row.reported_by = now, caller.reporter
    write_fields(row, record)
    session.add(row)
    return row
