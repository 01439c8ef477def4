"""Questions that only the clinic can answer: one row each, asked once, taken back when they no longer matter."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from models.care import Surgery
from models.report import Task, TaskKind, TaskState
from schedules.plan.identity import plan_row_id
from schedules.plan.vocabulary import PastPolicy, Phase, SurgeryStatus
from schedules.planning.facts import Care, PlacedItem
from schedules.planning.rows import find

SLOT_TASK_DAYS = -14  # evidence 12a: a slot that is still blank becomes a task on this day


@dataclass(frozen=True, slots=True)
class _Question:
    kind: TaskKind
    patient_id: str
    episode_id: str
    surgery_id: str | None = None
    due_on: date | None = None
    about: dict[str, list[str]] = field(default_factory=dict)

    def id_in(self, practice_id: str) -> str:
        """Return the id of its task. What is past at enrolment is asked once a patient, the rest once a surgery."""
        subject = self.patient_id if self.kind is TaskKind.past_items else self.surgery_id or self.episode_id
        return plan_row_id(practice_id, subject, "task", self.kind, 1)


def write_tasks(
    session: Session, care: Care, milestones: dict[str, PlacedItem], *, asked: set[str], now: datetime
) -> None:
    """Ask what the episode leaves open, and take back what it no longer does.

    `asked` are the ids of milestones whose reminders were past and left to the clinic. Nothing is asked of an episode
    that has ended, or whose patient has died.
    """
    practice_id = care.episode.practice_id
    _ask_about_past_items(session, care, milestones.values(), asked, now)
    for surgery in care.surgeries:
        today = care.medical_day(now)
        for question in _of_surgery(care, surgery, milestones.values()):
            if care.sends and _stands(question, surgery, today=today):
                _ask(session, practice_id, question, now)
            else:
                _take_back(session, practice_id, question, now)


def ask_whether_it_happened(session: Session, surgery: Surgery, now: datetime) -> bool:
    """Ask whether a planned surgery whose day has passed was performed. Return whether the question is new."""
    question = _whether_it_happened(surgery)
    known = find(session, Task, surgery.practice_id, question.id_in(surgery.practice_id)) is not None
    _ask(session, surgery.practice_id, question, now)
    return not known


def _whether_it_happened(surgery: Surgery) -> _Question:
    return _Question(
        TaskKind.confirm_surgery, surgery.patient_id, surgery.episode_id, surgery.id, due_on=surgery.surgery_on
    )


def _of_surgery(care: Care, surgery: Surgery, milestones: Iterable[PlacedItem]) -> list[_Question]:
    patient_id, episode_id = care.patient.id, care.episode.id
    blank = sorted(
        item.planned.key
        for item in milestones
        if item.surgery_id == surgery.id and item.planned.phase is Phase.before_surgery and _is_slot(item)
    )
    slots_on, arrival_on = _days_from(surgery, SLOT_TASK_DAYS), _days_from(surgery, -1)
    about = {"milestone_keys": blank}
    return [
        _whether_it_happened(surgery),
        _Question(TaskKind.fill_slot, patient_id, episode_id, surgery.id, due_on=slots_on, about=about),
        _Question(TaskKind.arrival_time, patient_id, episode_id, surgery.id, due_on=arrival_on),
    ]


def _is_slot(item: PlacedItem) -> bool:
    """Return whether a clinician must date the item: it depends on the person and has no default."""
    return item.planned.earliest_days is None


def _stands(question: _Question, surgery: Surgery, *, today: date) -> bool:
    """Return whether the surgery still leaves the question open."""
    if surgery.status is not SurgeryStatus.planned or surgery.surgery_on is None:
        return False
    if question.kind is TaskKind.confirm_surgery:
        return surgery.surgery_on < today
    if surgery.surgery_on < today:
        return False
    return bool(question.about["milestone_keys"]) if question.kind is TaskKind.fill_slot else surgery.arrival_at is None


def _days_from(surgery: Surgery, days: int) -> date | None:
    return None if surgery.surgery_on is None else surgery.surgery_on + timedelta(days=days)


def _ask_about_past_items(
    session: Session, care: Care, milestones: Iterable[PlacedItem], asked: set[str], now: datetime
) -> None:
    after_surgery = (item for item in milestones if item.planned.phase is Phase.after_surgery)
    past = sorted(asked | {item.id for item in after_surgery if item.planned.past_policy is PastPolicy.ask_coordinator})
    if not past or not care.sends:
        return
    question = _Question(TaskKind.past_items, care.patient.id, care.episode.id, about={"milestone_ids": past})
    _ask(session, care.episode.practice_id, question, now)


def _ask(session: Session, practice_id: str, question: _Question, now: datetime) -> None:
    """Store the question once. What is new is added, and opens again a question that was answered or taken back."""
    task = find(session, Task, practice_id, question.id_in(practice_id))
    if task is None:
        session.add(_task(practice_id, question, now))
        return
    about = {name: sorted({*ids, *task.about.get(name, ())}) for name, ids in question.about.items()}
    if task.state is TaskState.withdrawn or about != task.about:
        task.state, task.about, task.done_at, task.done_by = TaskState.open, about, None, None
    if task.state is TaskState.open:
        task.due_on = question.due_on


def _task(practice_id: str, question: _Question, now: datetime) -> Task:
    return Task(
        practice_id=practice_id,
        id=question.id_in(practice_id),
        patient_id=question.patient_id,
        episode_id=question.episode_id,
        surgery_id=question.surgery_id,
        kind=question.kind,
        state=TaskState.open,
        due_on=question.due_on,
        about=dict(question.about),
        created_at=now,
    )


def _take_back(session: Session, practice_id: str, question: _Question, now: datetime) -> None:
    task = find(session, Task, practice_id, question.id_in(practice_id))
    if task is not None and task.state is TaskState.open:
        task.state, task.done_at = TaskState.withdrawn, now
