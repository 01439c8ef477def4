"""Audits what was sent in a span of time: every request that began in it, page by page."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, select, tuple_
from sqlalchemy.orm import Session

from models.base import Tenant
from models.care import Milestone, MilestoneProgress
from models.isolation import reading_practice
from models.people import Patient
from models.reminder import AttemptOutcome, Decision, DecisionKind, Delivery, DeliveryAttempt, Reminder
from models.watch import Invariant
from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.timing import QuietHours
from schedules.watch.finding import Finding, Subject
from schedules.watch.requests import Accepted, Request, sent_twice, was_called_for, was_timely

REQUESTS_AT_ONCE = 500
_Place = tuple[datetime, str, int]


class _Sent(NamedTuple):
    """A request with the rows that it hangs on."""

    attempt: DeliveryAttempt
    delivery: Delivery
    reminder: Reminder
    milestone: Milestone
    progress: MilestoneProgress | None
    patient: Patient


def audit_sends(subject: Subject, since: datetime | None, until: datetime) -> tuple[Finding, ...]:
    """Return what is found of the requests that began from `since` (None: ever) up to `until`."""
    after_end = Finding(Invariant.nothing_sent_after_its_end)
    wrong_time = Finding(Invariant.nothing_sent_at_a_wrong_time)
    twice = Finding(Invariant.nothing_sent_twice)
    seen: set[str] = set()
    for session, page in _pages(subject, since, until):
        for request in _requests(session, page):
            after_end.note(request.reminder_id, holds=was_called_for(request))
            wrong_time.note(request.reminder_id, holds=was_timely(request))
        new = {each.reminder.id for each in page if each.attempt.outcome is AttemptOutcome.accepted} - seen
        repeated = sent_twice(_accepted(session, subject.practice_id, new))
        for reminder_id in sorted(new):
            twice.note(reminder_id, holds=reminder_id not in repeated)
        seen |= new
    return after_end, wrong_time, twice


def _pages(subject: Subject, since: datetime | None, until: datetime) -> Iterator[tuple[Session, list[_Sent]]]:
    """Yield the requests in the order of their beginning, each page in a transaction of its own."""
    place: _Place | None = None
    while True:
        with reading_practice(subject.make_session, subject.practice_id) as session:
            page = _page(session, subject.practice_id, since=since, until=until, place=place)
            if page:
                yield session, page
        if len(page) < REQUESTS_AT_ONCE:
            return
        last = page[-1].attempt
        place = last.started_at, last.delivery_id, last.fence


def _page(
    session: Session, practice_id: str, *, since: datetime | None, until: datetime, place: _Place | None
) -> list[_Sent]:
    order = (DeliveryAttempt.started_at, DeliveryAttempt.delivery_id, DeliveryAttempt.fence)
    query = (
        select(DeliveryAttempt, Delivery, Reminder, Milestone, MilestoneProgress, Patient)
        .join(Delivery, _same(Delivery, Delivery.id == DeliveryAttempt.delivery_id))
        .join(Reminder, _same(Reminder, Reminder.id == Delivery.reminder_id))
        .join(Milestone, _same(Milestone, Milestone.id == Reminder.milestone_id))
        .outerjoin(MilestoneProgress, _same(MilestoneProgress, MilestoneProgress.id == Milestone.id))
        .join(Patient, _same(Patient, Patient.id == Delivery.patient_id))
        .where(DeliveryAttempt.practice_id == practice_id, DeliveryAttempt.started_at < until)
        .order_by(*order)
        .limit(REQUESTS_AT_ONCE)
    )
    if since is not None:
        query = query.where(DeliveryAttempt.started_at >= since)
    if place is not None:
        query = query.where(tuple_(*order) > place)
    return [_Sent(*row) for row in session.execute(query)]


def _same(model: type[Tenant], link: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(model.practice_id == DeliveryAttempt.practice_id, link)


def _requests(session: Session, page: Sequence[_Sent]) -> Iterator[Request]:
    stories = _stories(session, page)
    for each in page:
        is_urgent = each.reminder.key in URGENT_KEYS
        ended = [] if is_urgent else [_settled_at(each.progress), each.milestone.cancelled_at]
        ended.append(_withdrawn_at(stories[each.reminder.id], each))
        yield Request(
            reminder_id=each.reminder.id,
            started_at=each.attempt.started_at,
            due_at=each.delivery.due_at,
            useful_until=each.delivery.useful_until,
            ended_ats=tuple(at for at in ended if at is not None),
            zone=ZoneInfo(each.patient.time_zone),
            quiet_hours=None if is_urgent else _quiet_hours(each.patient),
        )


def _settled_at(progress: MilestoneProgress | None) -> datetime | None:
    if progress is None or progress.deleted:
        return None
    is_settled = progress.achieved_on is not None or progress.skip_reason is not None
    return progress.reported_at if is_settled else None


def _stories(session: Session, page: Sequence[_Sent]) -> dict[str, list[Decision]]:
    """Return when the page's reminders were called for and taken back, in the order of deciding."""
    practice_id = page[0].attempt.practice_id
    query = select(Decision).where(
        Decision.practice_id == practice_id,
        Decision.reminder_id.in_({each.reminder.id for each in page}),
        Decision.kind.in_((DecisionKind.planned, DecisionKind.cancelled)),
    )
    found: defaultdict[str, list[Decision]] = defaultdict(list)
    for line in session.scalars(query.order_by(Decision.id)):
        found[line.reminder_id or ""].append(line)
    return found


def _withdrawn_at(story: Iterable[Decision], sent: _Sent) -> datetime | None:
    """Return when the generation was taken back before the request, unless it was called for again since."""
    before = [
        line
        for line in story
        if line.generation == sent.delivery.generation and line.decided_at < sent.attempt.started_at
    ]
    return before[-1].decided_at if before and before[-1].kind is DecisionKind.cancelled else None


def _quiet_hours(patient: Patient) -> QuietHours | None:
    if patient.quiet_from is None or patient.quiet_until is None:
        return None
    return QuietHours(start=patient.quiet_from, end=patient.quiet_until)


def _accepted(session: Session, practice_id: str, reminder_ids: Iterable[str]) -> list[Accepted]:
    """Return every message about these reminders that a provider ever took."""
    same = _same(Delivery, Delivery.id == DeliveryAttempt.delivery_id)
    query = (
        select(Reminder.id, Delivery.generation, Delivery.due_at, Delivery.target)
        .join(DeliveryAttempt, same)
        .join(Reminder, and_(Reminder.practice_id == Delivery.practice_id, Reminder.id == Delivery.reminder_id))
        .where(Delivery.practice_id == practice_id, Delivery.reminder_id.in_(sorted(reminder_ids)))
        .where(DeliveryAttempt.outcome == AttemptOutcome.accepted)
    )
    return [Accepted(*row) for row in session.execute(query)]
