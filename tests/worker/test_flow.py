"""A provider in trouble is left alone by all workers, and none is handed more than it takes (N03, N10)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from config_values import PROVIDERS
from models.providers import PauseReason, ProviderPause
from models.reminder import AttemptOutcome, Delivery, DeliveryState
from schedules.delivery.channels import Fault, Refusal, Result
from schedules.delivery.flow import Breaker, Pace, Pause, paused_until, write_pauses
from schedules.plan.vocabulary import Provider
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.worker.desks import Outbox, claim_all, deliver, desk_of
from tests.worker.rows import outcomes, story

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
LOST = Result(AttemptOutcome.unknown, "deadline")
UNREACHABLE = Result(AttemptOutcome.refused, "ConnectionRefusedError", fault=Fault.unreachable)
REFUSED = Result(AttemptOutcome.refused, "451")
STRANGER = Result(AttemptOutcome.refused, "535", fault=Fault.credentials)
SECOND = timedelta(seconds=1)


def notes(breaker: Breaker, result: Result, *seconds: int) -> list[Pause | None]:
    return [breaker.note(Provider.smtp, result, NOW + second * SECOND) for second in seconds]


@pytest.mark.parametrize("result", [LOST, UNREACHABLE])
def test_five_troubles_within_a_minute_bring_a_minute_of_rest(result: Result) -> None:
    pauses = notes(Breaker(), result, 0, 10, 20, 30, 60)

    assert pauses[:4] == [None] * 4
    assert pauses[4] == Pause(Provider.smtp, PauseReason.trouble, NOW + 120 * SECOND, result.code)


def test_troubles_that_are_far_apart_or_few_bring_none() -> None:
    assert notes(Breaker(), LOST, 0, 20, 40, 61, 81, 101) == [None] * 6


def test_after_a_pause_it_counts_anew() -> None:
    breaker = Breaker()
    notes(breaker, LOST, 0, 0, 0, 0, 0)

    assert notes(breaker, LOST, 61, 61, 61, 61) == [None] * 4


def test_each_provider_is_counted_by_itself() -> None:
    breaker = Breaker()
    notes(breaker, LOST, 0, 0, 0, 0)

    assert breaker.note(Provider.sms, LOST, NOW) is None


@pytest.mark.parametrize("result", [REFUSED, Result(AttemptOutcome.refused, "550", Refusal.address)])
def test_what_is_about_a_message_is_no_trouble(result: Result) -> None:
    assert notes(Breaker(), result, *range(10)) == [None] * 10


def test_refused_credentials_bring_five_minutes_at_once() -> None:
    assert notes(Breaker(), STRANGER, 0) == [Pause(Provider.smtp, PauseReason.credentials, NOW + 300 * SECOND, "535")]


@pytest.mark.parametrize(("provider", "is_ours"), [(Provider.sms, True), (Provider.web_push, False)])
def test_a_busy_account_is_left_alone_as_long_as_it_asks(provider: Provider, is_ours: bool) -> None:
    busy = Result(AttemptOutcome.refused, "429", retry_after=120 * SECOND)

    pause = Breaker().note(provider, busy, NOW)

    assert pause == (Pause(provider, PauseReason.busy, NOW + 120 * SECOND, "429") if is_ours else None)


def test_a_shorter_pause_does_not_cut_a_longer_one_short(session: Session) -> None:
    long = Pause(Provider.sms, PauseReason.credentials, NOW + 300 * SECOND, "401")
    short = Pause(Provider.sms, PauseReason.trouble, NOW + 60 * SECOND, "deadline")

    for each in (long, short):
        write_pauses(session, [each], NOW)
        session.commit()

    row = session.get_one(ProviderPause, Provider.sms)
    assert (row.reason, row.until_at, row.began_at) == (PauseReason.credentials, long.until_at, NOW)
    assert paused_until(session, NOW) == {Provider.sms: long.until_at}
    assert paused_until(session, long.until_at) == {}


def test_refused_credentials_keep_what_is_due_pending_and_use_no_attempt_up(
    engine: Engine, session: Session, clock: FixedClock
) -> None:
    clinic = builders.practice(session)
    deliveries = [builders.due_delivery(session, clinic) for _ in range(2)]
    session.commit()
    outbox = Outbox(STRANGER)
    desk = desk_of(engine, clock, {Provider.smtp: outbox})
    first, second = claim_all(session, clock)
    deliver(desk, first)

    deliver(desk, second)

    held = session.get_one(Delivery, (second.practice_id, second.delivery_id), populate_existing=True)
    assert len(outbox.messages) == 1
    assert (held.state, held.reason, held.attempts) == (DeliveryState.pending, "provider_paused", 0)
    assert held.next_attempt_at == MONDAY_AFTERNOON + timedelta(minutes=5)
    assert outcomes(session, held) == []
    assert story(session, held) == [("held", "provider_paused")]
    assert {each.id for each in deliveries} == {first.delivery_id, second.delivery_id}


def test_a_message_that_cannot_wait_for_its_provider_takes_the_next_way(
    engine: Engine, session: Session, clock: FixedClock
) -> None:
    clinic = builders.practice(session)
    delivery = builders.due_delivery(session, clinic, channels=["email", "sms"])
    delivery.useful_until = MONDAY_AFTERNOON + timedelta(minutes=5)
    write_pauses(session, [Pause(Provider.smtp, PauseReason.trouble, delivery.useful_until, "deadline")], NOW)
    session.commit()
    mail, sms = Outbox(), Outbox()

    deliver(desk_of(engine, clock, {Provider.smtp: mail, Provider.sms: sms}), *claim_all(session, clock))

    assert (len(mail.messages), len(sms.messages)) == (0, 1)
    assert story(session, delivery)[0] == ("passed_over", "provider_paused")


def test_a_pace_spaces_messages_and_lets_others_alone() -> None:
    pace = Pace({Provider.sms: 2.0})

    def time_for(provider: Provider, now: datetime) -> datetime:
        return pace.time_for(provider, now, useful_until=NOW + timedelta(days=1))

    times = [time_for(Provider.sms, NOW) - NOW for _ in range(5)]

    assert times == [timedelta(0), timedelta(0), SECOND, SECOND * 1.5, SECOND * 2]
    assert time_for(Provider.smtp, NOW) == NOW
    assert time_for(Provider.sms, NOW + 60 * SECOND) == NOW + 60 * SECOND


def test_what_has_waited_for_its_time_goes_whatever_came_meanwhile(
    engine: Engine, session: Session, clock: FixedClock
) -> None:
    clinic = builders.practice(session)
    for _ in range(6):
        builders.due_delivery(session, clinic)
    session.commit()
    outbox = Outbox()
    desk = replace(desk_of(engine, clock, {Provider.smtp: outbox}), pace=Pace({Provider.smtp: 1.0}))

    sent = []
    for _ in range(6):
        deliver(desk, *claim_all(session, clock))
        sent.append(len(outbox.messages))
        clock.advance(SECOND)

    assert sent == [1, 2, 3, 4, 5, 6]


def test_the_settings_know_the_providers() -> None:
    assert tuple(Provider) == PROVIDERS
