"""The jobs of the worker, one function each. APScheduler decides when; nothing here is clinical."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, exists, insert, select, true
from sqlalchemy.orm import Session, sessionmaker

from models import journal
from models.audit import ActorKind, AuditAction, AuditEntry, AuditSeal
from models.care import Episode, Surgery
from models.clearance import Clearance
from models.engine import begin_reads
from models.people import Patient
from models.practice import Practice
from models.reminder import OPEN_STATES, Delivery, DeliveryState, Reminder
from models.sync import stamp
from schedules.delivery.book import Claim
from schedules.delivery.claim import release
from schedules.delivery.crew import Crew
from schedules.delivery.deliver import Steps
from schedules.delivery.leases import Lease
from schedules.plan.vocabulary import EpisodeStatus, ReminderState, SurgeryStatus
from schedules.planning import ask_whether_it_happened
from schedules.planning.rows import find
from schedules.planning.signed_rules import candidates, clear_by_rule, rules_in_force

PUBLISHED_AT_ONCE = 200
SEALED_AT_ONCE = 500
LATEST_COMMIT = timedelta(hours=1)  # an entry that is committed later after the time that it bears is missed at first
_GLANCE = timedelta(milliseconds=100)
_SHOWN = {
    DeliveryState.sent: ReminderState.sent,
    DeliveryState.failed: ReminderState.failed,
    DeliveryState.quarantined: ReminderState.failed,
    DeliveryState.cancelled: ReminderState.cancelled,
    DeliveryState.expired: ReminderState.expired,
    DeliveryState.suppressed: ReminderState.suppressed,
}
_Which = Callable[[AuditSeal | None], ColumnElement[bool]]  # of the unsealed entries, by the chain's last link


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What a tick works with. `longest` is how long one tick may go on while more is due."""

    make_session: sessionmaker[Session]
    lease: Lease
    steps: Steps
    crew: Crew
    longest: timedelta
    is_stopping: Callable[[], bool]


def tick(dispatch: Dispatch) -> None:
    """Claim what is due and hand it to the senders, as many as have nothing in hand, until nothing more is due."""
    clock, crew = dispatch.lease.clock, dispatch.crew
    ends_ms = clock.monotonic_ms() + dispatch.longest // timedelta(milliseconds=1)
    while not dispatch.is_stopping() and clock.monotonic_ms() < ends_ms:
        crew.tend()
        idle = crew.idle_count()
        if idle == 0:
            crew.wait(_GLANCE)
            continue
        claims = _claim(dispatch, idle)
        if not claims:
            return
        left = claims if dispatch.is_stopping() else crew.hand_out(claims)
        if left:
            with dispatch.make_session.begin() as session:
                release(session, left)


def publish(make_session: sessionmaker[Session]) -> None:
    """Show the results of deliveries on their reminders, which patients and coordinators see, in batches."""
    with make_session() as session:
        begin_reads(session)
        query = select(Delivery.practice_id).where(*_unpublished()).distinct().order_by(Delivery.practice_id)
        practice_ids = session.scalars(query).all()

    def show(practice_id: str) -> None:
        full = True
        while full:
            with make_session.begin() as session:
                full = _publish_batch(session, practice_id) == PUBLISHED_AT_ONCE

    _for_each(practice_ids, show)


def ask_about_passed_surgeries(make_session: sessionmaker[Session], now: datetime) -> None:
    """Ask, once each, whether the planned surgeries took place whose day has passed in their clinic's zone."""

    def ask(practice_id: str) -> None:
        with make_session() as session:
            begin_reads(session)
            practice = session.get_one(Practice, practice_id)
            passed = _passed_surgeries(practice_id, now.astimezone(ZoneInfo(practice.time_zone)).date())
            found = [(surgery.id, surgery.patient_id) for surgery in session.scalars(passed)]
        for surgery_id, patient_id in found:
            with make_session.begin() as session:
                # Answers are given under the patient's lock: no question may come after its answer.
                find(session, Patient, practice_id, patient_id, lock=True)
                surgery = session.scalars(passed.where(Surgery.id == surgery_id)).one_or_none()
                if surgery is not None:
                    ask_whether_it_happened(session, surgery, now)

    _for_each(_practice_ids(make_session), ask)


def clear_by_signed_rules(make_session: sessionmaker[Session], now: datetime) -> None:
    """Clear what the practices' signed rules cover and whose conditions all hold. One that fails stops no other."""

    def look_through(practice_id: str) -> None:
        with make_session() as session:
            begin_reads(session)
            kinds = [rule.milestone_kind for rule in rules_in_force(session, practice_id)]
            today = now.astimezone(ZoneInfo(session.get_one(Practice, practice_id).time_zone)).date()
            found = {each.milestone_id: each for each in candidates(session, practice_id, kinds, today)}

        def clear(milestone_id: str) -> None:
            with make_session.begin() as session:
                cleared = clear_by_rule(session, practice_id, found[milestone_id], now)
                if cleared is not None:
                    journal.append(session, practice_id, _act_of(cleared), now)

        _for_each(found, clear)

    _for_each(_practice_ids(make_session), look_through)


def seal_audit(make_session: sessionmaker[Session], now: datetime) -> None:
    """Bind new audit entries into their practice's chain, so that none can be changed or taken away unnoticed."""
    _for_each(_practice_ids(make_session), lambda practice_id: _seal_all(make_session, practice_id, now, _recent))


def seal_missed(make_session: sessionmaker[Session], now: datetime) -> None:
    """Seal what `seal_audit` does not look for: entries that bear an older time, as after a clock was set back."""

    def seal(practice_id: str) -> None:
        with make_session() as session:
            begin_reads(session)
            is_any_left = session.execute(_unsealed(practice_id).limit(1)).one_or_none() is not None
        if is_any_left:
            _seal_all(make_session, practice_id, now, _whenever)

    _for_each(_practice_ids(make_session), seal)


