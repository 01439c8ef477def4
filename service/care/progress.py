"""Use cases: a milestone is reported as reached or skipped, or the report is taken back.

A milestone that lifts a restriction is reported by a clinician or coordinator only: a patient who already drives has
not been cleared to drive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Milestone, MilestoneProgress, Reminder, Surgery
from models.people import StaffRole
from schedules.plan.vocabulary import MilestoneKind, Phase, SkipReason
from schedules.planning import Answer, plan_episode, withdraw
from schedules.planning.exercises import are_exercises_after, refresh_exercises
from schedules.planning.slots import SLOT_KINDS
from service.care.acknowledging import acknowledge_reported
from service.care.checks import FIRST_SURGERY_ON
from service.care.enrol import clinic_today
from service.care.reach import find_row, lock_row, practice_of
from service.care.versions import former_columns, keep_former_version
from service.errors import ConflictError, Fault, ForbiddenError, InvalidError, describe
from service.identity.principal import Principal

# Where the patient is, the calendar may be a day ahead of the clinic's.
_AHEAD = timedelta(days=1)
_REPORTED = ("achieved_on", "skip_reason", "note")
_MAY_LIFT = (StaffRole.clinician, StaffRole.coordinator)
PATIENT_REASONS = (SkipReason.patient_declined, SkipReason.not_applicable, SkipReason.other)


@dataclass(frozen=True, slots=True)
class Reported:
    """A milestone after a report, and what became of each of its reminders that was sent or still open."""

    milestone: Milestone
    progress: MilestoneProgress | None
    answers: dict[str, Answer]


def achieve(
    session: Session, caller: Principal, milestone_id: str, *, achieved_on: date | None, note: str | None, now: datetime
) -> Reported:
    """Report a milestone as reached on a clinic's calendar day, and withdraw its reminders.

    Without a day it is today; one that is reached already keeps its day, so that sending again moves nothing.

    Raises NotFoundError, ForbiddenError for one that lifts a restriction, ConflictError for one that is skipped or
    cancelled or that of the check-ins, InvalidError for a day ahead or before the surgery.
    """
    milestone = _reportable(session, caller, milestone_id)
    if not can_be_reached(milestone):
        raise ConflictError(Fault("", "a check-in for each day, and no report of the milestone", "achieved"))
    today = clinic_today(practice_of(session, caller), now)
    progress = _progress_of(session, milestone)
    day = achieved_on or progress.achieved_on or today
    refuse_day(session, milestone, day, today)
    if progress.skip_reason is not None:
        raise ConflictError(Fault("", "a milestone that is not skipped: reopen it first", "a skipped one"))
    if (progress.achieved_on, progress.note) != (day, note):
        _sign(session, progress, caller, now)
        progress.achieved_on, progress.note = day, note
    return Reported(milestone, progress, follow_reports(session, [milestone], now, reason="achieved"))


def skip(
    session: Session, caller: Principal, milestone_id: str, *, reason: SkipReason, text: str | None, now: datetime
) -> Reported:
    """Skip a milestone for a coded reason, and withdraw its reminders. `text` goes with the reason `other`.

    Raises as `achieve` does, and InvalidError for a text without `other` or the other way round.
    """
    milestone = _reportable(session, caller, milestone_id)
    if (reason is SkipReason.other) != (text is not None):
        raise InvalidError(Fault("/text", "a text if the reason is other, else none", "the opposite"))
    if not caller.is_staff and reason not in PATIENT_REASONS:
        raise ForbiddenError(Fault("/reason", "one of " + ", ".join(PATIENT_REASONS), reason.value))
    progress = _progress_of(session, milestone)
    if progress.achieved_on is not None:
        raise ConflictError(Fault("", "a milestone that is not achieved: reopen it first", "an achieved one"))
    if (progress.skip_reason, progress.note) != (reason, text):
        _sign(session, progress, caller, now)
        progress.skip_reason, progress.note = reason, text
    return Reported(milestone, progress, follow_reports(session, [milestone], now, reason="skipped"))


def reopen(session: Session, caller: Principal, milestone_id: str, *, now: datetime) -> Reported:
    """Take a report back, and plan the reminders again. What was not reported stays as it is.

    Raises NotFoundError, ForbiddenError for one that lifts a restriction or that the clinic skipped for a reason of its
    own, ConflictError for a cancelled one.
    """
    milestone = _reportable(session, caller, milestone_id)
    progress = session.get(MilestoneProgress, (milestone.practice_id, milestone.id))
    if progress is None or (progress.achieved_on is None and progress.skip_reason is None):
        return Reported(milestone, progress, {})
    if not caller.is_staff and progress.skip_reason is not None and progress.skip_reason not in PATIENT_REASONS:
        raise ForbiddenError(Fault("", "the clinic, which skipped it", "a patient"))
    _sign(session, progress, caller, now)
    progress.achieved_on, progress.skip_reason, progress.note = None, None, None
    return Reported(milestone, progress, plan_episode(session, milestone.practice_id, milestone.episode_id, now))


def note_achieved(session: Session, caller: Principal, milestone: Milestone, on: date, now: datetime) -> bool:
    """Note a milestone as reached on a clinic's calendar day, unless something was reported of it. Return whether so.

    `follow_reports` is the caller's to call.
    """
    progress = _progress_of(session, milestone)
    if progress.achieved_on is not None or progress.skip_reason is not None:
        return False
    _sign(session, progress, caller, now)
    progress.achieved_on = on
    return True


def may_report(caller: Principal, milestone: Milestone) -> bool:
    """Return whether the caller may report on a milestone: one that lifts a restriction is not the patient's word."""
    return milestone.lifts is None or caller.role in _MAY_LIFT


