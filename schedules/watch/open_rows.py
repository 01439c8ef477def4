"""Audits what is open: what is due goes out, open deliveries have their reminders, plans are what they should be."""

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from models.care import Episode
from models.claimable import is_claimable
from models.isolation import reading_practice
from models.reminder import OPEN_STATES, Decision, Delivery, DeliveryAttempt, DeliveryState, Reminder
from models.subjects import id_of_subject, same_subject
from models.watch import Invariant
from schedules.database_time import has_run_out
from schedules.plan.errors import PlanError
from schedules.plan.vocabulary import ReminderState
from schedules.planning.facts import PLANNED_FOR
from schedules.planning.rebuild import equals_its_rebuild
from schedules.watch.finding import Finding, Subject

DELIVERIES_AT_ONCE = 2_000
EPISODES_AT_ONCE = 50


def audit_open_deliveries(subject: Subject) -> Finding:
    """Return whether every open delivery's reminder is planned, in the delivery's own generation.

    One that is on its way, or may have been sent, outlives its reminder: its next step ends it. It is not looked at.
    """
    finding, last = Finding(Invariant.every_open_delivery_has_its_reminder), ""
    while True:
        with reading_practice(subject.make_session, subject.practice_id) as session:
            page = _open_deliveries(session, subject.practice_id, last)
        for _, reminder_id, holds in page:
            finding.note(reminder_id, holds=holds)
        if len(page) < DELIVERIES_AT_ONCE:
            return finding
        last = page[-1][0]


def _open_deliveries(session: Session, practice_id: str, last: str) -> Sequence[tuple[str, str, bool]]:
    stands = and_(
        Reminder.state == ReminderState.planned, Reminder.generation == Delivery.generation, ~Reminder.deleted
    )
    query = (
        select(Delivery.id, Reminder.id, stands)
        .join(Reminder, and_(Reminder.practice_id == Delivery.practice_id, Reminder.id == Delivery.reminder_id))
        .where(Delivery.practice_id == practice_id, Delivery.id > last, Delivery.state.in_(OPEN_STATES))
        .where(or_(stands, ~_was_tried()))
        .order_by(Delivery.id)
        .limit(DELIVERIES_AT_ONCE)
    )
    return session.execute(query).all()


def _was_tried() -> ColumnElement[bool]:
    return exists().where(
        DeliveryAttempt.practice_id == Delivery.practice_id, DeliveryAttempt.delivery_id == Delivery.id
    )


def audit_due(subject: Subject) -> Finding:
    """Return whether everything due is in somebody's hands, and every planned reminder that is due has a delivery."""
    finding, due_before = Finding(Invariant.nothing_due_left_unsent), subject.now - subject.overdue_after
    with reading_practice(subject.make_session, subject.practice_id) as session:
        held = Delivery.state.in_((DeliveryState.leased, DeliveryState.sending))
        in_hand = and_(held, ~has_run_out(session, subject.clock))
        decided_since = exists().where(
            Decision.practice_id == Delivery.practice_id,
            same_subject(Decision, Delivery),
            Decision.decided_at > due_before,
        )
        query = select(id_of_subject(Delivery), or_(in_hand, decided_since)).where(
            Delivery.practice_id == subject.practice_id,
            is_claimable(),  # what is held waits for somebody's word, and is counted elsewhere
            Delivery.next_attempt_at <= due_before,
            Delivery.useful_until > subject.now,
        )
        for its_id, holds in session.execute(query):
            finding.note(its_id, holds=holds)
    for session, episode_ids in _open_episodes(subject):
        lost = (
            Reminder.practice_id == subject.practice_id,
            Reminder.episode_id.in_(episode_ids),
            Reminder.due_at <= due_before,
            Reminder.useful_until > subject.now,
            Reminder.state == ReminderState.planned,
            ~Reminder.deleted,
        )
        for reminder_id, holds in session.execute(select(Reminder.id, _has_a_delivery()).where(*lost)):
            finding.note(reminder_id, holds=holds)
    return finding


def _has_a_delivery() -> ColumnElement[bool]:
    """Return the condition that a delivery of the present generation is open, or its end is yet to be shown."""
    return exists().where(
        Delivery.practice_id == Reminder.practice_id,
        Delivery.reminder_id == Reminder.id,
        Delivery.generation == Reminder.generation,
        or_(Delivery.state.in_(OPEN_STATES), ~Delivery.published),
    )


def audit_plans(subject: Subject) -> Finding:
    """Return whether every open episode's plan is what making it again would give. The ids are episodes'."""
    finding = Finding(Invariant.every_plan_equals_its_rebuild)
    for session, episode_ids in _open_episodes(subject):
        for episode_id in episode_ids:
            finding.note(episode_id, holds=_is_as_it_should(session, subject, episode_id))
            session.expunge_all()
    return finding


def _is_as_it_should(session: Session, subject: Subject, episode_id: str) -> bool:
    try:
        return equals_its_rebuild(session, subject.practice_id, episode_id, subject.now)
    except PlanError:
        return False


def _open_episodes(subject: Subject) -> Iterator[tuple[Session, list[str]]]:
    """Yield the ids of the open episodes, each page with the transaction that read it."""
    last: str | None = ""
    while last is not None:
        with reading_practice(subject.make_session, subject.practice_id) as session:
            query = select(Episode.id).where(
                Episode.practice_id == subject.practice_id,
                Episode.id > last,
                Episode.status.in_(PLANNED_FOR),
                ~Episode.deleted,
            )
            ids = list(session.scalars(query.order_by(Episode.id).limit(EPISODES_AT_ONCE)))
            if ids:
                yield session, ids
        last = ids[-1] if len(ids) == EPISODES_AT_ONCE else None
