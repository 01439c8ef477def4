"""Questions that only the clinic can answer: one row each, asked once, taken back when they no longer matter."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from models.care import Surgery
from models.report import Task, TaskKind, TaskState
from schedules.plan.check_ins import RhythmHistory, call_days, read_history
from schedules.plan.identity import plan_row_id
from schedules.plan.items import FilledSlot
from schedules.plan.timing import next_open_day
from schedules.plan.vocabulary import EpisodeStatus, MilestoneKind, PastPolicy, Phase, SurgeryStatus
from schedules.planning.facts import Care, PlacedItem, reminder_prefs, settled_milestones
from schedules.planning.rows import find, find_all
from schedules.planning.slots import SLOT_KINDS, filled_slots

SLOT_TASK_DAYS = -14  # evidence 12a: a slot that is still blank becomes a task on this day

# What somebody is to do for the patient all the same.
_STAND_WITHOUT_CARE = (TaskKind.call_patient, TaskKind.message_received)


@dataclass(frozen=True, slots=True)
class _Question:
    kind: TaskKind
    patient_id: str
    episode_id: str
    surgery_id: str | None = None
    due_on: date | None = None
    about: dict[str, list[str]] = field(default_factory=dict)
    number: int = 1

    def id_in(self, practice_id: str) -> str:
        """Return the id of its task. What is past at enrolment is asked once a patient, the rest once a surgery.

        Calls have a `number`: there are several.
        """
        subject = self.patient_id if self.kind is TaskKind.past_items else self.surgery_id or self.episode_id
        return plan_row_id(practice_id, subject, "task", self.kind, self.number)


def write_tasks(
    session: Session, care: Care, milestones: dict[str, PlacedItem], *, asked: set[str], now: datetime
) -> None:
    """Ask what the episode leaves open, and take back what it no longer does.

    `asked` are the ids of milestones whose reminders were past and left to the clinic. Nothing is asked of an episode
    that has ended, or whose patient has died.
    """
    if not care.sends:
        _take_all_back(session, care, milestones, now)
        return
    today = care.medical_day(now)
    _ask_about_past_items(session, care, milestones.values(), asked, now)
    open_slots = _Slots(session, care, milestones.values())
    for surgery in care.surgeries:
        for question in _of_surgery(care, surgery, open_slots, today):
            if _stands(question, surgery, today=today):
                _ask(session, care, question, now)
            else:
                _take_back(session, care.episode.practice_id, question, now)
    _write_calls(session, care, now)


def _write_calls(session: Session, care: Care, now: datetime) -> None:
    """Ask for the calls of the clinic's rhythm that are still ahead, and take back those that it no longer has.

    A call whose day has come and that nobody made stays asked for.
    """
    practice_id, today = care.episode.practice_id, care.medical_day(now)
    history = read_history(care.practice.check_in_rhythms)
    if not history.versions:
        return
    wanted = {each.id_in(practice_id): each for each in _calls(care, history, now)}
    of_patient = find_all(session, Task, practice_id, patient_id=care.patient.id)
    calls = [each for each in of_patient if each.episode_id == care.episode.id and each.kind is TaskKind.recovery_call]
    waiting = {each.id for each in calls if each.state is TaskState.open}
    for task_id, question in wanted.items():
        if task_id in waiting or (question.due_on is not None and question.due_on >= today):
            _ask(session, care, question, now)
    for task in calls:
        if task.id not in wanted:
            _withdraw(task, now)


def _calls(care: Care, history: RhythmHistory, now: datetime) -> Iterator[_Question]:
    """Yield the calls of an episode, one a day, on days on which the clinic is open and the patient is at home.

    Who is not known to be in hospital may be at home.
    """
    closed, taken = reminder_prefs(care, now).closed_days, set[date]()
    for surgery in sorted(care.standing, key=lambda each: (each.surgery_on or date.max, each.stage)):
        for pod, on in call_days(history, surgery.surgery_on):
            due_on = next_open_day(on, closed=closed)
            is_in_hospital = surgery.discharged_on is not None and due_on < surgery.discharged_on
            if due_on in taken or is_in_hospital:
                continue
            taken.add(due_on)
            about = {"days": [str(pod)], "surgery_on": [str(surgery.surgery_on)]}
            ids = care.patient.id, care.episode.id, surgery.id
            yield _Question(TaskKind.recovery_call, *ids, due_on=due_on, about=about, number=1 + pod)


def ask_whether_it_happened(session: Session, surgery: Surgery, now: datetime) -> bool:
    """Ask whether a planned surgery whose day has passed was performed. Return whether the question is new."""
    question = _whether_it_happened(surgery)
    task = find(session, Task, surgery.practice_id, question.id_in(surgery.practice_id))
    if task is None:
        session.add(_task(surgery.practice_id, question, now))
        return True
    if task.state is TaskState.withdrawn:
        _reopen(task)
        task.due_on = question.due_on
    return False


def _whether_it_happened(surgery: Surgery) -> _Question:
    return _Question(
        TaskKind.confirm_surgery, surgery.patient_id, surgery.episode_id, surgery.id, due_on=surgery.surgery_on
    )


class _Slots:
    """The items of an episode that depend on the person and are neither filled for the present day nor settled."""

    def __init__(self, session: Session, care: Care, milestones: Iterable[PlacedItem]) -> None:
        self._filled: Mapping[int, Mapping[str, FilledSlot]] = filled_slots(session, care)
        settled = settled_milestones(session, care)
        self._items = [item for item in milestones if item.planned.kind in SLOT_KINDS and item.id not in settled]

    def blank_keys(self, surgery: Surgery, *, today: date) -> list[str]:
        """Return the keys that a clinician must fill or sign.

        Once surgery has come that is the day of restarting a medicine, if somebody entered when to pause it.
        """
        slots = self._filled.get(surgery.stage, {})
        blank = sorted(
            item.planned.key
            for item in self._items
            if item.surgery_id == surgery.id and not _is_filled(slots.get(item.planned.key), surgery)
        )
        if surgery.surgery_on is None or surgery.surgery_on >= today:
            return blank
        paused = MilestoneKind.medicines_pause in slots
        return [key for key in blank if paused and key == MilestoneKind.medicines_restart]


def _is_filled(slot: FilledSlot | None, surgery: Surgery) -> bool:
    return slot is not None and slot.for_day0 == surgery.surgery_on and slot.is_signed


def _of_surgery(care: Care, surgery: Surgery, slots: _Slots, today: date) -> list[_Question]:
    patient_id, episode_id = care.patient.id, care.episode.id
    slots_on, arrival_on = _days_from(surgery, SLOT_TASK_DAYS), _days_from(surgery, -1)
    about = {"milestone_keys": slots.blank_keys(surgery, today=today)}
    return [
        _whether_it_happened(surgery),
        _Question(TaskKind.fill_slot, patient_id, episode_id, surgery.id, due_on=slots_on, about=about),
        _Question(TaskKind.arrival_time, patient_id, episode_id, surgery.id, due_on=arrival_on),
    ]


def _stands(question: _Question, surgery: Surgery, *, today: date) -> bool:
    """Return whether the surgery still leaves the question open."""
    if surgery.status is SurgeryStatus.cancelled or surgery.surgery_on is None:
        return False
    if question.kind is TaskKind.fill_slot:
        return bool(question.about["milestone_keys"])
    if surgery.status is not SurgeryStatus.planned:
        return False
    if question.kind is TaskKind.confirm_surgery:
        return surgery.surgery_on < today
    return surgery.surgery_on >= today and surgery.arrival_at is None


def _days_from(surgery: Surgery, days: int) -> date | None:
    return None if surgery.surgery_on is None else surgery.surgery_on + timedelta(days=days)


def _ask_about_past_items(
    session: Session, care: Care, milestones: Iterable[PlacedItem], asked: set[str], now: datetime
) -> None:
    today = care.medical_day(now)
    stand = [item for item in milestones if item.planned.superseded_on is None or item.planned.superseded_on > today]
    after_surgery = (item for item in stand if item.planned.phase is Phase.after_surgery)
    by_policy = {item.id for item in after_surgery if item.planned.past_policy is PastPolicy.ask_coordinator}
    past = sorted(asked | by_policy)
    if past:
        question = _Question(TaskKind.past_items, care.patient.id, care.episode.id, about={"milestone_ids": past})
        _ask(session, care, question, now)


def _ask(session: Session, care: Care, question: _Question, now: datetime) -> None:
    """Store the question once. What is new is added, and opens again a question that was answered or taken back."""
    practice_id, today = care.episode.practice_id, care.medical_day(now)
    task = find(session, Task, practice_id, question.id_in(practice_id))
    if task is None:
        task = _task(practice_id, question, now)
        task.due_on = _due_on(question, None, today)
        session.add(task)
        return
    about = _about(question, task)
    is_new = any(set(about[name]) - set(task.about.get(name, ())) for name in about)
    if task.state is TaskState.withdrawn or is_new:
        _reopen(task)
        task.due_on = _due_on(question, None, today)
    if task.state is TaskState.open:
        task.due_on = _due_on(question, task.due_on, today)
        if about != task.about:
            task.about = about


def _about(question: _Question, task: Task) -> dict[str, list[str]]:
    """Return what a stored question is about from now on. Past items add up over a patient's episodes."""
    if question.kind is not TaskKind.past_items:
        return question.about
    return {name: sorted({*ids, *task.about.get(name, ())}) for name, ids in question.about.items()}


