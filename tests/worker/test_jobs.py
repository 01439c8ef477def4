"""The worker's jobs: showing results, asking about passed surgeries, sealing the audit trail."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from models import journal
from models.audit import ActorKind, AuditAction, AuditEntry, AuditSeal
from models.care import Surgery
from models.engine import make_session_factory
from models.isolation import in_practice
from models.people import Patient
from models.reminder import Delivery, DeliveryState, Reminder
from models.report import Task, TaskKind, TaskState
from models.sync import SyncClock
from schedules import jobs
from schedules.jobs.publish import PUBLISHED_AT_ONCE
from schedules.plan.vocabulary import EpisodeStatus, ReminderState, SurgeryStatus
from schedules.watch.trail import prove
from tests import builders
from tests.clock import MONDAY_AFTERNOON
from tests.database import service_engine_of
from tests.worker.rows import is_somebody_waiting, wait_until

ENDS = [
    (DeliveryState.sent, None, ReminderState.sent),
    (DeliveryState.failed, "address_refused", ReminderState.failed),
    (DeliveryState.quarantined, "worker_died", ReminderState.failed),
    (DeliveryState.cancelled, "achieved", ReminderState.cancelled),
    (DeliveryState.expired, "too_late", ReminderState.expired),
    (DeliveryState.suppressed, "no_channel", ReminderState.suppressed),
]


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


def end(delivery: Delivery, state: DeliveryState = DeliveryState.sent, reason: str | None = None) -> Delivery:
    delivery.state, delivery.reason, delivery.finished_at = state, reason, MONDAY_AFTERNOON
    return delivery


def reminder_of(session: Session, delivery: Delivery) -> Reminder:
    row = session.get(Reminder, (delivery.practice_id, delivery.reminder_id), populate_existing=True)
    assert row is not None
    return row


def revision(session: Session, practice_id: str) -> int:
    """Return the practice's revision and let go of the database, so that a job can write."""
    number = session.scalars(select(SyncClock.revision).where(SyncClock.practice_id == practice_id)).one()
    session.rollback()
    return number


@pytest.mark.parametrize(("state", "reason", "shown"), ENDS)
def test_a_reminder_shows_how_its_delivery_ended(
    session: Session,
    make_session: sessionmaker[Session],
    state: DeliveryState,
    reason: str | None,
    shown: ReminderState,
) -> None:
    delivery = end(builders.due_delivery(session, builders.practice(session)), state, reason)
    session.commit()

    jobs.publish(make_session)

    row = reminder_of(session, delivery)
    session.refresh(delivery)
    assert (row.state, row.reason) == (shown, reason)
    assert row.sent_at == (MONDAY_AFTERNOON if state is DeliveryState.sent else None)
    assert delivery.published


