"""Reads what is judged and measured: heartbeats, what is due, what was set aside, what the audit trail waits for.

Each query is bounded by an index: none looks at the whole history.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.audit import AuditEntry, AuditSeal
from models.base import said
from models.claimable import is_claimable
from models.isolation import see, through_doors
from models.merging import RefusedRow, SyncConflict
from models.practice import Practice
from models.reminder import CLAIMABLE_STATES, Decision, Delivery, DeliveryState
from models.subjects import Subject, same_subject
from models.sync import SyncHeal
from models.wake import WakeTally
from models.watch import DecisionTally, SelfAudit, WorkerHeartbeat
from schedules.clock import Clock
from schedules.database_time import has_run_out
from schedules.watch.alert_readings import count_unheard_alerts
from schedules.watch.judgement import Heartbeat, Readings

QUARANTINED_WITHIN = timedelta(days=1)
REFUSED_WITHIN = timedelta(days=7)
HEARTBEAT_KEPT = timedelta(days=7)
SEALED_WITHIN = timedelta(seconds=60)
# The job `seal_missed` comes every hour for what is older; a longer look would cost the more, the older the clinic.
UNSEALED_LOOK = timedelta(hours=2)
LYING_LOOKED_AT = 1_000  # the longest due of them: a question that anyone may ask must cost little


def read_readings(session: Session, clock: Clock, now: datetime, *, practice_id: str | None = None) -> Readings:
    """Return what is judged. With a `practice_id` only what was set aside there is counted: the rest is everybody's."""
    heartbeats = read_heartbeats(session, now)
    with through_doors(session):
        untouched_since = _untouched_since(session, clock, now)
        quarantined = count_quarantined(session, now, practice_id)
        unheard = count_unheard_alerts(session, now)
    return Readings(now, heartbeats, untouched_since, quarantined, unheard)


def read_heartbeats(session: Session, now: datetime) -> tuple[Heartbeat, ...]:
    """Return how each worker was last heard of, of those that were in the last week."""
    columns = (WorkerHeartbeat.worker_id, WorkerHeartbeat.ticked_at, WorkerHeartbeat.stopped_at)
    rows = session.execute(select(*columns).where(WorkerHeartbeat.ticked_at > now - HEARTBEAT_KEPT))
    return tuple(Heartbeat(*row) for row in rows)


def _untouched_since(session: Session, clock: Clock, now: datetime) -> datetime | None:
    """Return since when the delivery that has lain longest in nobody's hands could have been claimed.

    What was planned, or put off, for a time that was past by then has lain since that was decided.
    """
    held_once = Delivery.state.in_((DeliveryState.leased, DeliveryState.sending))
    in_nobodys_hands = or_(Delivery.state == DeliveryState.pending, and_(held_once, has_run_out(session, clock)))
    lying = (
        select(Delivery.practice_id, *(getattr(Delivery, each) for each in Subject), Delivery.next_attempt_at)
        .where(*_due(now), in_nobodys_hands)
        .order_by(Delivery.next_attempt_at)
        .limit(LYING_LOOKED_AT)
        .subquery()
    )
    decided_at = select(func.max(Decision.decided_at)).where(
        Decision.practice_id == lying.c.practice_id,
        same_subject(Decision, lying.c),
    )
    rows = session.execute(select(lying.c.next_attempt_at, decided_at.correlate(lying).scalar_subquery()))
    return min((max(due_at, decided_at or due_at) for due_at, decided_at in rows), default=None)


def count_due(session: Session, now: datetime, practice_id: str | None = None) -> dict[DeliveryState, int]:
    """Return how many deliveries may be claimed and are due, by state: every such state is named."""
    query = select(Delivery.state, func.count()).where(*_due(now)).group_by(Delivery.state)
    if practice_id is not None:
        query = query.where(Delivery.practice_id == practice_id)
    return dict.fromkeys(CLAIMABLE_STATES, 0) | dict(session.execute(query).all())


def count_held(session: Session, practice_id: str | None = None) -> int:
    """Return how many deliveries are held after a restore, until somebody releases or drops them."""
    query = select(func.count()).where(Delivery.state == said(DeliveryState.held))
    if practice_id is not None:
        query = query.where(Delivery.practice_id == practice_id)
    return session.execute(query).scalar_one()


