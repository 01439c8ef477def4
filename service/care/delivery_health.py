"""Use cases: whether delivery goes well is told to anyone, and why, with the practice's own counts, to its staff."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import SelfAudit
from schedules.clock import Clock
from schedules.database_time import read_now
from schedules.watch.judgement import Judgement, Rhythm, judge
from schedules.watch.readings import (
    count_due,
    count_held,
    count_open_conflicts,
    count_refused_rows,
    latest_self_audits,
    read_readings,
    read_tally,
    read_wakes,
)
from service.identity.principal import Principal


@dataclass(frozen=True, slots=True)
class CountedDecision:
    """How many decisions of one kind, reason and channel the practice has had."""

    kind: str
    reason: str | None
    channel: str | None
    count: int


@dataclass(frozen=True, slots=True)
class CountedWake:
    """How many wake-ups of the practice's devices had one outcome with one provider."""

    provider: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True)
class DeliveryHealth:
    """How delivery stands, why, and what the practice has of it. `due` are its open deliveries that are due, by state.

    `held` are those that wait for somebody's word after a restore.
    `decisions` are counted up to a minute ago, `wakes` are silent pushes to its patients' devices, `self_audits` the
    results of the last run. `open_conflicts` are edits on devices that wait to be settled, `refused_rows` those of the
    last week that could not be stored and are not done.
    """

    judged_at: datetime
    judgement: Judgement
    due: Mapping[str, int]
    held: int
    decisions: tuple[CountedDecision, ...]
    wakes: tuple[CountedWake, ...]
    self_audits: Sequence[SelfAudit]
    open_conflicts: int
    refused_rows: int


def judge_delivery(session: Session, clock: Clock, rhythm: Rhythm) -> Judgement:
    """Return how delivery stands for everybody whom this database serves."""
    return judge(read_readings(session, clock, read_now(session, clock)), rhythm)


def view_delivery_health(session: Session, caller: Principal, clock: Clock, rhythm: Rhythm) -> DeliveryHealth:
    """Return how delivery stands, with what the caller's practice has of it."""
    now, practice_id = read_now(session, clock), caller.practice_id
    counted = read_tally(session, practice_id)
    return DeliveryHealth(
        judged_at=now,
        judgement=judge(read_readings(session, clock, now, practice_id=practice_id), rhythm),
        due={state.value: count for state, count in count_due(session, now, practice_id).items()},
        held=count_held(session, practice_id),
        decisions=tuple(
            CountedDecision(kind, reason or None, channel or None, count)
            for (kind, reason, channel), count in counted.items()
        ),
        wakes=tuple(CountedWake(*words, count) for words, count in read_wakes(session, practice_id).items()),
        self_audits=latest_self_audits(session, practice_id),
        open_conflicts=count_open_conflicts(session, practice_id),
        refused_rows=count_refused_rows(session, now, practice_id),
    )


def list_self_audits(session: Session, practice_id: str, *, after: str | None, limit: int) -> Sequence[SelfAudit]:
    """Return up to `limit` results of self-audits, the newest first, from the one after the id `after` on."""
    query = select(SelfAudit).filter_by(practice_id=practice_id).order_by(SelfAudit.id.desc())
    if after is not None:
        query = query.where(SelfAudit.id < after)
    return session.scalars(query.limit(limit)).all()