def _due_on(question: _Question, known_on: date | None, today: date) -> date | None:
    """Return by when it is to be answered: its own day, or the day of asking where that is past."""
    own_on = question.due_on
    if own_on is None or own_on > today or question.kind is TaskKind.confirm_surgery:
        return own_on
    return today if known_on is None else min(known_on, today)


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
    if task is not None:
        _withdraw(task, now)


def _take_all_back(session: Session, care: Care, milestones: Mapping[str, PlacedItem], now: datetime) -> None:
    """Take back every question about an episode that has ended; a call that was promised is still to be made.

    Nobody is called about a patient who died. The question about past items may be about another episode too.
    """
    has_died = care.patient.died_on is not None or care.episode.status is EpisodeStatus.died
    for task in find_all(session, Task, care.episode.practice_id, patient_id=care.patient.id):
        if has_died:
            _withdraw(task, now)
        elif task.kind is TaskKind.past_items:
            _forget_items(task, milestones, now)
        elif task.episode_id == care.episode.id and task.kind not in _STAND_WITHOUT_CARE:
            _withdraw(task, now)


def _forget_items(task: Task, milestones: Mapping[str, PlacedItem], now: datetime) -> None:
    rest = [each for each in task.about.get("milestone_ids", ()) if each not in milestones]
    if not rest:
        _withdraw(task, now)
    elif task.state is TaskState.open and rest != task.about["milestone_ids"]:
        task.about = {"milestone_ids": rest}


def _reopen(task: Task) -> None:
    task.state, task.done_at, task.done_by = TaskState.open, None, None


def _withdraw(task: Task, now: datetime) -> None:
    if task.state is TaskState.open:
        task.state, task.done_at = TaskState.withdrawn, now
