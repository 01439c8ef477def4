"""Whether messages go out, and what the service proved of itself last night: for the overview."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session

from models import Alert, Decision, Delivery, EmergencyAccess, Reminder, SelfAudit, Staff
from models.caseload import is_limited, whole_practice
from models.claimable import is_claimable
from models.ids import first_id_at
from models.practice import Practice
from models.reminder import DecisionKind
from models.watch import AuditMark
from schedules.database_time import read_now
from schedules.plan.vocabulary import Channel, OnCallPlace
from schedules.watch.judgement import Judgement, judge
from schedules.watch.readings import count_held, latest_self_audits, read_readings
from service.care.monitoring import Monitoring
from service.care.on_call import who_watches

PERIOD: Final = timedelta(days=7)
# What became of a message on one channel, or of all of it. Steps on the way there are left out.
ENDS: Final = (
    DecisionKind.sent,
    DecisionKind.delivered,
    DecisionKind.undelivered,
    DecisionKind.failed,
    DecisionKind.suppressed,
    DecisionKind.expired,
    DecisionKind.quarantined,
)
# A self-audit runs each night; two hours are for the night's own length.
AUDITED_WITHIN: Final = timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class Ended:
    """How many messages had one end, for one reason, on one channel. None: no reason, or no channel was chosen yet."""

    kind: DecisionKind
    reason: str | None
    channel: Channel | None
    count: int


@dataclass(frozen=True, slots=True)
class DeliveryOverview:
    """What became of messages since `since`, and what waits now.

    `judgement` is of the whole service, for everybody whom it serves. `due` messages should go now, the longest since
    `due_since`; `held` wait for somebody's word after a restore.
    """

    judged_at: datetime
    judgement: Judgement
    since: datetime
    ended: tuple[Ended, ...]
    due: int
    due_since: datetime | None
    held: int


@dataclass(frozen=True, slots=True)
class Night:
    """What the last self-audit found in the whole practice; `is_late`: there was none in the last night.

    `proved_links` of the audit trail's chain were found unbroken so far.
    """

    ran_at: datetime | None
    is_late: bool
    findings: Sequence[SelfAudit]
    proved_links: int


@dataclass(frozen=True, slots=True)
class OnCallNow:
    """Who is on call, by place, as names, and until when somebody would be told; None: nobody would."""

    names: Mapping[OnCallPlace, Sequence[str]]
    monitored_until: datetime | None


def view_delivery(session: Session, practice_id: str, monitoring: Monitoring) -> DeliveryOverview:
    """Return whether messages go out. In a limited session counts are of its patients, the judgement is of all."""
    clock, rhythm = monitoring.clock, monitoring.rhythm
    now = read_now(session, clock)
    with whole_practice(session):
        judgement = judge(read_readings(session, clock, now, practice_id=practice_id), rhythm)
    due = select(func.count(), func.min(Delivery.next_attempt_at)).where(
        Delivery.practice_id == practice_id, is_claimable(), Delivery.next_attempt_at <= now
    )
    count, due_since = session.execute(due).one()
    return DeliveryOverview(
        judged_at=now,
        judgement=judgement,
        since=now - PERIOD,
        ended=_count_ends(session, practice_id, now - PERIOD),
        due=count,
        due_since=due_since,
        held=count_held(session, practice_id),
    )


def view_night(session: Session, practice_id: str, now: datetime) -> Night:
    """Return what the last self-audit found. Two SELECTs."""
    findings = latest_self_audits(session, practice_id)
    ran_at = findings[0].ran_at if findings else None
    mark = session.get(AuditMark, practice_id)
    return Night(
        ran_at=ran_at,
        is_late=ran_at is None or now - ran_at > AUDITED_WITHIN,
        findings=findings,
        proved_links=0 if mark is None else mark.proved_link,
    )


def view_on_call(session: Session, practice: Practice, now: datetime, monitoring: Monitoring) -> OnCallNow:
    """Return who is on call by name."""
    watch = who_watches(session, practice, now, monitoring)
    wanted = sorted({each for several in watch.on_call.values() for each in several})
    query = select(Staff.id, Staff.display_name).where(Staff.practice_id == practice.id, Staff.id.in_(wanted))
    names = {row[0]: row[1] for row in session.execute(query)}
    told = {place: tuple(names[each] for each in several) for place, several in watch.on_call.items()}
    return OnCallNow(told, watch.monitored_until)


def _count_ends(session: Session, practice_id: str, since: datetime) -> tuple[Ended, ...]:
    """Count by ids, which sort by the time that they bear: no more is looked at than was decided since."""
    words = (Decision.kind, Decision.reason, Decision.channel)
    query = (
        select(*words, func.count())
        .where(Decision.practice_id == practice_id, Decision.id >= first_id_at(since))
        .where(Decision.kind.in_(ENDS), _is_seen(session))
        .group_by(*words)
    )
    rows = [Ended(*row) for row in session.execute(query)]
    return tuple(sorted(rows, key=lambda each: (ENDS.index(each.kind), str(each.channel), each.reason or "")))


def _is_seen(session: Session) -> ColumnElement[bool]:
    """Return the condition that a decision is about a patient whom the session sees: its row does not name them."""
    if not is_limited(session):
        return true()
    # Selects of the classes themselves: `exists()` alone names none, and would not be limited.
    reminders, alerts, accesses = (
        select(model.id).where(model.practice_id == Decision.practice_id)
        for model in (Reminder, Alert, EmergencyAccess)
    )
    return or_(
        reminders.where(Reminder.id == Decision.reminder_id).exists(),
        alerts.where(Alert.id == Decision.alert_id).exists(),
        accesses.where(EmergencyAccess.id == Decision.access_id).exists(),
    )