def can_be_reached(milestone: Milestone) -> bool:
    """Return whether a milestone is reached once: that of the check-ins asks for the next one after each."""
    return milestone.kind != MilestoneKind.check_in


def _reportable(session: Session, caller: Principal, milestone_id: str) -> Milestone:
    """Return a milestone that the caller may report on, its patient locked to the commit."""
    milestone = find_row(session, caller, Milestone, milestone_id)
    if not may_report(caller, milestone):
        raise ForbiddenError(Fault("", "a clinician or coordinator, since it lifts a restriction", "another caller"))
    lock_row(session, caller, Milestone, milestone_id)
    if milestone.cancelled_at is not None:
        raise ConflictError(Fault("", "a milestone that stands", "a cancelled one"))
    return milestone


def refuse_day(session: Session, milestone: Milestone, day: date, today: date) -> None:
    """Raise InvalidError for a day on which a milestone cannot have been reached, ConflictError without a surgery date.

    `today` is the clinic's calendar date.
    """
    if day > today + _AHEAD:
        raise InvalidError(Fault("/achieved_on", f"a date up to {today}", describe(day)))
    surgery = session.get_one(Surgery, (milestone.practice_id, milestone.surgery_id))
    if milestone.phase is Phase.before_surgery:
        if day < FIRST_SURGERY_ON:
            raise InvalidError(Fault("/achieved_on", f"a date from {FIRST_SURGERY_ON}", describe(day)))
        return
    if surgery.surgery_on is None:
        raise ConflictError(Fault("", "a surgery with a date", "one without"))
    if day < surgery.surgery_on:
        raise InvalidError(
            Fault("/achieved_on", f"a date from {surgery.surgery_on}, the day of surgery", describe(day))
        )


def _progress_of(session: Session, milestone: Milestone) -> MilestoneProgress:
    progress = session.get(MilestoneProgress, (milestone.practice_id, milestone.id))
    if progress is None:
        progress = _just_added(session, milestone)
    if progress is None:
        progress = MilestoneProgress(
            practice_id=milestone.practice_id, id=milestone.id, patient_id=milestone.patient_id
        )
        session.add(progress)
    return progress


def _just_added(session: Session, milestone: Milestone) -> MilestoneProgress | None:
    """Return the row that the same transaction made and has not written yet: a phone sends several reports at once."""
    key = (milestone.practice_id, milestone.id)
    rows = (row for row in session.new if isinstance(row, MilestoneProgress))
    return next((row for row in rows if (row.practice_id, row.id) == key), None)


def _sign(session: Session, progress: MilestoneProgress, caller: Principal, now: datetime) -> None:
    """Put a report in the caller's name, and keep what was reported before."""
    former = former_columns(progress, _REPORTED)
    if any(former.values()):
        keep_former_version(session, progress, former, now, by=caller.reporter)
    progress.reported_by, progress.reported_at = caller.reporter, now


def follow_reports(
    session: Session, milestones: Sequence[Milestone], now: datetime, *, reason: str
) -> dict[str, Answer]:
    """Withdraw the messages about milestones of one patient that were reported as `reason` says, and plan what follows.

    Returns what became of each reminder that was sent or still open.
    """
    if not milestones:
        return {}
    practice_id, patient_id = milestones[0].practice_id, milestones[0].patient_id
    ids = [milestone.id for milestone in milestones]
    about_them = withdraw(session, practice_id, patient_id, now=now, reason=reason, milestone_ids=ids)
    answers = about_them
    # The question about blank items closes with the last of them; a digest goes on without its carrier.
    asked = {milestone.episode_id for milestone in milestones if milestone.kind in SLOT_KINDS}
    planned = asked | _episodes_of_digests(session, practice_id, patient_id, about_them)
    for episode_id in sorted(planned):
        answers = plan_episode(session, practice_id, episode_id, now) | answers
    _refresh_exercises(session, [each for each in milestones if each.episode_id not in planned])
    acknowledge_reported(session, practice_id, about_them, now)
    return answers


def _refresh_exercises(session: Session, milestones: Sequence[Milestone]) -> None:
    """Tell phones which exercises are asked about once these were reported; planning does by itself."""
    for episode_id in sorted({each.episode_id for each in milestones if are_exercises_after([each])}):
        refresh_exercises(session, milestones[0].practice_id, episode_id)


def _episodes_of_digests(session: Session, practice_id: str, patient_id: str, answers: dict[str, Answer]) -> set[str]:
    """Return the episodes of a patient's items that were to be said by messages which were taken back in time."""
    taken_back = [reminder_id for reminder_id, answer in answers.items() if answer is Answer.effective]
    if not taken_back:
        return set()
    of_patient = (Reminder.practice_id == practice_id, Reminder.patient_id == patient_id)
    query = select(Reminder.episode_id).where(*of_patient, Reminder.digest_in.in_(taken_back))
    return set(session.scalars(query.distinct()))
