"""What else a message says that carries a digest: the texts of what is past and still unfinished, read at the gate.

Most messages carry none, and cost no query: only those whose own rule has the past policy `digest` may. Knows no
channel and no address.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models.care import Milestone, MilestoneProgress, Surgery
from models.clearance import Clearance
from models.reminder import Reminder
from schedules.delivery.facts import Care
from schedules.plan.library import load_library
from schedules.plan.protocol import Protocol, ReminderTemplate, Text
from schedules.plan.vocabulary import MilestoneKind, PastPolicy, Phase, ReminderOutcome, ReminderState, SurgeryStatus
from schedules.planning.library import find_protocol

_Member = tuple[Reminder, Milestone, Surgery]


def texts_said_along(session: Session, care: Care, own: Protocol | None, now: datetime) -> tuple[Text, ...]:
    """Return the texts of the digest that a reminder carries besides its own, in the order in which they were due.

    `own` is the protocol of its surgery, where that is the practice's.

    Left out is what was achieved, skipped, cleared or called off since, what a later stage began again, and what
    assumes a surgery that nobody has confirmed. Raises PlanError for a protocol that does not exist.
    """
    protocol = own or load_library().protocol(care.protocol_id, care.protocol_version)
    rule = _find_template(protocol, kind=care.milestone_kind, key=care.reminder_key)
    if rule is None or rule.past_policy is not PastPolicy.digest:
        return ()
    today = now.astimezone(ZoneInfo(care.clinic_zone)).date()
    found = []
    for reminder, milestone, surgery in _unfinished(session, care):
        template = _find_template(_protocol_of(session, surgery), kind=milestone.kind, key=reminder.key)
        if template is not None and _is_of_use(milestone, surgery, today):
            found.append(template.text)
    return tuple(found)


def _unfinished(session: Session, care: Care) -> list[_Member]:
    mine = Reminder.practice_id == care.practice_id
    done = exists().where(
        MilestoneProgress.practice_id == Reminder.practice_id,
        MilestoneProgress.id == Reminder.milestone_id,
        MilestoneProgress.deleted.is_(False),
        MilestoneProgress.achieved_on.is_not(None) | MilestoneProgress.skip_reason.is_not(None),
    )
    cleared = exists().where(
        Clearance.practice_id == Reminder.practice_id,
        Clearance.milestone_id == Reminder.milestone_id,
        Clearance.deleted.is_(False),
        Clearance.revoked_on.is_(None),
        Clearance.work_class.is_(None),  # lighter work that was allowed leaves the question open
    )
    query = (
        select(Reminder, Milestone, Surgery)
        .join(Milestone, (Milestone.practice_id == Reminder.practice_id) & (Milestone.id == Reminder.milestone_id))
        .join(Surgery, (Surgery.practice_id == Reminder.practice_id) & (Surgery.id == Milestone.surgery_id))
        .where(mine, Reminder.episode_id == care.episode_id, Reminder.digest_in == care.reminder_id)
        .where(Reminder.state == ReminderState.suppressed, Reminder.reason == ReminderOutcome.past_digest)
        .where(Reminder.deleted.is_(False), Milestone.cancelled_at.is_(None), ~done, ~cleared)
        .order_by(Reminder.due_at, Reminder.id)
    )
    return [(reminder, milestone, surgery) for reminder, milestone, surgery in session.execute(query)]


def _is_of_use(milestone: Milestone, surgery: Surgery, today: date) -> bool:
    if surgery.status is SurgeryStatus.cancelled or surgery.surgery_on is None:
        return False
    if milestone.superseded_on is not None and milestone.superseded_on <= today:
        return False
    if milestone.phase is Phase.before_surgery:
        return surgery.surgery_on > today
    return surgery.status is SurgeryStatus.performed


def _protocol_of(session: Session, surgery: Surgery) -> Protocol:
    return find_protocol(session, surgery.practice_id, surgery.protocol_id, surgery.protocol_version)


def _find_template(protocol: Protocol, *, kind: str, key: str) -> ReminderTemplate | None:
    return next((each for each in protocol.reminders.for_kind(MilestoneKind(kind)) if each.key == key), None)
