"""Use cases: what patients report of a day is stored and listed. Nobody watches it yet, and every answer says so."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from models import CheckIn
from service.care.patients import RequireMatch
from service.care.records import CheckInRecord
from service.care.reports import list_reports, put_report
from service.identity.principal import Principal

_TOLD_AT = "reported_at"


def put_check_in(
    session: Session,
    caller: Principal,
    check_in_id: str,
    record: CheckInRecord,
    *,
    now: datetime,
    require_match: RequireMatch,
) -> tuple[CheckIn, bool]:
    """Store a check-in under the client's id. Return the row, and whether it is new. Raises as `put_report` does."""
    return put_report(
        session, caller, CheckIn, check_in_id, record, told_at=_TOLD_AT, now=now, require_match=require_match
    )


def list_check_ins(
    session: Session, practice_id: str, episode_id: str, *, after: str | None, limit: int
) -> Sequence[CheckIn]:
    """Return up to `limit` check-ins, the latest first, from the one after the id `after` on."""
    return list_reports(session, CheckIn, practice_id, episode_id, told_at=_TOLD_AT, after=after, limit=limit)
