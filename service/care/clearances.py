"""Use cases: a clinician lifts a limit, or takes that back. A day lifts nothing, and nobody else does either.

A condition that is not known may be attested by the clinician; one that is known not to hold takes a reason in words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Clearance, Milestone, MilestoneProgress, Surgery, Task
from models.report import TaskKind
from schedules.plan.conditions import Ground, Judgement
from schedules.plan.identity import plan_row_id
from schedules.plan.kinds import WORK_CLASS_OF
from schedules.plan.lifted import WORK_CLASSES
from schedules.plan.vocabulary import Condition, MilestoneKind, SurgeryStatus, WorkClass
from schedules.planning import Answer, plan_episode
from schedules.planning.clearing import ClearingCase, Given, give_clearance, load_clearing_case
from schedules.planning.stored_plan import planned_milestone
from service.care.enrol import clinic_today
from service.care.reach import find_patient, find_row, lock_row, practice_of
from service.care.tasks import ask_to_call
from service.errors import ConflictError, Fault, InvalidError, describe
from service.identity.principal import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearMilestone:
    """A clinician's word. Without `cleared_on` it counts from today; `work_class` is less than the patient's own."""

    cleared_on: date | None = None
    attested: tuple[Condition, ...] = ()
    work_class: WorkClass | None = None
    override: str | None = None


@dataclass(frozen=True, slots=True)
class ClearanceView:
    """How a milestone's clearance stands: its conditions, what comes before it, and every clearance there was.

    `answers` say what became of each reminder that was taken back.
    """

    milestone: Milestone
    by_rule: bool
    conditions: tuple[Judgement, ...]
    before: tuple[str, ...]
    history: tuple[Clearance, ...]
    answers: dict[str, Answer]

    @property
    def reminders(self) -> list[dict[str, str]]:
        """Return the answers in the order of the reminders' ids."""
        return [{"reminder_id": each, "answer": answer.value} for each, answer in sorted(self.answers.items())]


def view_clearance(session: Session, caller: Principal, milestone_id: str, *, now: datetime) -> ClearanceView:
    """Return how a milestone's clearance stands now. One that lifts no limit has no conditions.

    Raises NotFoundError.
    """
    milestone = find_row(session, caller, Milestone, milestone_id)
    case = _case(session, caller, milestone)
    return _view(session, case, milestone, now, {})


def clear(
    session: Session, caller: Principal, milestone_id: str, command: ClearMilestone, *, now: datetime
) -> ClearanceView:
    """Lift what a milestone lifts, from a day of the clinic's calendar on, and take back what asked for it.

    Clearing again what is cleared changes nothing. Raises NotFoundError, InvalidError for a day ahead
    or before the surgery and for a class of work that is not a lighter one, ConflictError for a surgery that was not
    performed, for what must be cleared before, and for conditions that do not hold.
    """
    milestone = _locked(session, caller, milestone_id)
    case = _case(session, caller, milestone)
    today = clinic_today(case.practice, now)
    day = command.cleared_on or today
    _refuse_state(session, milestone, day=day, today=today)
    _refuse_before_revocation(session, milestone, day)
    work_class = _lighter_class(milestone, command.work_class)
    standing = _standing(session, case, milestone)
    if standing and standing[-1].work_class is work_class:
        return _view(session, case, milestone, now, {})
    _refuse_less(standing, work_class)
    gate = case.gate(planned_milestone(milestone), day, work_class)
    grounds = _grounds(case.judge(gate, on=day, at=now) if gate else (), command)
    missing = case.missing_before(gate, milestone.occurrence, day) if gate else []
    if missing:
        raise ConflictError(*(Fault("", f"{each} to be cleared before", "not cleared") for each in missing))
    given = Given(
        cleared_on=day,
        grounds=grounds,
        cleared_by=caller.actor_id,
        work_class=work_class,
        override=command.override,
    )
    row, answers = give_clearance(session, milestone, given, now)
    return _view(session, case, milestone, now, answers, added=row)


def revoke(session: Session, caller: Principal, milestone_id: str, *, reason: str, now: datetime) -> ClearanceView:
    """Take a milestone's clearances back: the limit holds again from today on, and its reminders are planned again.

    The patient may act on what is no longer so: a task asks the clinic to call. Raises NotFoundError, ConflictError
    if nothing is cleared.
    """
    milestone = _locked(session, caller, milestone_id)
    case = _case(session, caller, milestone)
    standing = [row for row in _history(session, milestone) if row.revoked_on is None]
    if not standing:
        raise ConflictError(Fault("", "a clearance that stands", "none"))
    for row in standing:
        row.revoked_on, row.revoked_at = max(clinic_today(case.practice, now), row.cleared_on), now
        row.revoked_by, row.revoked_because = caller.actor_id, reason
        session.add(_call(milestone, row, now))
    answers = plan_episode(session, milestone.practice_id, milestone.episode_id, now)
    return _view(session, case, milestone, now, answers)


def _locked(session: Session, caller: Principal, milestone_id: str) -> Milestone:
    """Return a milestone that the caller may clear, its patient locked to the commit."""
    milestone = lock_row(session, caller, Milestone, milestone_id)
    if milestone.lifts is None:
        raise ConflictError(Fault("", "a milestone that lifts a limit", "one that lifts none"))
    return milestone


def _case(session: Session, caller: Principal, milestone: Milestone) -> ClearingCase:
    patient = find_patient(session, caller, milestone.patient_id)
    return load_clearing_case(session, practice_of(session, caller), patient, milestone.episode_id)


