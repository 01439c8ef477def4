"""What the demo's patients answered: check-ins, and the questionnaires of their plans. Made up from their numbers.

A course that gets better, so that charts have a shape; nothing of it was measured on anybody.
"""

import zlib
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from models import CheckIn, Episode, Milestone, MilestoneProgress, Patient, QuestionnaireAnswer
from models.care import Reporter
from models.ids import new_id
from schedules.plan.questionnaires import QUESTIONNAIRE_KINDS, STATEMENTS, asked_after
from schedules.plan.vocabulary import Instrument, Procedure

REPORTED_DAYS: Final = 120  # nobody answers for longer
AT: Final = time(16, 30, tzinfo=UTC)
_RHYTHM: Final = ((14, 1), (42, 3), (REPORTED_DAYS, 7))
_WOUND_DAYS: Final = 14
_NECK: Final = frozenset({Procedure.acdf, Procedure.posterior_cervical_foraminotomy})


def check_ins_of(
    patient: Patient, episode: Episode, procedures: Collection[Procedure], day0: date, *, last_day: int, now: datetime
) -> Iterator[CheckIn]:
    """Yield a patient's check-ins up to `last_day` after surgery."""
    day, start = 1, 5 + dice(patient, "pain", 4)
    while day <= min(REPORTED_DAYS, last_day):
        at = datetime.combine(day0 + timedelta(days=day), AT) + timedelta(minutes=dice(patient, f"at{day}", 180))
        if at <= now:
            pain = max(0, start - day // 6 + dice(patient, f"p{day}", 3) - 1)
            yield _check_in(patient, episode, at, pain=pain, day=day, is_neck=set(procedures) <= _NECK)
        day += next(step for until, step in _RHYTHM if day <= until)


def _check_in(patient: Patient, episode: Episode, at: datetime, *, pain: int, day: int, is_neck: bool) -> CheckIn:
    row = CheckIn(practice_id=patient.practice_id, id=new_id(at), patient_id=patient.id, episode_id=episode.id)
    row.reported_at = row.received_at = at
    row.reported_by, row.pain = Reporter.patient, pain
    wound, limb = pain, max(0, pain - 1 - dice(patient, f"l{day}", 3))
    if is_neck:
        row.pain_neck, row.pain_arm = wound, limb
    else:
        row.pain_back, row.pain_leg = wound, limb
    row.walking_minutes = min(60, 5 + day + dice(patient, f"w{day}", 8))
    row.steps = 90 * row.walking_minutes + dice(patient, f"s{day}", 400)
    row.took_opioid = day < 5 + dice(patient, "opioid", 12)
    row.opioid_doses = max(1, 4 - day // 3) if row.took_opioid else 0
    row.red_flags = []
    row.wound_signs = [] if day <= _WOUND_DAYS else None
    better = min(4, day // 7)
    for name in ("sleep", "mood", "confidence"):
        setattr(row, name, 3 + better + dice(patient, f"{name}{day}", 4))
    return row


def answers_of(
    patient: Patient,
    procedures: Collection[Procedure],
    milestones: Iterable[Milestone],
    reached: Iterable[MilestoneProgress],
    day0: date,
    *,
    now: datetime,
) -> Iterator[QuestionnaireAnswer]:
    """Yield what a patient answered on the questionnaires' days that were reached."""
    asked = {row.id: row for row in milestones if row.kind in QUESTIONNAIRE_KINDS}
    for progress in reached:
        milestone = asked.get(progress.id)
        if milestone is None or progress.achieved_on is None or progress.reported_at > now:
            continue
        share = _burden((progress.achieved_on - day0).days)
        for instrument in asked_after(procedures):
            at = datetime.combine(progress.achieved_on, AT)
            row = QuestionnaireAnswer(practice_id=patient.practice_id, id=f"{milestone.id}.{instrument}"[:64])
            row.patient_id, row.episode_id, row.milestone_id = patient.id, milestone.episode_id, milestone.id
            row.instrument, row.answered_at, row.received_at = instrument, at, at
            row.reported_by, row.answers = Reporter.patient, _answers(patient, instrument, procedures, share)
            yield row


def _burden(day: int) -> float:
    """Return what is left of the trouble before surgery on a day after it, from 1 to 0.25."""
    return 1.0 if day <= 0 else max(0.25, 0.65 - day / 300)


def _answers(
    patient: Patient, instrument: Instrument, procedures: Collection[Procedure], share: float
) -> dict[str, Any]:
    worst = 6 + dice(patient, "worst", 4)
    if instrument is Instrument.nrs:
        places = ("neck", "arm") if set(procedures) <= _NECK else ("back", "leg")
        return {place: round(share * max(1, worst - place_no)) for place_no, place in enumerate(places)}
    if instrument is Instrument.rmdq:
        count = round(share * (12 + dice(patient, "rmdq", 10)))
        return {"ticked": list(range(1, min(STATEMENTS, count) + 1))}
    return {"percent": round(share * (36 + 2 * dice(patient, "index", 14)))}


def dice(patient: Patient, what: str, sides: int) -> int:
    """Return a number from 0 to less than `sides`, always the same for a patient and what it is about."""
    return zlib.crc32(f"{patient.mrn}/{what}".encode()) % sides
