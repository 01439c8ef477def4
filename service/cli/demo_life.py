"""What happened to the demo's patients before today: when they came, what they reported, what was cleared.

Made up from their numbers alone, so that it is the same in every demo clinic: one in a few is silent, behind, or waits.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Clearance, Episode, Milestone, MilestoneProgress, Patient, Surgery, Task
from models.care import Reporter
from models.people import StaffRole
from models.report import TaskKind, TaskState
from schedules.plan.questionnaires import QUESTIONNAIRE_KINDS
from schedules.plan.vocabulary import Owner, Phase, SurgeryStatus
from schedules.planning import plan_episode
from service.care.clearances import revoke
from service.care.progress import can_be_reached
from service.cli.demo_answers import AT, answers_of, check_ins_of, dice
from service.identity.principal import Principal

_FOLLOWED_DAYS: Final = 270  # whoever is further on was enrolled when the clinic began with the service
_KNOWN_BEFORE: Final = timedelta(days=21)
_SAID_WITHIN: Final = timedelta(days=20)
_STILL_PLANNED: Final = timedelta(days=45)  # messages about what happened before are past
_SILENT, _BEHIND, _WAITING, _CALLED = range(4)
_OTHERS: Final = 17  # so many in twenty-one are well


@dataclass(frozen=True, slots=True)
class Desk:
    """Who works in the demo clinic, and when it is."""

    coordinator_id: str
    surgeon_id: str
    today: date
    now: datetime


def live_through(session: Session, patient: Patient, desk: Desk) -> None:
    """Store what happened to one patient up to today, and plan again what follows, in the session's transaction."""
    whose = {"practice_id": patient.practice_id, "patient_id": patient.id}
    for episode in session.scalars(select(Episode).filter_by(**whose)).all():
        episode.coordinator_id = desk.coordinator_id
        surgeries = session.scalars(select(Surgery).filter_by(**whose, episode_id=episode.id)).all()
        confirmed = [row for row in surgeries if _took_place(row, desk.today)]
        for row in confirmed:
            row.status = SurgeryStatus.performed
        performed = {row.id: row.surgery_on for row in surgeries if row.status is SurgeryStatus.performed}
        day0 = max(filter(None, performed.values()), default=None)
        is_followed = day0 is not None and timedelta(0) <= desk.today - day0 <= timedelta(days=_FOLLOWED_DAYS)
        if is_followed:
            _come_in_time(episode, surgeries, desk.now)
        slow = timedelta(days=25 if is_followed and _fate(patient) == _WAITING else 0)
        milestones = session.scalars(select(Milestone).filter_by(**whose, episode_id=episode.id)).all()
        after = [row for row in milestones if row.surgery_id in performed and _is_followed(row)]
        waited = desk.today - slow
        facts: list[MilestoneProgress | Clearance] = [*_reported(patient, after, desk)]
        facts += _cleared(patient, after, desk, until=waited)
        session.add_all(facts)
        if day0 is not None and is_followed:
            kinds = {row.procedure for row in surgeries if row.id in performed}
            reached = [fact for fact in facts if isinstance(fact, MilestoneProgress)]
            session.add_all(answers_of(patient, kinds, milestones, reached, day0, now=desk.now))
            last_day = (desk.today - day0).days - (16 if _fate(patient) == _SILENT else 0)
            session.add_all(check_ins_of(patient, episode, kinds, day0, last_day=last_day, now=desk.now))
        _answer_questions(session, patient, episode, desk)
        session.flush()
        if confirmed or is_followed or any(desk.today - _day_of(fact) <= _STILL_PLANNED for fact in facts):
            plan_episode(session, patient.practice_id, episode.id, desk.now)


