"""What is due for one patient at one time goes as one message, and each item of it is accounted for by itself."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from models.care import Milestone, MilestoneProgress
from models.practice import Practice
from models.reminder import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState
from schedules.delivery.channels import Refusal, Result
from schedules.delivery.claim import claim_due
from schedules.delivery.deliver import pass_all, record_all
from schedules.delivery.flow import NO_PACE
from schedules.delivery.parcels import parcels, send_parcel
from schedules.plan.corrections import URGENT_KEYS
from schedules.plan.vocabulary import Channel, Provider
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import service_engine_of
from tests.worker.desks import Outbox, claim_all, deliver, desk_of, lapse, lease_of
from tests.worker.rows import outcomes, story

WALK = "Build up your walking: a few minutes, several times a day, a little more each day."
SIT = "How long can you sit in comfort? Stand up every 20 to 30 minutes."
NO_SUCH_BOX = Result(AttemptOutcome.refused, "550", Refusal.address)


@contextlib.contextmanager
def statements_of(engine: Engine) -> Iterator[list[str]]:
    """Collect what is sent to the database meanwhile, a batch of one statement as one."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def clinic(session: Session) -> Practice:
    return builders.practice(session)


def both_due(session: Session, clinic: Practice, **changes: object) -> tuple[Delivery, Delivery]:
    """Store a patient to whom a word about walking is due, and an hour later one about sitting."""
    patient = builders.patient(session, clinic, **changes)
    surgery = builders.surgery(session, builders.episode(session, patient))
    walking = builders.milestone(session, surgery)
    sitting = builders.milestone(session, surgery, key="sit60", kind="sit60")
    first = builders.delivery(session, builders.reminder(session, walking))
    later = builders.DUE_AT + timedelta(minutes=30)
    second = builders.delivery(session, builders.reminder(session, sitting, key="goal", due_at=later))
    session.commit()
    return first, second


def refreshed(session: Session, *deliveries: Delivery) -> None:
    for each in deliveries:
        session.refresh(each)


def test_two_items_go_in_one_message_with_both_texts(
    engine: Engine, session: Session, clock: FixedClock, clinic: Practice
) -> None:
    first, second = both_due(session, clinic)
    outbox = Outbox()

    deliver(desk_of(engine, clock, {Provider.smtp: outbox}), *claim_all(session, clock))

    refreshed(session, first, second)
    (message,) = outbox.messages
    assert message.body.startswith(f"{WALK}\n\n{SIT}\n\n")
    assert (first.state, second.state) == (DeliveryState.sent, DeliveryState.sent)
    assert story(session, first) == [("sending", None), ("sent", None)]
    assert story(session, second) == [("sending", "in_digest"), ("sent", None)]
    carried = session.execute(select(DeliveryAttempt.delivery_id, DeliveryAttempt.carried_by)).all()
    assert {tuple(row) for row in carried} == {(first.id, None), (second.id, first.id)}


def test_a_repeat_says_the_same_again_under_the_same_key(
    engine: Engine, session: Session, clock: FixedClock, clinic: Practice
) -> None:
    both_due(session, clinic)
    outbox = Outbox(Result(AttemptOutcome.unknown, "deadline"))
    chances = iter((0.25, 0.75))
    desk = replace(desk_of(engine, clock, {Provider.smtp: outbox}), chance=lambda: next(chances))
    deliver(desk, *claim_all(session, clock))
    clock.advance(timedelta(seconds=30))

    outbox.result = Result(AttemptOutcome.accepted, "250")
    deliver(desk, *claim_all(session, clock))

    first, second = outbox.messages
    assert (first.key, first.body) == (second.key, second.body)
    assert set(session.scalars(select(Delivery.state))) == {DeliveryState.sent}


def test_what_is_done_meanwhile_drops_out_and_takes_nothing_with_it(
    engine: Engine, session: Session, clock: FixedClock, clinic: Practice
) -> None:
    first, second = both_due(session, clinic)
    claims = claim_all(session, clock)
    session.add(MilestoneProgress(**done(session, first)))
    session.commit()
    outbox = Outbox()

    deliver(desk_of(engine, clock, {Provider.smtp: outbox}), *claims)

    refreshed(session, first, second)
    assert outbox.messages[0].body.startswith(SIT)
    assert (first.state, first.reason, second.state) == (DeliveryState.cancelled, "achieved", DeliveryState.sent)
    assert story(session, second) == [("sending", None), ("sent", None)]


def done(session: Session, delivery: Delivery) -> dict[str, object]:
    milestone = session.scalars(select(Milestone).where(Milestone.key == "walk30")).one()
    return {
        "practice_id": delivery.practice_id,
        "id": milestone.id,
        "patient_id": delivery.patient_id,
        "achieved_on": MONDAY_AFTERNOON.date(),
        "reported_by": "patient",
        "reported_at": MONDAY_AFTERNOON,
    }


