"""Finds messages that wait for an instant which their wall time no longer is: governments change the rules of zones.

What a patient is promised is a wall time; its instant follows by the rules that hold today. Reads only.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.base import Tenant
from models.care import Milestone, Surgery
from models.claimable import is_claimable
from models.people import Patient
from models.practice import Practice
from models.reminder import Delivery, DeliveryState, Reminder
from models.sets import among
from models.statistics import look_up_by_key
from schedules.plan.drafts import PlannedReminder, ReminderPrefs, draft_for
from schedules.plan.errors import PlanError
from schedules.plan.rearm import Step
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import MilestoneKind, ReminderState
from schedules.planning.library import find_protocol
from schedules.planning.rebuild import look_ahead_unlocked
from schedules.planning.stored_plan import planned_milestone


class Place(NamedTuple):
    """How far a look through a practice's deliveries has come, in the order in which they are claimed."""

    urgency: int
    next_attempt_at: datetime
    delivery_id: str


@dataclass(frozen=True, slots=True)
class Misplaced:
    """Some messages of an episode that seem to wait for a wrong time.

    What a digest or the patient cut short or put off seems so too: `would_move` tells.
    """

    practice_id: str
    episode_id: str
    reminder_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class LookAtTimes:
    """What was found among some of a practice's messages.

    `through`: the last one that was looked at; None if there was nothing else.
    """

    misplaced: tuple[Misplaced, ...]
    through: Place | None


class _Waiting(NamedTuple):
    """A message that waits, with what its time follows from."""

    reminder: Reminder
    milestone: Milestone
    protocol_id: str
    protocol_version: int
    zone: str
    quiet_from: time | None
    quiet_until: time | None


_PLACE = (Delivery.urgency, Delivery.next_attempt_at, Delivery.id)


def look_at_times(session: Session, practice_id: str, *, after: Place | None, most: int) -> LookAtTimes:
    """Look at up to `most` of a practice's deliveries that wait, from the place `after` on.

    Those that are claimed first come first.
    """
    clinic_zone = session.get_one(Practice, practice_id).time_zone
    page = session.execute(_page(practice_id, after).limit(most)).all()
    waiting = _load_waiting(session, practice_id, [row.reminder_id for row in page])
    present = (waiting.get((row.reminder_id, row.generation)) for row in page)
    found: dict[str, set[str]] = {}
    for each in present:
        if each is not None and _is_misplaced(session, each, clinic_zone):
            found.setdefault(each.reminder.episode_id, set()).add(each.reminder.id)
    misplaced = tuple(Misplaced(practice_id, episode, frozenset(ids)) for episode, ids in found.items())
    through = Place(page[-1].urgency, page[-1].next_attempt_at, page[-1].id) if len(page) == most else None
    return LookAtTimes(misplaced, through)


def would_move(session: Session, misplaced: Misplaced, now: datetime) -> bool:
    """Return whether planning the episode again gives one of the messages another time. Locks nothing.

    Raises LookupError for an unknown episode, PlanError for facts that no plan can be made from.
    """
    outlook = look_ahead_unlocked(session, misplaced.practice_id, misplaced.episode_id, now)
    return any(
        each.id in misplaced.reminder_ids and each.planned is not None and each.step is not Step.leave
        for each in outlook.reminders
    )


def _page(practice_id: str, after: Place | None) -> Select[int, datetime, str, str, int]:
    query = (
        select(*_PLACE, func.coalesce(Delivery.reminder_id, "").label("reminder_id"), Delivery.generation)
        .where(Delivery.practice_id == practice_id, is_claimable())
        .where(Delivery.state == DeliveryState.pending, Delivery.reminder_id.is_not(None))
        .order_by(*_PLACE)
    )
    return query if after is None else query.where(tuple_(*_PLACE) > tuple(after))


def _load_waiting(session: Session, practice_id: str, reminder_ids: Collection[str]) -> dict[tuple[str, int], _Waiting]:
    """Return those of the reminders that are planned, by id and generation."""
    look_up_by_key(session)
    query = (
        select(
            Reminder, Milestone, Surgery.protocol_id, Surgery.protocol_version,
            Patient.time_zone, Patient.quiet_from, Patient.quiet_until,
        )
        .join(Milestone, _is_the(Milestone, Reminder.milestone_id))
        .join(Surgery, _is_the(Surgery, Milestone.surgery_id))
        .join(Patient, _is_the(Patient, Reminder.patient_id))
        .where(Reminder.practice_id == practice_id, among(session.connection(), Reminder.id, reminder_ids))
        .where(Reminder.state == ReminderState.planned)
    )  # fmt: skip
    rows = [_Waiting(*row) for row in session.execute(query)]
    return {(each.reminder.id, each.reminder.generation): each for each in rows}


def _is_the(model: type[Tenant], row_id: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    return and_(model.practice_id == Reminder.practice_id, model.id == row_id)


def _is_misplaced(session: Session, waiting: _Waiting, clinic_zone: str) -> bool:
    """Return whether its rule gives other times today. What has no rule any more, or no zone, has no others."""
    try:
        planned = _planned_today(session, waiting, clinic_zone)
    except (PlanError, ZoneInfoNotFoundError):
        return False  # the self-audit tells of it
    stored = waiting.reminder
    return planned is not None and (stored.due_at, stored.useful_until) != (planned.due_at, planned.useful_until)


def _planned_today(session: Session, waiting: _Waiting, clinic_zone: str) -> PlannedReminder | None:
    """Return the message as its rule gives it for its day, None if the protocol has no such rule."""
    stored, milestone = waiting.reminder, planned_milestone(waiting.milestone)
    protocol = find_protocol(session, stored.practice_id, waiting.protocol_id, waiting.protocol_version)
    rules = protocol.reminders.for_kind(MilestoneKind(milestone.kind))
    rule = next((each for each in rules if each.key == stored.key), None)
    if rule is None:
        return None
    quiet = None
    if waiting.quiet_from is not None and waiting.quiet_until is not None:
        quiet = QuietHours(start=waiting.quiet_from, end=waiting.quiet_until)
    prefs = ReminderPrefs(zone=ZoneInfo(waiting.zone), clinic_zone=ZoneInfo(clinic_zone), quiet_hours=quiet)
    return draft_for(milestone, rule, stored.scheduled_on, prefs).reminder
