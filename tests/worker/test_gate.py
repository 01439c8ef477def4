"""The gate: between claim and send the facts are read again, under the lock that withdrawals take (R13, R16, R17)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from models.audit import ActorKind, AuditAction, AuditEntry, AuditSubject
from models.care import Episode, Milestone, Surgery
from models.people import Patient
from models.reminder import Delivery, DeliveryAttempt, DeliveryState, Reminder
from schedules.delivery.book import Claim
from schedules.plan.vocabulary import Channel, EpisodeStatus, ReminderState, SkipReason, SurgeryStatus
from schedules.planning import Answer, withdraw
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.worker.desks import claim_all, lapse, pass_now
from tests.worker.rows import outcomes, story


@dataclass(frozen=True, slots=True)
class Case:
    """One claimed delivery and all that it hangs on."""

    patient: Patient
    episode: Episode
    surgery: Surgery
    milestone: Milestone
    reminder: Reminder
    delivery: Delivery
    claim: Claim


@pytest.fixture
def case(session: Session, clock: FixedClock) -> Case:
    patient = builders.patient(session, builders.practice(session), email="alex@example.org")
    episode = builders.episode(session, patient)
    surgery = builders.surgery(session, episode)
    milestone = builders.milestone(session, surgery)
    reminder = builders.reminder(session, milestone)
    delivery = builders.delivery(session, reminder)
    return Case(patient, episode, surgery, milestone, reminder, delivery, claim_all(session, clock)[0])


def change(row: object, **columns: object) -> None:
    for column, value in columns.items():
        setattr(row, column, value)


FALSIFYING: dict[str, tuple[str, Callable[[Session, Case], object]]] = {
    "reminder cancelled": ("withdrawn", lambda _, case: change(case.reminder, state=ReminderState.cancelled)),
    "patient removed": ("withdrawn", lambda _, case: change(case.patient, deleted=True)),
    "planned again": ("moved", lambda _, case: change(case.reminder, generation=2)),
    "achieved": ("achieved", lambda session, case: builders.progress(session, case.milestone)),
    "skipped": (
        "skipped",
        lambda session, case: builders.progress(
            session, case.milestone, achieved_on=None, skip_reason=SkipReason.patient_declined
        ),
    ),
    "milestone cancelled": (
        "milestone_cancelled",
        lambda _, case: change(case.milestone, cancelled_at=MONDAY_AFTERNOON),
    ),
    "patient died": ("died", lambda _, case: change(case.patient, died_on=date(2026, 3, 1))),
    "surgery cancelled": (
        "surgery_cancelled",
        lambda _, case: change(case.surgery, status=SurgeryStatus.cancelled),
    ),
    "episode closed": ("episode_closed", lambda _, case: change(case.episode, status=EpisodeStatus.closed)),
    "episode ended by death": ("died", lambda _, case: change(case.episode, status=EpisodeStatus.died)),
    "consent withdrawn": (
        "episode_withdrawn",
        lambda _, case: change(case.episode, status=EpisodeStatus.withdrawn),
    ),
    "transferred": (
        "episode_transferred",
        lambda _, case: change(case.episode, status=EpisodeStatus.transferred),
    ),
}


@pytest.mark.parametrize(("reason", "falsify"), FALSIFYING.values(), ids=FALSIFYING.keys())
def test_what_became_wrong_after_the_claim_is_cancelled_at_the_gate(
    session: Session, case: Case, reason: str, falsify: Callable[[Session, Case], object]
) -> None:
    falsify(session, case)
    session.commit()

    permit = pass_now(session, case.claim)

    session.refresh(case.delivery)
    assert permit is None
    assert (case.delivery.state, case.delivery.reason) == (DeliveryState.cancelled, reason)
    assert (case.delivery.lease_owner, case.delivery.finished_at) == (None, MONDAY_AFTERNOON)
    assert story(session, case.delivery) == [("cancelled", reason)]
    assert outcomes(session, case.delivery) == []


HOLDING: list[tuple[str, Callable[[Case], None]]] = [
    ("paused", lambda case: change(case.patient, reminders_paused_at=MONDAY_AFTERNOON)),
    ("episode_paused", lambda case: change(case.episode, status=EpisodeStatus.paused)),
    ("surgery_unconfirmed", lambda case: change(case.surgery, status=SurgeryStatus.planned)),
]


@pytest.mark.parametrize(("reason", "hold"), HOLDING)
def test_what_is_held_gives_its_lease_back_and_is_looked_at_again(
    session: Session, case: Case, reason: str, hold: Callable[[Case], None]
) -> None:
    hold(case)
    session.commit()

    permit = pass_now(session, case.claim)

    session.refresh(case.delivery)
    assert permit is None
    assert (case.delivery.state, case.delivery.reason) == (DeliveryState.pending, reason)
    assert (case.delivery.lease_owner, case.delivery.attempts) == (None, 0)
    assert case.delivery.next_attempt_at == MONDAY_AFTERNOON + timedelta(minutes=15)
    assert story(session, case.delivery) == [("held", reason)]


def test_what_was_put_off_after_the_claim_is_held_until_then(session: Session, case: Case) -> None:
    until = MONDAY_AFTERNOON + timedelta(hours=2)
    change(case.reminder, snoozed_until=until)
    session.commit()

    permit = pass_now(session, case.claim)

    session.refresh(case.delivery)
    assert permit is None
    assert (case.delivery.state, case.delivery.next_attempt_at) == (DeliveryState.pending, until)
    assert story(session, case.delivery) == [("held", "snoozed")]


def test_a_hold_is_told_once_and_ends_in_an_expiry_that_names_it(
    session: Session, clock: FixedClock, case: Case
) -> None:
    case.surgery.status = SurgeryStatus.planned
    session.commit()
    pass_now(session, case.claim)
    clock.advance(timedelta(minutes=15))
    pass_now(session, claim_all(session, clock)[0], now=clock.now())
    clock.set_wall_clock(case.delivery.useful_until)

    pass_now(session, claim_all(session, clock)[0], now=clock.now())

    session.refresh(case.delivery)
    assert (case.delivery.state, case.delivery.reason) == (DeliveryState.expired, "surgery_unconfirmed")
    assert story(session, case.delivery) == [("held", "surgery_unconfirmed"), ("expired", "surgery_unconfirmed")]


def test_quiet_hours_hold_until_their_end_and_then_let_it_go(session: Session, clock: FixedClock, case: Case) -> None:
    change(case.patient, **builders.QUIET_NIGHT)
    session.commit()
    night = datetime(2026, 3, 3, 4, 30, tzinfo=UTC)  # 23:30 in New York
    morning = datetime(2026, 3, 3, 13, 0, tzinfo=UTC)

    held = pass_now(session, case.claim, now=night)
    clock.set_wall_clock(morning)
    permit = pass_now(session, claim_all(session, clock)[0], now=morning)

    assert held is None
    assert permit is not None
    assert story(session, case.delivery) == [("held", "quiet_hours"), ("sending", None)]


def test_what_comes_too_late_expires_and_says_so(session: Session, case: Case) -> None:
    permit = pass_now(session, case.claim, now=case.delivery.useful_until)

    session.refresh(case.delivery)
    assert permit is None
    assert (case.delivery.state, case.delivery.reason) == (DeliveryState.expired, "too_late")
    assert story(session, case.delivery) == [("expired", "too_late")]


def test_the_address_is_the_one_that_stands_at_the_gate(session: Session, case: Case) -> None:
    case.patient.email = "alex.new@example.org"
    session.commit()

    permit = pass_now(session, case.claim)

    assert permit is not None
    assert (permit.channel, permit.address) == (Channel.email, "alex.new@example.org")


def test_every_channel_that_cannot_serve_is_passed_over_with_a_line(session: Session, case: Case) -> None:
    change(case.patient, channels=["push", "email", "sms"], opted_out=["email"])
    session.commit()

    permit = pass_now(session, case.claim)

    session.refresh(case.delivery)
    assert permit is None
    assert (case.delivery.state, case.delivery.reason) == (DeliveryState.suppressed, "no_channel")
    assert story(session, case.delivery) == [
        ("passed_over", "not_built"),
        ("passed_over", "opted_out"),
        ("passed_over", "not_built"),
        ("suppressed", "no_channel"),
    ]


def test_a_patient_without_an_address_is_passed_over(session: Session, case: Case) -> None:
    case.patient.email = None
    session.commit()

    pass_now(session, case.claim)

    assert story(session, case.delivery) == [("passed_over", "no_address"), ("suppressed", "no_channel")]


def test_a_category_that_the_patient_stopped_is_not_sent_and_says_so(session: Session, case: Case) -> None:
    change(case.patient, opted_out_categories=["visit", "activity"])
    session.commit()

    permit = pass_now(session, case.claim)

    session.refresh(case.delivery)
    assert permit is None
    assert (case.delivery.state, case.delivery.reason) == (DeliveryState.suppressed, "opted_out_category")
    assert story(session, case.delivery) == [("suppressed", "opted_out_category")]


def test_another_category_that_the_patient_stopped_holds_nothing_back(session: Session, case: Case) -> None:
    change(case.patient, opted_out_categories=["visit"])
    session.commit()

    assert pass_now(session, case.claim) is not None


def test_passing_writes_the_attempt_the_decision_and_the_audit_entry_before_anything_is_sent(
    session: Session, case: Case
) -> None:
    permit = pass_now(session, case.claim)

    session.refresh(case.delivery)
    attempt = session.scalars(select(DeliveryAttempt)).one()
    entry = session.scalars(select(AuditEntry)).one()
    subject = session.scalars(select(AuditSubject)).one()
    assert permit is not None
    assert (case.delivery.state, case.delivery.channel) == (DeliveryState.sending, Channel.email)
    assert (attempt.fence, attempt.outcome, attempt.started_at) == (1, None, MONDAY_AFTERNOON)
    assert (entry.actor_kind, entry.actor_id, entry.action) == (ActorKind.worker, "worker-1", AuditAction.send)
    assert entry.about == {
        "reminder_id": case.reminder.id,
        "delivery_id": case.delivery.id,
        "fence": 1,
        "channel": "email",
    }
    assert subject.patient_id == case.patient.id
    assert story(session, case.delivery) == [("sending", None)]


def test_a_stale_claim_passes_no_gate(session: Session, clock: FixedClock, case: Case) -> None:
    lapse(session, clock)
    claim_all(session, clock, owner="worker-2")

    permit = pass_now(session, case.claim)

    session.refresh(case.delivery)
    assert permit is None
    assert (case.delivery.state, case.delivery.lease_owner) == (DeliveryState.leased, "worker-2")


def test_the_gate_reads_its_facts_in_five_queries(engine: Engine, session: Session, case: Case) -> None:
    session.commit()
    session.expunge_all()
    selects: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT") and "set_config" not in statement:
            selects.append(statement)

    pass_now(session, case.claim)

    assert len(selects) == 5


def withdraw_for(session: Session, case: Case) -> dict[str, Answer]:
    answers = withdraw(
        session, case.patient.practice_id, case.patient.id, now=MONDAY_AFTERNOON, reason="patient_declined"
    )
    session.commit()
    return answers


def test_a_withdrawal_before_the_gate_is_effective_and_closes_it(session: Session, case: Case) -> None:
    answers = withdraw_for(session, case)

    permit = pass_now(session, case.claim)

    session.refresh(case.delivery)
    assert answers == {case.reminder.id: Answer.effective}
    assert permit is None
    assert case.delivery.state is DeliveryState.cancelled


def test_a_withdrawal_after_the_gate_is_in_flight_and_ends_the_delivery_when_its_worker_dies(
    session: Session, clock: FixedClock, case: Case
) -> None:
    pass_now(session, case.claim)
    answers = withdraw_for(session, case)
    lapse(session, clock)

    permit = pass_now(session, claim_all(session, clock)[0])

    session.refresh(case.delivery)
    assert answers == {case.reminder.id: Answer.in_flight}
    assert permit is None
    assert (case.delivery.state, case.delivery.reason) == (DeliveryState.cancelled, "withdrawn")
    assert claim_all(session, clock) == []
