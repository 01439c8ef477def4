"""A wake-up that did not arrive comes again, one that may have arrived keeps its pause, and a dead address ends it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import Patient, Practice, PushAddress
from models.engine import make_session_factory
from models.push import PushProvider
from models.reminder import AttemptOutcome
from models.wake import WakeState
from schedules.delivery.channels import Result
from schedules.delivery.channels.expo import ExpoSender, ExpoService
from schedules.delivery.channels.http import HttpLine
from schedules.delivery.flow import Pace, paused_until
from schedules.delivery.wake_look import FOREGROUND_FIRST
from schedules.delivery.wake_parcels import hand_over
from schedules.delivery.wakes import WakeClaim, claim_wakes, record_wakes
from schedules.jobs import wake_devices
from schedules.plan.vocabulary import Provider
from tests import builders
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.worker.desks import LEASE_LENGTH, LIMITS
from tests.worker.push_peers import ExpoPeer, Reply, reply
from tests.worker.wake_bench import PAUSE, Round, change, counted, phone, wake_desk, wake_row

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
DEAD = reply(200, {"data": [{"status": "error", "message": "a text", "details": {"error": "DeviceNotRegistered"}}]})
TOO_BIG = reply(200, {"data": [{"status": "error", "message": "a text", "details": {"error": "MessageTooBig"}}]})
ACCEPTED = Result(AttemptOutcome.accepted, "ok", message_id="ticket-1")


def answer_once(expo: ExpoPeer, answer: Reply) -> None:
    """Have the service answer the next request so, and those after as usual."""
    before = len(expo.seen)
    expo.answer = lambda _seen: answer if len(expo.seen) == before + 1 else None


def claim(rounds: Round, *, most: int = 64) -> list[WakeClaim]:
    """Take what is due in hand, as a worker does that then dies."""
    with rounds.desk.make_session.begin() as session:
        return claim_wakes(session, rounds.desk.terms, rounds.desk.pace, now=rounds.clock.now(), most=most)[0]


def test_a_dead_address_is_disabled_and_woken_no_more(
    engine: Engine, session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    answer_once(expo, DEAD)
    change(session, patient)
    rounds.whole()
    died_at = rounds.clock.now()
    change(session, patient)

    rounds.after(2 * PAUSE)
    rounds.whole()

    session.refresh(address)
    assert len(expo.seen) == 1
    assert (address.disabled_at, address.disabled_code) == (died_at, "DeviceNotRegistered")
    assert counted(engine) == {("expo", "refused"): 1}


def test_an_address_that_its_phone_registered_since_stays_and_is_woken_by_the_next_change(
    session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    answer_once(expo, DEAD)
    address.registered_at = MONDAY_AFTERNOON + FOREGROUND_FIRST + SECOND
    change(session, patient)
    rounds.whole()
    change(session, patient)

    rounds.whole()

    session.refresh(address)
    assert (address.disabled_at, len(expo.seen)) == (None, 2)


def test_what_is_refused_for_good_waits_for_the_next_change(
    session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    answer_once(expo, TOO_BIG)
    change(session, patient)
    rounds.whole()
    rounds.after(2 * PAUSE)
    before = len(expo.seen)
    change(session, patient)

    rounds.whole()

    assert (before, len(expo.seen)) == (1, 2)


def test_what_may_have_arrived_is_repeated_once_the_pause_is_over(
    session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    answer_once(expo, reply(500))
    change(session, patient)
    rounds.whole()

    rounds.after(PAUSE - SECOND)
    before = len(expo.seen)
    rounds.after(SECOND)
    rounds.after(2 * PAUSE)

    assert (before, len(expo.seen)) == (1, 2)


def test_what_nobody_took_comes_again_soon_and_then_more_slowly_but_within_the_pause(
    engine: Engine, session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    refused = {"status": "error", "message": "a text", "details": {"error": "MessageRateExceeded"}}
    expo.answer = lambda _seen: reply(200, {"data": [refused]})
    change(session, patient)
    rounds.whole()

    waits = []
    for _ in range(9):
        due_at = wake_row(engine, address).due_at
        assert due_at is not None
        waits.append(due_at - rounds.clock.now())
        rounds.after(waits[-1])

    assert waits[:4] == [30 * SECOND, MINUTE, 2 * MINUTE, 4 * MINUTE]
    assert waits[-1] == PAUSE


def test_a_provider_that_asks_to_be_left_alone_is_and_keeps_what_is_due(
    session: Session, expo: ExpoPeer, rounds: Round, practice: Practice, patient: Patient, address: PushAddress
) -> None:
    other = phone(session, builders.patient(session, practice), PushProvider.expo, "ExponentPushToken[second-of-them]")
    rounds()
    answer_once(expo, reply(429, Retry_After="300"))
    change(session, patient)
    rounds.whole()
    change(session, session.get_one(Patient, (practice.id, other.patient_id)))

    rounds.whole()
    with rounds.desk.make_session() as reading:
        paused = paused_until(reading, rounds.clock.now())
    before = len(expo.seen)
    rounds.after(5 * MINUTE)

    assert list(paused) == [Provider.expo]
    assert (before, [len(seen.json) for seen in expo.seen]) == (1, [1, 2])


def test_refused_credentials_pause_the_provider_for_all(
    session: Session,
    engine: Engine,
    clock: FixedClock,
    expo: ExpoPeer,
    expo_line: HttpLine,
    patient: Patient,
    address: PushAddress,
) -> None:
    desk = wake_desk(engine, clock, {Provider.expo: ExpoSender(ExpoService(expo.url, "another"), expo_line)})
    change(session, patient)

    Round(desk, clock).whole()

    with make_session_factory(engine)() as reading:
        assert paused_until(reading, clock.now()) == {Provider.expo: clock.now() + 5 * MINUTE}


def test_a_pace_spaces_wake_ups_and_drops_none(
    session: Session, expo: ExpoPeer, rounds: Round, practice: Practice, address: PushAddress
) -> None:
    patients = [builders.patient(session, practice) for _ in range(4)]
    for number, person in enumerate(patients):
        phone(session, person, PushProvider.expo, f"ExponentPushToken[number-{number:08}]")
    rounds()
    for person in patients:
        change(session, person)
    paced = Round(replace(rounds.desk, pace=Pace({Provider.expo: 1.0})), rounds.clock)

    paced.whole()
    sizes = []
    for _ in range(4):
        sizes.append(sum(len(seen.json) for seen in expo.seen))
        paced.after(SECOND)

    assert sizes == [1, 2, 3, 4]


def test_a_worker_that_dies_with_a_wake_up_in_hand_costs_a_lease_and_another_one_sends(
    engine: Engine, session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    change(session, patient)
    rounds()
    rounds.clock.advance(FOREGROUND_FIRST)
    assert len(claim(rounds)) == 1

    rounds.after(LEASE_LENGTH - SECOND)
    before = len(expo.seen)
    rounds.after(SECOND)

    assert (before, len(expo.seen)) == (0, 1)
    assert counted(engine) == {("expo", "abandoned"): 1, ("expo", "accepted"): 1}


def test_a_wake_up_that_two_workers_died_with_waits_for_a_whole_pause(
    engine: Engine, session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    change(session, patient)
    rounds()
    rounds.clock.advance(FOREGROUND_FIRST)
    for _ in range(2):
        assert len(claim(rounds)) == 1
        rounds.clock.advance(LEASE_LENGTH)

    rounds()
    rounds.after(PAUSE - SECOND)
    before = len(expo.seen)
    rounds.after(SECOND)

    assert (before, len(expo.seen)) == (0, 1)


def test_a_late_word_of_a_worker_whose_lease_ran_out_moves_nothing(
    engine: Engine, session: Session, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    change(session, patient)
    rounds()
    rounds.clock.advance(FOREGROUND_FIRST)
    (late,) = claim(rounds)
    rounds.clock.advance(LEASE_LENGTH)
    claim(rounds)

    record_wakes(session, [(late, ACCEPTED)], pause=PAUSE, now=rounds.clock.now(), chance=lambda: 1.0)
    session.commit()

    row = wake_row(engine, address)
    assert (row.state, row.fence, row.due_at) == (WakeState.in_hand, 2, rounds.clock.now() + LEASE_LENGTH)


def test_what_changes_while_a_wake_up_is_on_its_way_is_told_at_the_end_of_the_pause(
    engine: Engine, session: Session, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    change(session, patient)
    rounds()
    rounds.clock.advance(FOREGROUND_FIRST)
    (first,) = claim(rounds)
    change(session, patient)
    rounds()

    record_wakes(session, [(first, ACCEPTED)], pause=PAUSE, now=rounds.clock.now(), chance=lambda: 1.0)
    session.commit()

    row = wake_row(engine, address)
    assert (row.state, row.due_at) == (WakeState.waiting, rounds.clock.now() + PAUSE)


def test_nothing_is_begun_once_too_little_of_the_lease_is_left(
    session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    change(session, patient)
    rounds()
    rounds.clock.advance(FOREGROUND_FIRST)
    held_from_ms = rounds.clock.monotonic_ms()
    claims = claim(rounds)
    rounds.clock.advance(LEASE_LENGTH - LIMITS.margin)

    assert hand_over(rounds.desk, claims, held_from_ms) == []
    assert expo.seen == []


def test_nothing_is_begun_by_a_process_that_was_frozen_past_its_lease(
    engine: Engine, session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    class Frozen(FixedClock):
        """Stands still until it was asked twice."""

        asked = 0

        def monotonic_ms(self) -> int:
            self.asked += 1
            return FixedClock.monotonic_ms(self) + (self.asked > 1) * LEASE_LENGTH // timedelta(milliseconds=1)

    change(session, patient)
    rounds()
    rounds.clock.advance(FOREGROUND_FIRST)
    claims, began_ms = claim(rounds), rounds.clock.monotonic_ms()
    frozen = Frozen(rounds.clock.now())
    frozen._monotonic_ms = began_ms

    assert hand_over(replace(rounds.desk, clock=frozen), claims, began_ms) == []
    assert expo.seen == []


def test_a_service_that_drips_its_answer_is_left_at_the_deadline(
    engine: Engine,
    session: Session,
    clock: FixedClock,
    expo: ExpoPeer,
    expo_line: HttpLine,
    patient: Patient,
    address: PushAddress,
) -> None:
    expo.answer = lambda _seen: (200, {"X-Drip": "1"}, b" " * 60)
    limits = replace(LIMITS, send=timedelta(seconds=0.3))
    desk = wake_desk(engine, clock, {Provider.expo: ExpoSender(expo.service, expo_line)}, limits)
    change(session, patient)

    Round(desk, clock).whole()

    assert counted(engine) == {("expo", "unknown"): 1}


def test_an_address_that_cannot_be_opened_takes_no_other_with_it(
    engine: Engine, session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress
) -> None:
    phone(session, patient, PushProvider.expo, "ExponentPushToken[the-whole-one]")
    address.address_sealed = b"broken"
    change(session, patient)

    rounds.whole()

    assert [len(seen.json) for seen in expo.seen] == [1]
    assert counted(engine) == {("expo", "accepted"): 1, ("expo", "refused"): 1}


@pytest.mark.parametrize("is_stopping", [True, False])
def test_a_process_that_is_told_to_end_takes_nothing_more_in_hand(
    session: Session, expo: ExpoPeer, rounds: Round, patient: Patient, address: PushAddress, is_stopping: bool
) -> None:
    change(session, patient)
    rounds()
    rounds.clock.advance(FOREGROUND_FIRST)

    wake_devices(rounds.desk, lambda: is_stopping)

    assert len(expo.seen) == (0 if is_stopping else 1)