def call_back(session: Session, patient: Patient, desk: Desk) -> bool:
    """Take one of a patient's clearances back, if this is one of the few: somebody has to call. Return whether it was.

    In a transaction of its own, since it plans the episode again.
    """
    query = select(Clearance).filter_by(practice_id=patient.practice_id, patient_id=patient.id)
    given = session.scalars(query.order_by(Clearance.cleared_on.desc(), Clearance.id)).first()
    is_recent = given is not None and desk.today - given.cleared_on <= timedelta(days=_FOLLOWED_DAYS)
    if given is None or not is_recent or _fate(patient) != _CALLED:
        return False
    surgeon = Principal(patient.practice_id, desk.surgeon_id, role=StaffRole.clinician)
    revoke(session, surgeon, given.milestone_id, reason="Took an opioid again.", now=desk.now)
    return True


def _is_followed(row: Milestone) -> bool:
    """Return whether the demo tells what became of an item: after surgery, and the questionnaires before it."""
    return row.phase is Phase.after_surgery or row.kind in QUESTIONNAIRE_KINDS


def _day_of(fact: MilestoneProgress | Clearance) -> date:
    on = fact.cleared_on if isinstance(fact, Clearance) else fact.achieved_on
    return date.min if on is None else on


def _took_place(surgery: Surgery, today: date) -> bool:
    """Return whether the clinic has said by now that a planned surgery was performed."""
    is_past = surgery.surgery_on is not None and surgery.surgery_on < today - _SAID_WITHIN
    return is_past and surgery.status is SurgeryStatus.planned


def _come_in_time(episode: Episode, surgeries: Iterable[Surgery], now: datetime) -> None:
    for row in surgeries:
        if row.surgery_on is not None:
            row.dated_at = min(now, datetime.combine(row.surgery_on, AT) - _KNOWN_BEFORE)
            episode.enrolled_at = min(episode.enrolled_at, row.dated_at)


def _reported(patient: Patient, milestones: Iterable[Milestone], desk: Desk) -> Iterator[MilestoneProgress]:
    """Yield what the patient, or the clinic, reached by today; of who is behind the last weeks are missing."""
    until = desk.today - timedelta(days=35 if _fate(patient) == _BEHIND else 0)
    for row in milestones:
        if row.lifts is not None or row.cancelled_at is not None or row.target_on is None or not can_be_reached(row):
            continue
        spread = (row.latest_on or row.target_on) - row.target_on
        on = row.target_on + timedelta(days=dice(patient, row.id, 5) - 2)
        on = max(row.earliest_on or on, min(on, row.target_on + spread))
        if on > until or (row.owner is Owner.clinic and dice(patient, row.id + "clinic", 9) == 0):
            continue
        progress = MilestoneProgress(practice_id=row.practice_id, id=row.id, patient_id=row.patient_id)
        progress.achieved_on, progress.reported_at = on, datetime.combine(on, AT)
        progress.reported_by = Reporter.patient if row.owner is Owner.patient else Reporter.staff
        yield progress


def _cleared(patient: Patient, milestones: Iterable[Milestone], desk: Desk, *, until: date) -> Iterator[Clearance]:
    """Yield what the surgeon cleared `until` a day: at the next visit, of who waits not yet."""
    for row in milestones:
        if row.lifts is None or row.cancelled_at is not None or row.eligible_on is None:
            continue
        on = row.eligible_on + timedelta(days=dice(patient, row.id, 3))
        if on > until or on < (row.earliest_on or on):
            continue
        clearance = Clearance(practice_id=row.practice_id, id=f"{row.id}.demo"[:64], patient_id=row.patient_id)
        clearance.episode_id, clearance.milestone_id, clearance.cleared_on = row.episode_id, row.id, on
        clearance.cleared_at, clearance.cleared_by = datetime.combine(on, AT), desk.surgeon_id
        clearance.grounds = {}
        yield clearance


def _answer_questions(session: Session, patient: Patient, episode: Episode, desk: Desk) -> None:
    """Let the coordinator have answered most questions about what was past at enrolment."""
    query = select(Task).filter_by(practice_id=patient.practice_id, episode_id=episode.id, state=TaskState.open)
    for task in session.scalars(query.where(Task.kind == TaskKind.past_items)):
        if dice(patient, "asked", 25):
            task.state, task.done_at, task.done_by = TaskState.done, desk.now, desk.coordinator_id


def _fate(patient: Patient) -> int:
    return dice(patient, "fate", 4 + _OTHERS)
