"""What use cases of reports share: stored once under the client's id, amended by who reported, listed latest first."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import CheckIn, Episode, QuestionnaireAnswer
from service.care.enrol import changes, write_fields
from service.care.lists import rows_after
from service.care.patients import RequireMatch
from service.care.reach import find_named_episode, is_stored, lock_patient, lock_row, refuse_change
from service.care.records import AnswersRecord, CheckInRecord
from service.care.versions import former_columns, keep_former_version
from service.errors import Fault, ForbiddenError, InvalidError, describe
from service.identity.principal import Principal

Report = TypeVar("Report", CheckIn, QuestionnaireAnswer)
# A phone's clock may be wrong; one that is days ahead would put a report where nobody looks for it.
_CLOCK_ERROR = timedelta(days=2)


def put_report(
    session: Session,
    caller: Principal,
    model: type[Report],
    row_id: str,
    record: CheckInRecord | AnswersRecord,
    *,
    told_at: str,
    now: datetime,
    require_match: RequireMatch,
) -> tuple[Report, bool]:
    """Store a report under the client's id. Return the row, and whether it is new. `told_at` names its phone's time.

    What a patient reported is the patient's to change, what staff reported is theirs: the row says whose words it has.
    A proxy changes what they themselves reported.
    What it said before a change is kept.
    Raises NotFoundError for an episode, or an id, that is another's, ForbiddenError for a change by who did not report
    it, InvalidError for a report from the future, and what `require_match` raises.
    """
    episode = find_named_episode(session, caller, record.episode_id)
    at = getattr(record, told_at)
    if at > now + _CLOCK_ERROR:
        expected = f"an instant up to {(now + _CLOCK_ERROR).date()}"
        raise InvalidError(Fault(f"/{told_at}", expected, describe(at)))
    if not is_stored(session, caller, model, row_id):
        lock_patient(session, caller.practice_id, episode.patient_id)
        # Again under the lock: who sends twice at once finds what the first try stored.
        if not is_stored(session, caller, model, row_id):
            row = model(practice_id=caller.practice_id, id=row_id)
            return _add(session, caller, row, episode, record, now=now), True
    existing = lock_row(session, caller, model, row_id)
    changed = changes(existing, record)
    if changed:
        require_match(existing)
        _refuse_change(caller, existing, changed)
        keep_former_version(session, existing, former_columns(existing, changed), now, by=caller.reporter)
        write_fields(existing, record)
    return existing, False


def list_reports(
    session: Session,
    model: type[Report],
    practice_id: str,
    episode_id: str,
    *,
    told_at: str,
    after: str | None,
    limit: int,
) -> Sequence[Report]:
    """Return up to `limit` reports of an episode, the latest first, from the one after the id `after` on."""
    column: Any = getattr(model, told_at)
    place = (column, model.id)
    query = select(model).filter_by(practice_id=practice_id, episode_id=episode_id, deleted=False)
    return rows_after(session, query, place, practice_id=practice_id, after=after, limit=limit, latest_first=True)


def _refuse_change(caller: Principal, row: CheckIn | QuestionnaireAnswer, changed: Sequence[str]) -> None:
    if row.reported_by is not caller.reporter:
        raise ForbiddenError(Fault("", f"a change by {row.reported_by}, who reported it", caller.reporter.value))
    if caller.proxy is not None and row.proxy_consent_id != caller.consent_id:
        raise ForbiddenError(Fault("", "a change by who reported it", "a proxy"))
    if "episode_id" in changed:
        raise refuse_change("/episode_id", "the episode of this report, which never changes")


def _add(
    session: Session,
    caller: Principal,
    row: Report,
    episode: Episode,
    record: CheckInRecord | AnswersRecord,
    *,
    now: datetime,
) -> Report:
    row.patient_id = episode.patient_id
    row.received_at, row.reported_by, row.proxy_consent_id = now, caller.reporter, caller.consent_id
    session.add(row)
    write_fields(row, record)
    return row
