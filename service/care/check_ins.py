"""Use cases: what patients report of a day is stored and listed, and what asks for a person in it is raised at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models import CheckIn, Patient, Practice
from schedules.plan.emergency import emergency_words
from schedules.plan.placeholders import fill
from schedules.plan.red_flag import Urgency
from schedules.plan.red_flags import FLAG_OF_KEY
from service.care.patients import RequireMatch
from service.care.reach import find_named_episode, lock_patient
from service.care.records import CheckInRecord, SaidFlags
from service.care.report_alerts import flags_of, raise_from_reports
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
    stored = put_report(
        session, caller, CheckIn, check_in_id, record, told_at=_TOLD_AT, now=now, require_match=require_match
    )
    raise_from_reports(session, caller.practice_id, [stored[0]], now)
    return stored


@dataclass(frozen=True, slots=True)
class UrgentAdvice:
    """What a patient must do at once about one red flag."""

    red_flag: str
    urgency: Urgency
    what_to_do: str


def urgent_advice(session: Session, row: CheckIn) -> list[UrgentAdvice]:
    """Return what to do about each red flag of a check-in, in the patient's language, the most urgent first.

    Signs at the wound and a fever that amount to one count as if it were said.
    """
    patient = session.get_one(Patient, (row.practice_id, row.patient_id))
    practice = session.get_one(Practice, row.practice_id)
    said = flags_of(row)
    values = {"number": emergency_words(patient.country, patient.language), "phone": practice.phone}
    # The flags are listed by urgency, see `schedules.plan.red_flags`.
    return [
        UrgentAdvice(key, flag.urgency, fill(flag.what_to_do.in_language(patient.language), values))
        for key, flag in FLAG_OF_KEY.items()
        if key in said
    ]


def raise_said_flags(
    session: Session, caller: Principal, check_in_id: str, said: SaidFlags, *, now: datetime
) -> list[UrgentAdvice]:
    """Raise the red flags of a check-in that cannot be stored: somebody said them. Return what to do about each.

    Stored under the same id later, it raises none of them again. Raises NotFoundError.
    """
    row = _unstored(session, caller, check_in_id, said)
    if flags_of(row):
        lock_patient(session, caller.practice_id, row.patient_id)
        raise_from_reports(session, caller.practice_id, [row], now)
    return urgent_advice(session, row)


def said_advice(session: Session, caller: Principal, said: SaidFlags) -> list[UrgentAdvice]:
    """Return what to do at once about what was said, and raise nothing. Raises NotFoundError."""
    return urgent_advice(session, _unstored(session, caller, "", said))


def _unstored(session: Session, caller: Principal, check_in_id: str, said: SaidFlags) -> CheckIn:
    episode = find_named_episode(session, caller, said.episode_id)
    row = CheckIn(practice_id=caller.practice_id, id=check_in_id, patient_id=episode.patient_id, episode_id=episode.id)
    row.reported_at, row.temperature_tenths_c = said.reported_at, said.temperature_tenths_c
    row.red_flags, row.wound_signs = [*said.red_flags], [*said.wound_signs]
    return row


def list_check_ins(
    session: Session, practice_id: str, episode_id: str, *, after: str | None, limit: int
) -> Sequence[CheckIn]:
    """Return up to `limit` check-ins, the latest first, from the one after the id `after` on."""
    return list_reports(session, CheckIn, practice_id, episode_id, told_at=_TOLD_AT, after=after, limit=limit)