def test_a_dead_address_sends_all_items_on_to_the_next_channel_again_as_one(
    engine: Engine, session: Session, clock: FixedClock, clinic: Practice
) -> None:
    both_due(session, clinic, channels=["email", "sms"])
    mail, sms = Outbox(NO_SUCH_BOX), Outbox()
    desk = desk_of(engine, clock, {Provider.smtp: mail, Provider.sms: sms})

    for _ in range(2):
        deliver(desk, *claim_all(session, clock))

    ended = session.execute(select(Delivery.channel, Delivery.state).order_by(Delivery.step)).all()
    assert (len(mail.messages), len(sms.messages)) == (1, 1)
    failed, sent = (Channel.email, DeliveryState.failed), (Channel.sms, DeliveryState.sent)
    assert [tuple(row) for row in ended] == [failed, failed, sent, sent]


def test_after_a_death_each_item_is_tried_alone(
    engine: Engine, session: Session, clock: FixedClock, clinic: Practice
) -> None:
    first, second = both_due(session, clinic)
    outbox = Outbox()
    desk = desk_of(engine, clock, {Provider.smtp: outbox})
    claims = claim_all(session, clock)
    assert (
        len(
            desk.steps.gate(
                session, claims, desk.lease, built=[Provider.smtp], pace=NO_PACE, policy=desk.policy, now=clock.now()
            )
        )
        == 1
    )
    session.commit()
    lapse(session, clock)

    deliver(desk, *claim_all(session, clock))

    assert len(outbox.messages) == 2
    assert outcomes(session, first) == outcomes(session, second) == [AttemptOutcome.abandoned, AttemptOutcome.accepted]


def test_an_item_that_cannot_be_rendered_holds_the_other_up_once(
    engine: Engine, session: Session, clock: FixedClock, clinic: Practice
) -> None:
    first, second = both_due(session, clinic)
    session.scalars(select(Milestone).where(Milestone.key == "walk30")).one().kind = "discharge"
    session.commit()
    outbox = Outbox()
    desk = desk_of(engine, clock, {Provider.smtp: outbox})
    deliver(desk, *claim_all(session, clock))
    clock.advance(timedelta(seconds=30))

    deliver(desk, *claim_all(session, clock))

    refreshed(session, first, second)
    assert [message.body.startswith(SIT) for message in outbox.messages] == [True]
    assert (first.state, first.reason, second.state) == (DeliveryState.pending, "raised", DeliveryState.sent)


def test_two_patients_at_one_address_get_a_message_each(
    engine: Engine, session: Session, clock: FixedClock, clinic: Practice
) -> None:
    for _ in range(2):
        builders.due_delivery(session, clinic, email="family@example.org")
    session.commit()
    outbox = Outbox()

    deliver(desk_of(engine, clock, {Provider.smtp: outbox}), *claim_all(session, clock))

    assert [message.address for message in outbox.messages] == ["family@example.org", "family@example.org"]
    assert len({message.key for message in outbox.messages}) == 2


def test_an_urgent_correction_goes_by_itself(
    engine: Engine, session: Session, clock: FixedClock, clinic: Practice
) -> None:
    both_due(session, clinic)
    milestone = session.scalars(select(Milestone).where(Milestone.key == "walk30")).one()
    urgent = builders.reminder(session, milestone, key=min(URGENT_KEYS))
    builders.delivery(session, urgent)
    session.commit()
    outbox = Outbox()

    deliver(desk_of(engine, clock, {Provider.smtp: outbox}), *claim_all(session, clock))

    assert len(outbox.messages) == 2
    assert sum(WALK in message.body for message in outbox.messages) == 1


def test_what_else_is_due_for_a_patient_is_claimed_with_the_first(
    session: Session, clock: FixedClock, clinic: Practice
) -> None:
    first, second = both_due(session, clinic)
    both_due(session, clinic)

    claims = claim_due(session, lease_of(clock), now=clock.now(), limit=1)

    assert len({claim.patient_id for claim in claims}) == 1
    assert len(claims) == 2
    assert {first.practice_id, second.practice_id} == {claims[0].practice_id}


def test_every_practice_gets_its_share_of_a_claim(session: Session, clock: FixedClock, clinic: Practice) -> None:
    for _ in range(30):
        builders.due_delivery(session, clinic)
    small = [builders.practice(session) for _ in range(5)]
    for each in small:
        builders.due_delivery(session, each)
    session.commit()

    claims = claim_due(session, lease_of(clock), now=clock.now(), limit=12)

    assert len(claims) == 12
    assert {each.id for each in small} < {claim.practice_id for claim in claims}


def test_a_batch_of_the_gate_costs_as_many_statements_as_one(
    engine: Engine, session: Session, clock: FixedClock, clinic: Practice
) -> None:
    counts = []
    for size in (1, 20):
        for _ in range(size):
            builders.due_delivery(session, clinic)
        session.commit()
        desk = desk_of(engine, clock, {Provider.smtp: Outbox()})
        with statements_of(engine) as claiming, statements_of(service_engine_of(engine)) as sending:
            claims = claim_all(session, clock)
            several = parcels(desk, pass_all(desk, claims))
            record_all(desk, [sent for parcel in several for sent in send_parcel(desk, parcel)])
        counts.append((len(claiming), len(sending)))

    assert counts[0] == counts[1]
