"""Takes what is due, in batches that are fair to all practices, so that no two workers hold one delivery.

Takes also what a dead or frozen worker held: its lease has run out, and the kernel has ended it before it could still
send (see `schedules.delivery.deadline`), so its unresolved attempts can be closed as abandoned.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import SystemRandom

from sqlalchemy import ColumnElement, and_, case, exists, literal, or_, select, union_all, update
from sqlalchemy.orm import Session

from models.practice import Practice
from models.reminder import (
    OPEN_STATES,
    AttemptOutcome,
    DecisionKind,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
)
from models.sets import among
from schedules.delivery.book import Claim, by_practice, ended, lock_held, move
from schedules.delivery.decide import Reason
from schedules.delivery.leases import RELEASED, Lease, has_run_out, held
from schedules.plan.urgency import Urgency
from schedules.plan.vocabulary import Channel
from schedules.planning.story import Step, tell

MAX_ATTEMPTS = 8
MAX_SOLO_DEATHS = 3
_SHUFFLE = SystemRandom().shuffle


@dataclass(frozen=True, slots=True)
class _Found:
    """A delivery that may be claimed, as it stood when it was locked."""

    practice_id: str
    id: str
    patient_id: str
    reminder_id: str
    generation: int
    step: int
    state: DeliveryState
    channel: Channel | None
    fence: int
    attempts: int
    deaths: int
    solo: bool

    @property
    def has_died(self) -> bool:
        """Return whether a worker died with its message on its way."""
        return self.state is DeliveryState.sending


_COLUMNS = tuple(getattr(Delivery, name) for name in _Found.__slots__)


def claim_due(session: Session, lease: Lease, *, now: datetime, limit: int) -> list[Claim]:
    """Claim about `limit` deliveries that are due at `now` and return the claims.

    What is urgent goes first. Among what is equally urgent every practice gets an equal share of what is to be had, the
    longest due first; what else is due for a patient whose delivery is claimed comes with it, so that it can be said in
    one message. An attempt whose worker died is abandoned and its delivery retried alone; after three deaths alone, or
    as many attempts as are allowed, the delivery ends instead.
    """
    may_claim = _claimable(session, lease, now)
    claims: list[Claim] = []
    for urgency, practice_ids in _waiting(session, may_claim):
        is_next = and_(Delivery.urgency == urgency, may_claim)
        for found in _shared(session, practice_ids, is_next, may_claim, most=limit - len(claims)):
            claims += _take(session, lease, found, now)
    return claims


def _shared(
    session: Session,
    practice_ids: Sequence[str],
    is_next: ColumnElement[bool],
    may_claim: ColumnElement[bool],
    *,
    most: int,
) -> Iterator[list[_Found]]:
    """Yield up to about `most` deliveries, a practice's equal share at a time. Take one before asking for the next."""
    waiting, count = list(practice_ids), 0
    while waiting and count < most:
        share = max(1, (most - count) // len(waiting))
        still_waiting = []
        for practice_id in waiting:
            if count >= most:
                return
            found = _lock(session, practice_id, is_next, may_claim, share)
            count += len(found)
            yield found
            if len(found) >= share:
                still_waiting.append(practice_id)
        waiting = still_waiting


def release(session: Session, claims: Iterable[Claim]) -> None:
    """Give back claims that nothing was begun with, for any worker to take."""
    columns = {"state": DeliveryState.pending, "attempts": Delivery.attempts - 1, **RELEASED}
    for of_practice in by_practice(claims).values():
        move(session, lock_held(session, of_practice, DeliveryState.leased), **columns)


def _claimable(session: Session, lease: Lease, now: datetime) -> ColumnElement[bool]:
    held_once = Delivery.state.in_((DeliveryState.leased, DeliveryState.sending))
    free = or_(Delivery.state == DeliveryState.pending, and_(held_once, has_run_out(session, lease.clock)))
    # Said once more in the words of the partial index, so that history costs nothing.
    return and_(Delivery.state.in_(OPEN_STATES), Delivery.next_attempt_at <= now, free)


def _waiting(session: Session, may_claim: ColumnElement[bool]) -> list[tuple[Urgency, list[str]]]:
    """Return for which practices something is due, the most urgent first.

    The practices come in an order of chance: none is always the first.
    """
    query = union_all(
        *(
            select(literal(int(urgency)).label("urgency"), Practice.id).where(
                exists().where(Delivery.practice_id == Practice.id, Delivery.urgency == urgency, may_claim)
            )
            for urgency in Urgency
        )
    )
    found: dict[Urgency, list[str]] = {urgency: [] for urgency in Urgency}
    for urgency, practice_id in session.execute(query):
        found[Urgency(urgency)].append(practice_id)
    for practice_ids in found.values():
        _SHUFFLE(practice_ids)
    return sorted(found.items())


def _lock(
    session: Session, practice_id: str, is_next: ColumnElement[bool], may_claim: ColumnElement[bool], most: int
) -> list[_Found]:
    """Return up to `most` of a practice's deliveries that are next, and what else is due for their patients.

    They are locked to the commit.
    """
    query = select(*_COLUMNS).where(Delivery.practice_id == practice_id).with_for_update(skip_locked=True)
    next_ones = query.where(is_next).order_by(Delivery.next_attempt_at, Delivery.id).limit(most)
    found = [_Found(*row) for row in session.execute(next_ones)]
    if not found:
        return []
    connection = session.connection()
    of_patients = among(connection, Delivery.patient_id, {each.patient_id for each in found})
    are_others = ~among(connection, Delivery.id, [each.id for each in found])
    others = query.where(may_claim, of_patients, are_others).order_by(Delivery.id)
    return found + [_Found(*row) for row in session.execute(others)]


def _take(session: Session, lease: Lease, found: Sequence[_Found], now: datetime) -> list[Claim]:
    if not found:
        return []
    _abandon_attempts(session, [each for each in found if each.has_died], now)
    to_try = []
    for delivery in found:
        end = _spent(delivery)
        if end is None:
            to_try.append(delivery)
        else:
            _end(session, delivery, end, now)
    return _lease(session, lease, to_try)


def _abandon_attempts(session: Session, lost: Sequence[_Found], now: datetime) -> None:
    if not lost:
        return
    session.execute(
        update(DeliveryAttempt)
        .where(DeliveryAttempt.practice_id == lost[0].practice_id)
        .where(DeliveryAttempt.delivery_id.in_([each.id for each in lost]), DeliveryAttempt.outcome.is_(None))
        .values(outcome=AttemptOutcome.abandoned, ended_at=now)
        .execution_options(synchronize_session=False)
    )


def _spent(delivery: _Found) -> tuple[DeliveryState, Reason] | None:
    """Return how a delivery ends whose worker died once too often; None for one that may be tried again."""
    if not delivery.has_died:
        return None
    if delivery.solo and delivery.deaths + 1 >= MAX_SOLO_DEATHS:
        return DeliveryState.quarantined, Reason.worker_died
    if delivery.attempts >= MAX_ATTEMPTS:
        return DeliveryState.failed, Reason.attempts_exhausted
    return None


def _end(session: Session, delivery: _Found, end: tuple[DeliveryState, Reason], now: datetime) -> None:
    state, reason = end
    columns = ended(state, now=now, reason=reason) | {"deaths": delivery.deaths + delivery.solo}
    move(session, [Claim(delivery.practice_id, delivery.patient_id, delivery.id, delivery.fence)], **columns)
    about = Step(delivery.practice_id, delivery.reminder_id, delivery.generation, delivery.step)
    tell(session, about, DecisionKind(state), now=now, reason=reason, channel=delivery.channel)


def _lease(session: Session, lease: Lease, deliveries: Sequence[_Found]) -> list[Claim]:
    if not deliveries:
        return []
    died = Delivery.state == DeliveryState.sending
    statement = (
        update(Delivery)
        .where(Delivery.practice_id == deliveries[0].practice_id)
        .where(among(session.connection(), Delivery.id, [each.id for each in deliveries]))
        .values(
            state=DeliveryState.leased,
            fence=Delivery.fence + 1,
            # A lease that ran out before its attempt began has used none up.
            attempts=Delivery.attempts + case((Delivery.state == DeliveryState.leased, 0), else_=1),
            deaths=Delivery.deaths + case((and_(died, Delivery.solo), 1), else_=0),
            solo=or_(Delivery.solo, died),
            **held(session, lease),
        )
        .execution_options(synchronize_session=False)
    )
    session.execute(statement)
    return [
        Claim(each.practice_id, each.patient_id, each.id, each.fence + 1, solo=each.solo or each.has_died)
        for each in deliveries
    ]