def _refuse_state(session: Session, milestone: Milestone, *, day: date, today: date) -> None:
    surgery = session.get_one(Surgery, (milestone.practice_id, milestone.surgery_id))
    progress = session.get(MilestoneProgress, (milestone.practice_id, milestone.id))
    if milestone.cancelled_at is not None:
        raise ConflictError(Fault("", "a milestone that stands", "a cancelled one"))
    if progress is not None and progress.skip_reason is not None:
        raise ConflictError(Fault("", "a milestone that is not skipped: reopen it first", "a skipped one"))
    if surgery.status is not SurgeryStatus.performed or surgery.surgery_on is None:
        raise ConflictError(Fault("", "a surgery that was performed", surgery.status.value))
    if not surgery.surgery_on <= day <= today:
        expected = f"a date from {surgery.surgery_on}, the day of surgery, to {today}"
        raise InvalidError(Fault("/cleared_on", expected, describe(day)))
    if milestone.superseded_on is not None and milestone.superseded_on <= day:
        raise ConflictError(
            Fault("", "the milestone of the later surgery", f"one that ended on {milestone.superseded_on}")
        )


def _refuse_before_revocation(session: Session, milestone: Milestone, day: date) -> None:
    """What was taken back stays taken back on the days for which it was."""
    revoked_on = max((row.revoked_on for row in _history(session, milestone) if row.revoked_on), default=None)
    if revoked_on is not None and day < revoked_on:
        expected = f"a date from {revoked_on}, the day of the last revocation"
        raise InvalidError(Fault("/cleared_on", expected, describe(day)))


def _lighter_class(milestone: Milestone, work_class: WorkClass | None) -> WorkClass | None:
    """Return the class of work that is allowed if it is less than the milestone's own, else None."""
    own = WORK_CLASS_OF.get(MilestoneKind(milestone.kind))
    if work_class is None or work_class is own:
        return None
    lighter = WORK_CLASSES[: WORK_CLASSES.index(own)] if own is not None else ()
    if work_class not in lighter:
        expected = "one of " + ", ".join((*lighter, own)) if own is not None else "nothing, since it is not about work"
        raise InvalidError(Fault("/work_class", expected, work_class.value))
    return work_class


def _standing(session: Session, case: ClearingCase, milestone: Milestone) -> list[Clearance]:
    """Return the clearances that count, the widest last: one from before the present day of surgery does not."""
    day0 = case.day0s.get(milestone.occurrence)
    return [
        row
        for row in _history(session, milestone)
        if row.revoked_on is None and day0 is not None and row.cleared_on >= day0
    ]


def _refuse_less(standing: Sequence[Clearance], work_class: WorkClass | None) -> None:
    """A clearance is not narrowed, only revoked: who was told of it must be told that it ended."""
    for row in standing:
        is_whole = row.work_class is None
        if is_whole or (work_class is not None and WORK_CLASSES.index(work_class) < WORK_CLASSES.index(row.work_class)):
            got = "all of it" if row.work_class is None else row.work_class.value
            raise ConflictError(Fault("/work_class", "more than is cleared already: revoke it first", got))


def _grounds(conditions: Sequence[Judgement], command: ClearMilestone) -> dict[str, str]:
    """Return on which ground each condition is passed. Raises ConflictError with those that nobody answers for."""
    foreign = [each for each in command.attested if each not in {one.condition for one in conditions}]
    if foreign:
        expected = "conditions of this milestone: " + ", ".join(each.condition for each in conditions)
        raise InvalidError(*(Fault("/attested", expected, each.value) for each in foreign))
    grounds: dict[str, str] = {}
    faults: list[Fault] = []
    for each in conditions:
        if each.holds is True:
            grounds[each.condition.value] = Ground.met.value
        elif each.holds is None and each.condition in command.attested:
            grounds[each.condition.value] = f"attested:{each.ground}"
        elif command.override is not None:
            grounds[each.condition.value] = f"overridden:{each.ground}"
        else:
            pointer = "/attested" if each.holds is None else "/override"
            faults.append(Fault(pointer, f"{each.condition} to hold", each.ground.value))
    if faults:
        raise ConflictError(*faults)
    return grounds


def _history(session: Session, milestone: Milestone) -> list[Clearance]:
    query = select(Clearance).filter_by(practice_id=milestone.practice_id, milestone_id=milestone.id, deleted=False)
    return list(session.scalars(query.order_by(Clearance.cleared_at, Clearance.id)))


def _call(milestone: Milestone, row: Clearance, now: datetime) -> Task:
    task_id = plan_row_id(row.practice_id, row.id, "task", TaskKind.call_patient, 1)
    return ask_to_call(milestone, task_id, due_on=row.revoked_on, now=now)


def _view(
    session: Session,
    case: ClearingCase,
    milestone: Milestone,
    now: datetime,
    answers: dict[str, Answer],
    *,
    added: Clearance | None = None,
) -> ClearanceView:
    today = clinic_today(case.practice, now)
    gate = case.gate(planned_milestone(milestone), today)
    history = _history(session, milestone)
    return ClearanceView(
        milestone=milestone,
        by_rule=gate is not None and not gate.person_only,
        conditions=case.judge(gate, on=today, at=now) if gate else (),
        before=tuple(case.missing_before(gate, milestone.occurrence, today)) if gate else (),
        history=tuple(history if added is None or added in history else [*history, added]),
        answers=answers,
    )