def _for_each(ids: Iterable[str], job: Callable[[str], None]) -> None:
    """Do the job for every practice or row, whatever becomes of the others. Raises the first error in the end."""
    errors: list[Exception] = []
    for each_id in ids:
        try:
            job(each_id)
        except Exception as error:  # noqa: BLE001 - raised below, once the others had their turn
            errors.append(error)
    if errors:
        raise errors[0]


def _claim(dispatch: Dispatch, limit: int) -> list[Claim]:
    with dispatch.make_session.begin() as session:
        now = dispatch.steps.now(session, dispatch.lease.clock)
        return dispatch.steps.claim(session, dispatch.lease, now=now, limit=limit)


def _practice_ids(make_session: sessionmaker[Session]) -> list[str]:
    with make_session() as session:
        begin_reads(session)
        return list(session.scalars(select(Practice.id).order_by(Practice.id)))


def _lock_practice(session: Session, practice_id: str) -> Practice | None:
    """Return the practice, locked for one worker's job; None if another worker is at the same job."""
    query = select(Practice).where(Practice.id == practice_id).with_for_update(key_share=True, skip_locked=True)
    return session.scalars(query).one_or_none()


def _unpublished() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return ~Delivery.published, Delivery.state.not_in(OPEN_STATES)


def _publish_batch(session: Session, practice_id: str) -> int:
    """Show one batch and return its size. It takes one revision, before the reminders are read."""
    deliveries = session.scalars(
        select(Delivery)
        .where(Delivery.practice_id == practice_id, *_unpublished())
        .order_by(Delivery.id)
        .limit(PUBLISHED_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    if not deliveries:
        return 0
    # Whoever changes synced rows holds the clock to the commit: from here on these stand still.
    stamp(session, practice_id)
    wanted = {delivery.reminder_id for delivery in deliveries}
    query = select(Reminder).where(Reminder.practice_id == practice_id, Reminder.id.in_(wanted))
    reminders = {reminder.id: reminder for reminder in session.scalars(query)}
    for delivery in sorted(deliveries, key=lambda each: each.step):
        _show(reminders[delivery.reminder_id], delivery)
        delivery.published = True
    return len(deliveries)


def _show(reminder: Reminder, delivery: Delivery) -> None:
    if delivery.generation != reminder.generation or reminder.state is ReminderState.sent:
        return
    reminder.state, reminder.reason = _SHOWN[delivery.state], delivery.reason
    if delivery.state is DeliveryState.sent:
        reminder.sent_at = delivery.finished_at


def _passed_surgeries(practice_id: str, today: date) -> Select[Surgery]:
    return (
        select(Surgery)
        .join(Episode, (Episode.practice_id == Surgery.practice_id) & (Episode.id == Surgery.episode_id))
        .join(Patient, (Patient.practice_id == Surgery.practice_id) & (Patient.id == Surgery.patient_id))
        .where(Surgery.practice_id == practice_id, Surgery.status == SurgeryStatus.planned)
        .where(Surgery.surgery_on < today, ~Surgery.deleted, ~Episode.deleted)
        .where(Episode.status.in_((EpisodeStatus.active, EpisodeStatus.paused)), Patient.died_on.is_(None))
        .order_by(Surgery.id)
    )


def _act_of(cleared: Clearance) -> journal.Act:
    about = {"clearance_id": cleared.id, "milestone_id": cleared.milestone_id, "rule_id": cleared.rule_id}
    return journal.Act(
        actor_kind=ActorKind.worker,
        actor_id=None,
        action=AuditAction.write,
        route="job clear_by_signed_rules",
        about=about,
        patient_ids=[cleared.patient_id],
    )


def _seal_all(make_session: sessionmaker[Session], practice_id: str, now: datetime, which: _Which) -> None:
    full = True
    while full:
        with make_session.begin() as session:
            practice = _lock_practice(session, practice_id)
            full = practice is not None and _seal_batch(session, practice_id, now, which) == SEALED_AT_ONCE


def _seal_batch(session: Session, practice_id: str, now: datetime, which: _Which) -> int:
    """Add the practice's next links to its chain and return how many."""
    newest = select(AuditSeal).where(AuditSeal.practice_id == practice_id).order_by(AuditSeal.sequence.desc()).limit(1)
    last = session.scalars(newest).one_or_none()
    sequence, digest = (last.sequence, last.digest) if last is not None else (0, b"")
    links = []
    for entry_id, mac in session.execute(_unsealed(practice_id).where(which(last)).limit(SEALED_AT_ONCE)).all():
        sequence += 1
        digest = journal.link(digest, sequence, mac)
        links.append({"sequence": sequence, "entry_id": entry_id, "digest": digest})
    if links:
        columns = {"practice_id": practice_id, "sealed_at": now}
        session.execute(insert(AuditSeal), [columns | each for each in links])
    return len(links)


def _unsealed(practice_id: str) -> Select[str, bytes]:
    sealed = exists().where(AuditSeal.practice_id == AuditEntry.practice_id, AuditSeal.entry_id == AuditEntry.id)
    query = select(AuditEntry.id, AuditEntry.mac).where(AuditEntry.practice_id == practice_id, ~sealed)
    return query.order_by(AuditEntry.happened_at, AuditEntry.id)


def _recent(last: AuditSeal | None) -> ColumnElement[bool]:
    """Return the condition that an entry can be new since the last link: the chain's whole past is not looked at."""
    return true() if last is None else AuditEntry.happened_at >= last.sealed_at - LATEST_COMMIT


def _whenever(_last: AuditSeal | None) -> ColumnElement[bool]:
    return true()