def count_quarantined(session: Session, now: datetime, practice_id: str | None = None) -> int:
    """Return how many deliveries were set aside in the last day."""
    query = select(func.count()).where(
        Delivery.state == said(DeliveryState.quarantined), Delivery.finished_at > now - QUARANTINED_WITHIN
    )
    if practice_id is not None:
        query = query.where(Delivery.practice_id == practice_id)
    return session.execute(query).scalar_one()


def count_open_conflicts(session: Session, practice_id: str | None = None) -> int:
    """Return how many edits that could not both stand nobody has settled."""
    query = select(func.count()).select_from(SyncConflict).where(SyncConflict.resolution.is_(None))
    return _sum_over(session, practice_id, query, SyncConflict.practice_id)


def count_refused_rows(session: Session, now: datetime, practice_id: str | None = None) -> int:
    """Return how many rows of devices could not be stored in the last week; of one practice those that are not done.

    Over all practices they tell whether an app has a fault, which nobody undoes by a row's being done.
    """
    query = select(func.count()).where(RefusedRow.refused_at > now - REFUSED_WITHIN)
    if practice_id is not None:
        query = query.where(RefusedRow.done_at.is_(None))
    return _sum_over(session, practice_id, query, RefusedRow.practice_id)


def count_heals(session: Session) -> tuple[int, int]:
    """Return how often devices that had drifted got rows again so far, and how many rows."""
    query = select(func.coalesce(func.sum(SyncHeal.heals), 0), func.coalesce(func.sum(SyncHeal.rows), 0))
    heals, rows = session.execute(query).one()
    return int(heals), int(rows)


def count_unsealed(session: Session, now: datetime) -> int:
    """Return how many entries of the audit trail, of the last two hours, are in no chain after a minute."""
    sealed = exists().where(AuditSeal.practice_id == AuditEntry.practice_id, AuditSeal.entry_id == AuditEntry.id)
    query = (
        select(func.count())
        .select_from(AuditEntry)
        .where(AuditEntry.happened_at > now - UNSEALED_LOOK, AuditEntry.happened_at < now - SEALED_WITHIN, ~sealed)
    )
    return _sum_over(session, None, query, AuditEntry.practice_id)


def read_tally(session: Session, practice_id: str | None = None) -> Mapping[tuple[str, str, str], int]:
    """Return the decisions counted so far by (kind, reason, channel), of one practice or of all together."""
    words = (DecisionTally.kind, DecisionTally.reason, DecisionTally.channel)
    query = select(*words, func.sum(DecisionTally.count)).group_by(*words).order_by(*words)
    if practice_id is not None:
        query = query.where(DecisionTally.practice_id == practice_id)
    return {(kind, reason, channel): int(count) for kind, reason, channel, count in session.execute(query)}


def read_wakes(session: Session, practice_id: str | None = None) -> Mapping[tuple[str, str], int]:
    """Return the wake-ups counted so far by (provider, outcome), of one practice or of all together."""
    words = (WakeTally.provider, WakeTally.outcome)
    query = select(*words, func.sum(WakeTally.count)).group_by(*words).order_by(*words)
    if practice_id is not None:
        query = query.where(WakeTally.practice_id == practice_id)
    return {(provider, outcome): int(count) for provider, outcome, count in session.execute(query)}


def latest_self_audits(session: Session, practice_id: str | None = None) -> Sequence[SelfAudit]:
    """Return the results of the last run in each practice, or in one."""
    newest = (
        select(SelfAudit.practice_id, func.max(SelfAudit.ran_at).label("ran_at"))
        .group_by(SelfAudit.practice_id)
        .subquery()
    )
    same: ColumnElement[bool] = and_(newest.c.practice_id == SelfAudit.practice_id, newest.c.ran_at == SelfAudit.ran_at)
    query = select(SelfAudit).join(newest, same).order_by(SelfAudit.practice_id, SelfAudit.invariant)
    if practice_id is not None:
        query = query.where(SelfAudit.practice_id == practice_id)
    return session.scalars(query).all()


def _sum_over(session: Session, practice_id: str | None, query: Select[int], whose: InstrumentedAttribute[str]) -> int:
    """Return the sum of what `query` counts in a practice, or in all of them: each is seen alone."""
    if practice_id is not None:
        return session.execute(query.where(whose == practice_id)).scalar_one()
    with through_doors(session):
        practice_ids, count = session.scalars(select(Practice.id)).all(), 0
        for each in practice_ids:
            see(session, each)
            count += session.execute(query.where(whose == each)).scalar_one()
    return count


def _due(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return is_claimable(), Delivery.next_attempt_at <= now
