"""Takes what is due, in batches that are fair to all practices, so that no two workers hold one delivery.

Takes also what a dead or frozen worker held: its lease has run out, and the kernel has ended it before it could still
send (see `schedules.delivery.deadline`), so its unresolved attempts can be closed as abandoned.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from secrets import SystemRandom
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Executable,
    Select,
    and_,
    bindparam,
    case,
    exists,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from models.base import table_of
from models.bulk import store_pending
from models.claimable import is_claimable
from models.isolation import see, through_doors
from models.practice import Practice
from models.reminder import (
    AttemptOutcome,
    DecisionKind,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
)
from models.sets import is_among, listed, update_rows
from models.statistics import look_up_by_key
from schedules.delivery.book import Claim, by_practice, ended, lock_held, move
from schedules.delivery.decide import Reason
from schedules.delivery.leases import RELEASED, Lease, clocks, has_run_out_by, held, is_shared
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
    reminder_id: str | None
    alert_id: str | None
    access_id: str | None
    generation: int
    step: int
    state: DeliveryState
    channel: Channel | None
    fence: int
    attempts: int
    deaths: int
    solo: bool
    urgency: int

    @property
    def has_died(self) -> bool:
        """Return whether a worker died with its message on its way."""
        return self.state is DeliveryState.sending


_COLUMNS = tuple(getattr(Delivery, name) for name in _Found.__slots__)
_ONE_ATTEMPT_LESS = Delivery.attempts - 1
_HAS_DIED = Delivery.state == DeliveryState.sending
_RAISED = {
    "fence": Delivery.fence + 1,
    # A lease that ran out before its attempt began has used none up.
    "attempts": Delivery.attempts + case((Delivery.state == DeliveryState.leased, 0), else_=1),
    "deaths": Delivery.deaths + case((and_(_HAS_DIED, Delivery.solo), 1), else_=0),
    "solo": or_(Delivery.solo, _HAS_DIED),
}


@dataclass(frozen=True, slots=True)
class _Looker:
    """Looks for what is due at one instant, with statements that are built once for each database."""

    session: Session
    lease: Lease
    now: datetime

    def rows(self, statement: Callable[[str, bool], Executable], **more: Any) -> Sequence[Any]:
        """Return what a statement finds with these parameters, besides the instant and the clocks."""
        connection = self.session.connection()
        query = statement(connection.dialect.name, is_shared(self.session))
        return connection.execute(query, {"now": self.now, **clocks(self.session, self.lease.clock), **more}).all()


def claim_due(session: Session, lease: Lease, *, now: datetime, limit: int) -> list[Claim]:
    """Claim about `limit` deliveries that are due at `now` and return the claims.

    What is urgent goes first. Among what is equally urgent every practice gets an equal share of what is to be had, the
    longest due first; what else is due for a patient whose delivery is claimed comes with it, so that it can be said in
    one message. An attempt whose worker died is abandoned and its delivery retried alone; after three deaths alone, or
    as many attempts as are allowed, the delivery ends instead.
    """
    look_up_by_key(session)
    looker = _Looker(session, lease, now)
    claims: list[Claim] = []
    for urgency, practice_ids in _waiting(looker):
        for found in _shared(looker, practice_ids, urgency, most=limit - len(claims)):
            claims += _take(session, lease, found, now)
            store_pending(session)
    return claims


def _shared(looker: _Looker, practice_ids: Sequence[str], urgency: Urgency, *, most: int) -> Iterator[list[_Found]]:
    """Yield up to about `most` deliveries, a practice's equal share at a time. Take one before asking for the next.

    Until then the session sees that practice alone.
    """
    waiting, count = list(practice_ids), 0
    while waiting and count < most:
        share = max(1, (most - count) // len(waiting))
        still_waiting = []
        for practice_id in waiting:
            if count >= most:
                return
            see(looker.session, practice_id)
            found = _lock(looker, practice_id, urgency, share)
            count += len(found)
            yield found
            if len(found) >= share:
                still_waiting.append(practice_id)
        waiting = still_waiting


def release(session: Session, claims: Iterable[Claim]) -> None:
    """Give back claims that nothing was begun with, for any worker to take."""
    columns = {"state": DeliveryState.pending, "attempts": _ONE_ATTEMPT_LESS, **RELEASED}
    for practice_id, of_practice in by_practice(claims).items():
        see(session, practice_id)
        move(session, lock_held(session, of_practice, DeliveryState.leased), **columns)


def _claimable(*, shared: bool) -> ColumnElement[bool]:
    held_once = Delivery.state.in_((DeliveryState.leased, DeliveryState.sending))
    free = or_(Delivery.state == DeliveryState.pending, and_(held_once, has_run_out_by(shared=shared)))
    return and_(is_claimable(), Delivery.next_attempt_at <= bindparam("now"), free)


def _waiting(looker: _Looker) -> list[tuple[Urgency, list[str]]]:
    """Return for which practices something is due, the most urgent first.

    The practices come in an order of chance: none is always the first.
    """
    found: dict[Urgency, list[str]] = {urgency: [] for urgency in Urgency}
    with through_doors(looker.session):
        rows = looker.rows(_waiting_query)
    for urgency, practice_id in rows:
        found[Urgency(urgency)].append(practice_id)
    for practice_ids in found.values():
        _SHUFFLE(practice_ids)
    return sorted(found.items())


@cache
def _waiting_query(_dialect: str, shared: bool) -> CompoundSelect[Any]:  # noqa: FBT001 - as `_Looker.rows` calls it
    may_claim = _claimable(shared=shared)
    return union_all(
        *(
            select(literal(int(urgency)).label("urgency"), Practice.id).where(
                exists().where(Delivery.practice_id == Practice.id, Delivery.urgency == urgency, may_claim)
            )
            for urgency in Urgency
        )
    )


def _lock(looker: _Looker, practice_id: str, urgency: Urgency, most: int) -> list[_Found]:
    """Return up to `most` of a practice's deliveries that are next, and what else is due for their patients.

    They are locked to the commit.
    """
    rows = looker.rows(_next_query, practice_id=practice_id, urgency=int(urgency), most=most)
    found = [_Found(*row) for row in rows]
    if not found:
        return []
    dialect = looker.session.get_bind().dialect.name
    patient_ids = listed(dialect, {each.patient_id for each in found})
    ids = listed(dialect, [each.id for each in found])
    others = looker.rows(_others_query, practice_id=practice_id, patient_ids=patient_ids, ids=ids)
    return found + sorted((_Found(*row) for row in others), key=lambda each: each.id)


@cache
def _next_query(_dialect: str, shared: bool) -> Select[Any]:  # noqa: FBT001
    is_next = and_(Delivery.urgency == bindparam("urgency"), _claimable(shared=shared))
    # Not by the id among what is due at one time, which thousands may be: all of those would be read for each claim.
    return _locked().where(is_next).order_by(Delivery.next_attempt_at).limit(bindparam("most"))


@cache
def _others_query(dialect: str, shared: bool) -> Select[Any]:  # noqa: FBT001
    of_patients = is_among(dialect, Delivery.patient_id, "patient_ids")
    are_others = ~is_among(dialect, Delivery.id, "ids")
    # In no order: for one by id SQLite would walk through all that the practice has.
    return _locked().where(_claimable(shared=shared), of_patients, are_others)


def _locked() -> Select[Any]:
    mine = Delivery.practice_id == bindparam("practice_id")
    return select(*_COLUMNS).where(mine).with_for_update(skip_locked=True)


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
    place = delivery.generation, delivery.step
    about = Step(delivery.practice_id, delivery.reminder_id, *place, delivery.alert_id, delivery.access_id)
    tell(session, about, DecisionKind(state), now=now, reason=reason, channel=delivery.channel)


def _lease(session: Session, lease: Lease, deliveries: Sequence[_Found]) -> list[Claim]:
    if not deliveries:
        return []
    rows = [{"practice_id": each.practice_id, "id": each.id} for each in deliveries]
    common = {"state": DeliveryState.leased, **_RAISED, **held(session, lease)}
    update_rows(session.connection(), table_of(Delivery), rows, keys=("practice_id", "id"), common=common)
    return [_claim(each) for each in deliveries]


def _claim(taken: _Found) -> Claim:
    solo, fence = taken.solo or taken.has_died, taken.fence + 1
    return Claim(taken.practice_id, taken.patient_id, taken.id, fence, solo=solo, urgency=taken.urgency)
