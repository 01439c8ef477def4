"""Whether reminders are being delivered: the flag for anyone, the reasons and the self-audits for staff."""

from datetime import timedelta

from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from config import Settings
from models import AuditEntry, SelfAudit
from models.engine import make_session_factory
from models.merging import Resolution
from models.reminder import Delivery, DeliveryState
from models.wake import WakeTally
from models.watch import DecisionTally, Invariant
from schedules import jobs
from schedules.clock import SystemClock
from schedules.database_time import read_now
from tests import builders
from tests.api.conftest import Caller, Clinic
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.cohort.test_commands import run_command
from tests.database import service_engine_of


def beat_now(session: Session, engine: Engine, clock: FixedClock) -> None:
    """Let a worker tick now, by the clock that judges it: on PostgreSQL the database's."""
    now = read_now(session, clock)
    session.rollback()
    jobs.beat(make_session_factory(service_engine_of(engine)), "worker-1", now)


def nothing_due(session: Session) -> None:
    """Put off every delivery, also by the database's own clock."""
    for delivery in session.scalars(select(Delivery)):
        delivery.next_attempt_at = SystemClock().now() + timedelta(days=3650)
    session.commit()


def test_the_flag_is_red_without_a_worker_and_green_with_one(
    session: Session, engine: Engine, clock: FixedClock, anonymous: Caller, clinic: Clinic
) -> None:
    nothing_due(session)

    red = anonymous.get("/health/worker")
    beat_now(session, engine, clock)
    green = anonymous.get("/health/worker")

    assert (red.status_code, red.json) == (503, {"status": "silent"})
    assert (green.status_code, green.json) == (200, {"status": "ok"})


def test_the_flag_is_red_while_something_due_lies_about(
    session: Session, engine: Engine, clock: FixedClock, anonymous: Caller, clinic: Clinic
) -> None:
    clock.advance(timedelta(seconds=46))  # since the clinic's plans were made
    beat_now(session, engine, clock)
    delivery = session.scalars(select(Delivery).limit(1)).one()
    delivery.next_attempt_at = MONDAY_AFTERNOON
    session.commit()

    assert anonymous.get("/health/worker").json == {"status": "late"}


def test_staff_see_why_and_what_their_own_practice_has_of_it(
    session: Session, engine: Engine, clock: FixedClock, clinic: Clinic, foreign_clinic: Clinic, coordinator: Caller
) -> None:
    nothing_due(session)
    own, foreign = (
        session.scalars(select(Delivery).filter_by(practice_id=each.id).limit(1)).one()
        for each in (clinic, foreign_clinic)
    )
    for delivery in (own, foreign):
        delivery.state, delivery.finished_at = DeliveryState.quarantined, read_now(session, clock)
    row = DecisionTally(practice_id=clinic.id, kind="expired", reason="too_late", channel="", count=7)
    other = DecisionTally(practice_id=foreign_clinic.id, kind="expired", reason="too_late", channel="", count=9)
    wakes = [WakeTally(practice_id=each.id, provider="fcm", outcome="accepted") for each in (clinic, foreign_clinic)]
    wakes[0].count, wakes[1].count = 5, 8
    session.add_all([*wakes, row, other, found(clinic.id, "audit-1"), found(foreign_clinic.id, "audit-2")])
    settled = {"resolution": Resolution.kept, "resolved_at": MONDAY_AFTERNOON, "resolved_by": clinic.clinician.id}
    builders.conflict(session, clinic.patient, **settled)
    done = {"done_at": MONDAY_AFTERNOON, "done_by": clinic.clinician.id}
    builders.refused_row(session, clinic.patient, refused_at=read_now(session, clock) - timedelta(days=6), **done)
    for patient in (clinic.patient, clinic.other_patient, foreign_clinic.patient):
        builders.conflict(session, patient)
        builders.refused_row(session, patient, refused_at=read_now(session, clock) - timedelta(days=6))
    session.commit()
    beat_now(session, engine, clock)

    answer = coordinator.get("/delivery-health").json

    assert answer["status"] == "ok"
    assert answer["causes"] == [{"code": "quarantined", "seconds": None, "count": 1}]
    assert answer["due"] == {"pending": 0, "leased": 0, "sending": 0}
    assert answer["held"] == 0
    assert answer["decisions"] == [{"kind": "expired", "reason": "too_late", "channel": None, "count": 7}]
    assert answer["wakes"] == [{"provider": "fcm", "outcome": "accepted", "count": 5}]
    assert [each["id"] for each in answer["self_audits"]] == ["audit-1"]
    assert (answer["open_conflicts"], answer["refused_rows"]) == (2, 2)


def found(practice_id: str, audit_id: str) -> SelfAudit:
    row = SelfAudit(practice_id=practice_id, id=audit_id, ran_at=MONDAY_AFTERNOON, examples=["reminder-1"])
    row.invariant, row.checked, row.violations = Invariant.nothing_sent_twice, 3, 1
    return row


def test_self_audits_are_listed_page_by_page_the_newest_first(
    session: Session, clinic: Clinic, foreign_clinic: Clinic, coordinator: Caller
) -> None:
    session.add_all([found(clinic.id, f"audit-{number}") for number in range(1, 4)])
    session.add(found(foreign_clinic.id, "audit-9"))
    session.commit()

    first = coordinator.get("/self-audits?limit=2").json
    rest = coordinator.get(f"/self-audits?limit=2&after={first['next']}").json

    assert [each["id"] for each in first["items"] + rest["items"]] == ["audit-3", "audit-2", "audit-1"]
    assert first["items"][0]["examples"] == ["reminder-1"]
    assert rest["next"] is None


def test_a_patient_sees_no_reasons(patient: Caller) -> None:
    assert [patient.get(path).status_code for path in ("/delivery-health", "/self-audits")] == [403, 403]


def test_the_command_audits_every_clinic_and_fails_on_a_violation(
    session: Session, settings: Settings, clock: FixedClock, clinic: Clinic, foreign_clinic: Clinic, app: Flask
) -> None:
    nothing_due(session)
    clean = run_command(settings, clock, "self-audit", "--practice", clinic.practice.slug)
    clinic.practice.workers_comp_percent = 150
    clinic.episode.workers_comp = True
    session.commit()

    broken = run_command(settings, clock, "self-audit")

    session.expire_all()
    rows = session.scalars(select(SelfAudit)).all()
    assert (clean.exit_code, broken.exit_code) == (0, 1)
    assert "every_plan_equals_its_rebuild: 2 looked at, 0 broken" in clean.stdout
    assert f"every_plan_equals_its_rebuild: 2 looked at, 1 broken: {clinic.episode.id}" in broken.stdout
    assert f"{foreign_clinic.practice.slug}:" in broken.stdout
    assert len(rows) == 3 * len(Invariant)
    assert session.scalars(select(AuditEntry.route)).all() == ["flask self-audit"] * 3
