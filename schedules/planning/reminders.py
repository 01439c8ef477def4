"""Stores what was decided about reminders, each new one with the first step of its delivery. Decides nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.bulk import insert_at_commit
from models.reminder import DecisionKind, Delivery, DeliveryState, Reminder
from schedules.plan.rearm import MOVED, DecidedReminder
from schedules.plan.rearm import Step as Act
from schedules.plan.reminders import PLANNED, PlannedReminder
from schedules.plan.urgency import urgency_of
from schedules.plan.vocabulary import ReminderCorrection, ReminderOutcome, ReminderState
from schedules.planning.facts import Care
from schedules.planning.messages import Messages
from schedules.planning.outlook import reminder_id
from schedules.planning.story import Step, step_of, tell
from schedules.planning.withdrawal import Answer, take_back

FIRST_STEP = 0
_PLANNED_COLUMNS = ("key", "repeat", "category", "phase", "scheduled_on", "due_at", "useful_until")


@dataclass(frozen=True, slots=True)
class ReminderStore:
    """Where the reminders of one planning go. `rows` are those stored by id, `messages` their locked deliveries."""

    session: Session
    care: Care
    rows: Mapping[str, Reminder]
    messages: Messages
    now: datetime

    def store(self, decided: Iterable[DecidedReminder]) -> dict[str, Answer]:
        """Write what was decided. Return an answer for each reminder that was taken back, or had been sent."""
        answers: dict[str, Answer] = {}
        for each in decided:
            if each.answer is not None:
                answers[each.id] = each.answer
            if each.planned is not None and each.step is Act.add:
                self._add(each, each.planned)
            elif each.step is not Act.leave:
                self._change(each, self.rows[each.id])
        return answers

    def _change(self, decided: DecidedReminder, row: Reminder) -> None:
        if decided.step in (Act.take_back, Act.settle, Act.arm):
            take_back(self.session, row, self.messages, now=self.now, reason=decided.reason or MOVED)
        if decided.planned is None:
            return
        match decided.step:
            case Act.arm:
                self._arm(row, decided.planned, is_correction=decided.is_correction)
            case Act.stand:
                row.state, row.reason = ReminderState.planned, None
                tell(self.session, replace(step_of(row), step=FIRST_STEP), DecisionKind.planned, now=self.now)
            case Act.settle:
                self._settle(row, decided.planned)
            case Act.note:
                self._note(row, decided.planned)
            case Act.reword:
                row.text = _words_of(decided.planned)

    def _add(self, decided: DecidedReminder, planned: PlannedReminder) -> None:
        goes = planned.outcome is PLANNED
        step = Step(self.care.episode.practice_id, decided.id, generation=1)
        columns = {
            "practice_id": step.practice_id,
            "id": step.reminder_id,
            "patient_id": self.care.patient.id,
            "episode_id": self.care.episode.id,
            "milestone_id": decided.milestone_id,
            "generation": step.generation,
            "state": ReminderState.planned if goes else ReminderState.suppressed,
            "reason": None if goes else planned.outcome,
            "digest_in": self._carrier_of(planned),
            "text": _words_of(planned),
            "correction": None,
        }
        insert_at_commit(self.session, Reminder, columns | {name: getattr(planned, name) for name in _PLANNED_COLUMNS})
        if goes:
            self._add_delivery(step, self.care.patient.id, planned, is_correction=False)
        else:
            tell(self.session, step, DecisionKind.not_planned, now=self.now, reason=planned.outcome)

    def _arm(self, row: Reminder, planned: PlannedReminder, *, is_correction: bool) -> None:
        _begin_generation(row)
        row.correction = ReminderCorrection.replaces_earlier if is_correction else None
        _write_plan(row, planned)
        self._add_delivery(step_of(row), row.patient_id, planned, is_correction=is_correction)

    def _settle(self, row: Reminder, planned: PlannedReminder) -> None:
        """The message for this very time went out in an earlier generation."""
        row.state, row.reason = ReminderState.sent, None
        row.sent_at = max(
            (
                each.finished_at
                for each in self.messages.deliveries[row.id]
                if each.state is DeliveryState.sent and each.finished_at is not None
            ),
            default=None,
        )
        _write_plan(row, planned)

    def _note(self, row: Reminder, planned: PlannedReminder) -> None:
        if row.reason != planned.outcome:
            tell(self.session, step_of(row), DecisionKind.not_planned, now=self.now, reason=planned.outcome)
        row.reason = planned.outcome
        # Of what a digest has said already, the row goes on naming the one that said it.
        if planned.digest_in is not None or planned.outcome is not ReminderOutcome.past_digest:
            row.digest_in = self._carrier_of(planned)
        _write_plan(row, planned)

    def _carrier_of(self, planned: PlannedReminder) -> str | None:
        return None if planned.digest_in is None else reminder_id(self.care, planned.digest_in)

    def _add_delivery(self, step: Step, patient_id: str, planned: PlannedReminder, *, is_correction: bool) -> None:
        columns = {
            "patient_id": patient_id,
            "due_at": planned.due_at,
            "useful_until": planned.useful_until,
            "urgency": urgency_of(planned.category, planned.key),
            "is_correction": is_correction,
        }
        _add_first_step(self.session, step, columns, self.now)


def arm_again(session: Session, row: Reminder, *, due_at: datetime, now: datetime) -> None:
    """Begin the next generation of a reminder that went out, to be said again at `due_at`, unchanged.

    What is open of the present generation has been taken back. The row keeps the times of its rule, so that planning
    again finds nothing moved.
    """
    _begin_generation(row)
    columns = {
        "patient_id": row.patient_id,
        "due_at": due_at,
        "useful_until": row.useful_until,
        "urgency": urgency_of(row.category, row.key),
        "is_correction": False,
    }
    _add_first_step(session, step_of(row), columns, now)


def _begin_generation(row: Reminder) -> None:
    row.state, row.reason, row.sent_at, row.digest_in = ReminderState.planned, None, None, None
    row.acknowledged_at = row.snoozed_until = None
    row.generation += 1


def _add_first_step(session: Session, step: Step, columns: dict[str, Any], now: datetime) -> None:
    identity = {
        "practice_id": step.practice_id,
        "id": delivery_id(step.subject_id, generation=step.generation, step=FIRST_STEP),
        "reminder_id": step.reminder_id,
        "generation": step.generation,
        "step": FIRST_STEP,
        "next_attempt_at": columns["due_at"],
        "after_silence": False,
    }
    insert_at_commit(session, Delivery, identity | columns)
    tell(session, replace(step, step=FIRST_STEP), DecisionKind.planned, now=now)


def _write_plan(row: Reminder, planned: PlannedReminder) -> None:
    row.scheduled_on, row.due_at, row.useful_until = planned.scheduled_on, planned.due_at, planned.useful_until
    row.text = _words_of(planned)


def _words_of(planned: PlannedReminder) -> dict[str, str] | None:
    return None if planned.text is None else planned.text.by_language()


def delivery_id(subject_id: str, *, generation: int, step: int) -> str:
    """Return the id of a delivery: it is unique by what it stands for, so the same step is never made twice."""
    return f"{subject_id}.{generation}.{step}"