def test_a_batch_of_results_takes_one_revision_of_its_practice(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    here, there = builders.practice(session), builders.practice(session)
    deliveries = [end(builders.due_delivery(session, here)) for _ in range(5)]
    elsewhere = end(builders.due_delivery(session, there))
    session.commit()
    before = revision(session, here.id), revision(session, there.id)

    jobs.publish(make_session)

    session.expire_all()
    after = revision(session, here.id), revision(session, there.id)
    assert after == (before[0] + 1, before[1] + 1)
    assert {reminder_of(session, each).rev for each in deliveries} == {after[0]}
    assert reminder_of(session, elsewhere).state is ReminderState.sent


def test_of_two_ways_that_ended_in_one_batch_the_later_one_is_shown(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    later = end(builders.due_delivery(session, builders.practice(session)), DeliveryState.suppressed, "opted_out")
    later.step = 1
    session.flush()
    # Rows are read by id, and this one's follows that of the later step.
    first = builders.delivery(session, reminder_of(session, later), id="z")
    end(first, DeliveryState.failed, "bounced")
    session.commit()

    jobs.publish(make_session)

    row = reminder_of(session, later)
    assert (row.state, row.reason) == (ReminderState.suppressed, "opted_out")


def test_results_beyond_a_batch_are_shown_too(session: Session, make_session: sessionmaker[Session]) -> None:
    clinic = builders.practice(session)
    for _ in range(PUBLISHED_AT_ONCE + 1):
        end(builders.due_delivery(session, clinic))
    session.commit()
    before = revision(session, clinic.id)

    jobs.publish(make_session)

    session.expire_all()
    assert revision(session, clinic.id) == before + 2
    assert {row.state for row in session.scalars(select(Reminder))} == {ReminderState.sent}


def test_nothing_new_takes_no_revision(session: Session, make_session: sessionmaker[Session]) -> None:
    clinic = builders.practice(session)
    builders.due_delivery(session, clinic)
    end(builders.due_delivery(session, clinic))
    session.commit()
    jobs.publish(make_session)
    before = revision(session, clinic.id)

    jobs.publish(make_session)

    session.expire_all()
    assert revision(session, clinic.id) == before


def test_the_end_of_an_older_generation_is_not_shown_on_a_reminder_planned_again(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    delivery = end(builders.due_delivery(session, builders.practice(session)), DeliveryState.cancelled, "moved")
    session.commit()
    reminder_of(session, delivery).generation = 2
    session.commit()

    jobs.publish(make_session)

    session.refresh(delivery)
    assert reminder_of(session, delivery).state is ReminderState.planned
    assert delivery.published


def passed_surgery(session: Session, **changes: object) -> str:
    """Add a planned surgery in New York on 2026-03-01 and return its id."""
    episode = builders.episode(session, builders.patient(session, builders.practice(session)))
    columns = {"status": SurgeryStatus.planned, "surgery_on": date(2026, 3, 1)} | changes
    surgery = builders.surgery(session, episode, **columns)
    session.commit()
    return surgery.id


def test_a_planned_surgery_whose_day_has_passed_is_asked_about_once(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    surgery_id = passed_surgery(session)

    for _ in range(2):
        jobs.ask_about_passed_surgeries(make_session, MONDAY_AFTERNOON)

    task = session.scalars(select(Task)).one()
    assert (task.kind, task.state, task.surgery_id) == (TaskKind.confirm_surgery, TaskState.open, surgery_id)
    assert (task.due_on, task.created_at) == (date(2026, 3, 1), MONDAY_AFTERNOON)


def test_the_day_passes_at_midnight_in_the_clinics_zone(session: Session, make_session: sessionmaker[Session]) -> None:
    passed_surgery(session)

    jobs.ask_about_passed_surgeries(make_session, datetime(2026, 3, 2, 4, 59, tzinfo=UTC))  # 23:59 in New York
    before = session.scalars(select(Task)).all()
    session.rollback()
    jobs.ask_about_passed_surgeries(make_session, datetime(2026, 3, 2, 5, 0, tzinfo=UTC))

    assert before == []
    assert len(session.scalars(select(Task)).all()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"status": SurgeryStatus.performed},
        {"status": SurgeryStatus.cancelled},
        {"surgery_on": None},
        {"surgery_on": date(2026, 3, 2)},
    ],
    ids=["performed", "cancelled", "no date", "today"],
)
def test_no_other_surgery_is_asked_about(
    session: Session, make_session: sessionmaker[Session], changes: dict[str, object]
) -> None:
    passed_surgery(session, **changes)

    jobs.ask_about_passed_surgeries(make_session, MONDAY_AFTERNOON)

    assert session.scalars(select(Task)).all() == []


def test_nobody_asks_about_an_episode_that_has_ended(session: Session, make_session: sessionmaker[Session]) -> None:
    person = builders.patient(session, builders.practice(session))
    closed = builders.episode(session, person, status=EpisodeStatus.closed)
    builders.surgery(session, closed, status=SurgeryStatus.planned, surgery_on=date(2026, 3, 1))
    session.commit()

    jobs.ask_about_passed_surgeries(make_session, MONDAY_AFTERNOON)

    assert session.scalars(select(Task)).all() == []


def test_nobody_asks_about_a_patient_who_has_died(session: Session, make_session: sessionmaker[Session]) -> None:
    person = builders.patient(session, builders.practice(session), died_on=date(2026, 2, 28))
    builders.surgery(
        session, builders.episode(session, person), status=SurgeryStatus.planned, surgery_on=date(2026, 3, 1)
    )
    session.commit()

    jobs.ask_about_passed_surgeries(make_session, MONDAY_AFTERNOON)

    assert session.scalars(select(Task)).all() == []


@pytest.mark.postgresql_only
def test_no_question_comes_after_its_answer(
    session: Session, engine: Engine, make_session: sessionmaker[Session]
) -> None:
    surgery_id = passed_surgery(session)
    surgery = session.scalars(select(Surgery)).one()
    session.scalars(select(Patient).with_for_update(key_share=True)).one()
    surgery.status = SurgeryStatus.performed
    job = threading.Thread(target=jobs.ask_about_passed_surgeries, args=(make_session, MONDAY_AFTERNOON))
    job.start()
    wait_until(lambda: is_somebody_waiting(engine))

    session.commit()
    job.join()

    assert surgery.id == surgery_id
    assert session.scalars(select(Task)).all() == []


def test_a_practice_that_fails_does_not_hold_up_the_next(session: Session, make_session: sessionmaker[Session]) -> None:
    for practice_id, zone in (("practice-a", "Nowhere/Atlantis"), ("practice-b", "America/New_York")):
        clinic = builders.practice(session, id=practice_id, time_zone=zone)
        episode = builders.episode(session, builders.patient(session, clinic))
        builders.surgery(session, episode, status=SurgeryStatus.planned, surgery_on=date(2026, 3, 1))
    session.commit()

    with pytest.raises(ZoneInfoNotFoundError):
        jobs.ask_about_passed_surgeries(make_session, MONDAY_AFTERNOON)

    assert session.scalars(select(Task.practice_id)).all() == ["practice-b"]


def write_entry(session: Session, practice_id: str, at: datetime) -> str:
    act = journal.Act(ActorKind.worker, "worker-1", AuditAction.send, "worker.send", patient_ids=["patient-1"])
    return journal.append(session, practice_id, act, at)


def seals(session: Session, practice_id: str) -> list[AuditSeal]:
    query = select(AuditSeal).where(AuditSeal.practice_id == practice_id).order_by(AuditSeal.sequence)
    return list(session.scalars(query))


def test_each_entry_is_sealed_once_into_its_practices_own_chain(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    here, there = builders.practice(session).id, builders.practice(session).id
    first = [write_entry(session, here, MONDAY_AFTERNOON) for _ in range(3)]
    write_entry(session, there, MONDAY_AFTERNOON)
    session.commit()
    jobs.seal_audit(make_session, MONDAY_AFTERNOON)
    later = write_entry(session, here, MONDAY_AFTERNOON)
    session.commit()

    for _ in range(2):
        jobs.seal_audit(make_session, MONDAY_AFTERNOON + timedelta(seconds=5))

    chain = seals(session, here)
    macs = {entry.id: entry.mac for entry in session.scalars(select(AuditEntry))}
    digest = b""
    for link in chain:
        digest = journal.link(digest, link.sequence, macs[link.entry_id], link.sealed_at)
        assert link.digest == digest
    assert [link.sequence for link in chain] == [1, 2, 3, 4]
    assert [link.entry_id for link in chain] == [*first, later]
    assert len(seals(session, there)) == 1


def test_eight_writers_and_two_workers_make_one_unbroken_chain(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    practice_id = builders.practice(session).id
    session.commit()

    def write_some(_number: int) -> None:
        for _ in range(20):
            with in_practice(make_session, practice_id) as own:
                own.connection()
                write_entry(own, practice_id, MONDAY_AFTERNOON)

    def seal_often(_number: int) -> None:
        for _ in range(20):
            jobs.seal_audit(make_session, MONDAY_AFTERNOON)

    with ThreadPoolExecutor(10) as threads:
        running = threads.map(write_some, range(8)), threads.map(seal_often, range(2))
        done = [each for some in running for each in some]
    jobs.seal_audit(make_session, MONDAY_AFTERNOON)

    proof = prove(make_session, practice_id)
    assert len(done) == 10
    assert (proof.links, proof.loose, proof.faults) == (160, 0, [])


def test_an_entry_that_was_committed_late_is_sealed_after_its_elders(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    practice_id = builders.practice(session).id
    write_entry(session, practice_id, MONDAY_AFTERNOON)
    session.commit()
    jobs.seal_audit(make_session, MONDAY_AFTERNOON)

    late = write_entry(session, practice_id, MONDAY_AFTERNOON - timedelta(seconds=30))
    session.commit()
    jobs.seal_audit(make_session, MONDAY_AFTERNOON)

    assert [link.entry_id for link in seals(session, practice_id)][1] == late


def test_an_entry_from_before_a_clock_was_set_back_is_sealed_in_the_end(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    practice_id = builders.practice(session).id
    write_entry(session, practice_id, MONDAY_AFTERNOON + timedelta(days=400))
    session.commit()
    jobs.seal_audit(make_session, MONDAY_AFTERNOON + timedelta(days=400))
    after = write_entry(session, practice_id, MONDAY_AFTERNOON)
    session.commit()

    jobs.seal_audit(make_session, MONDAY_AFTERNOON)
    jobs.seal_missed(make_session, MONDAY_AFTERNOON)
    jobs.seal_missed(make_session, MONDAY_AFTERNOON)

    assert [link.entry_id for link in seals(session, practice_id)][1:] == [after]
