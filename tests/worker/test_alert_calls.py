"""Calls about alerts: they pass whatever is a patient's, escalate until somebody has acknowledged, and end then."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import Alert, Decision, Delivery, Patient, Practice, SafetyCard, StaffAddress, SyncClock
from models.engine import make_session_factory
from models.people import StaffRole
from models.reminder import AttemptOutcome, DeliveryState
from schedules import jobs
from schedules.delivery.channels import Refusal, Result
from schedules.delivery.deliver import Desk
from schedules.jobs.alerts import AlertRound, escalate_alerts, raise_by_time, tell_who_watches
from schedules.plan.alert_state import acknowledge
from schedules.plan.vocabulary import AlertKind, AlertState, AlertUrgency, Channel, Language, OnCallPlace, Provider
from schedules.planning.alert_standing import set_standing, standing_of
from schedules.planning.alerts import Fact, raise_alert, stop_calls
from schedules.planning.safety_cards import write_safety_card
from tests import builders
from tests.alerts import address, alerts_of, calls_of, chain, lines_of, on_call, stored
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.worker.desks import Outbox, claim_all, deliver, desk_of
from tests.worker.rounds import work_off

MINUTE = timedelta(minutes=1)


def red_flag(
    session: Session, practice: Practice, clock: FixedClock, *, urgency: str = "emergency_department", **patient: Any
) -> Alert:
    """Raise an alert of a patient, and commit."""
    person = builders.patient(session, practice, **patient)
    episode = builders.episode(session, person)
    fact = Fact(
        patient_id=person.id,
        episode_id=episode.id,
        kind=AlertKind.red_flag,
        urgency=AlertUrgency(urgency),
        subject="check-in\0new_weakness",
        about={"red_flag": "new_weakness", "check_in_id": "check-in"},
    )
    alert = raise_alert(session, practice, fact, clock.now())
    session.commit()
    return alert


def take_in_hand(session: Session, alert: Alert, by: str, now: datetime) -> None:
    session.refresh(alert)
    set_standing(alert, acknowledge(standing_of(alert), by=by, now=now))
    stop_calls(session, alert, now, reason="acknowledged")
    session.commit()


@pytest.fixture
def run(engine: Engine, clock: FixedClock, desk: Desk) -> Callable[[timedelta], None]:
    """Return a way to let time pass and then let a worker look after alerts and deliver."""

    def go_on(by: timedelta) -> None:
        clock.advance(by)
        escalate_alerts(make_session_factory(engine), clock.now())
        work_off(engine, clock, desk)

    return go_on


def test_nobody_acknowledges_and_one_after_the_other_is_told_then_everyone_until_somebody_does(
    session: Session, clock: FixedClock, mail: Outbox, run: Callable[[timedelta], None], engine: Engine
) -> None:
    practice = builders.practice(session)
    people = chain(session, practice)
    alert = red_flag(session, practice, clock)
    told = []

    for minutes in (0, 14, 1, 9, 1, 10, 10, 10):
        run(minutes * MINUTE)
        told.append(sorted(message.address.split("@")[0] for message in mail.messages))
        mail.messages.clear()

    everyone = ["admin", "fallback", "first", "second"]
    assert told == [["first"], [], ["second"], [], ["fallback"], everyone, everyone, everyone]
    take_in_hand(session, alert, people[0].id, clock.now())
    run(60 * MINUTE)
    assert mail.messages == []
    assert lines_of(engine, practice_id=practice.id).count("escalated") == 5


def test_what_staff_are_told_is_nothing_clinical_and_nobodys_name(
    session: Session, clock: FixedClock, mail: Outbox, run: Callable[[timedelta], None]
) -> None:
    practice = builders.practice(session)
    on_call(session, practice, OnCallPlace.first)
    alert = red_flag(session, practice, clock, given_name="Zebedee")

    run(timedelta(0))

    (message,) = mail.messages
    told = f"{message.subject} {message.body} {message.notice}"
    assert message.subject == "An alert waits for you"
    assert f"https://recovery.example.org/clinic/alerts/{alert.id}" in message.body
    assert not [word for word in ("Zebedee", "weakness", "leg", practice.name, "red", "Sample") if word in told]


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("America/New_York", datetime(2026, 3, 8, 6, 30, tzinfo=UTC)),  # half an hour before the clocks change
        ("Asia/Kolkata", datetime(2026, 3, 2, 20, 0, tzinfo=UTC)),  # 01:30
        ("Pacific/Auckland", datetime(2026, 3, 2, 12, 0, tzinfo=UTC)),  # 01:00 of the next day
    ],
)
def test_at_night_in_quiet_hours_paused_and_opted_out_a_red_flag_calls_and_escalates(
    session: Session,
    clock: FixedClock,
    mail: Outbox,
    run: Callable[[timedelta], None],
    zone: str,
    at: datetime,
) -> None:
    clock.set_wall_clock(at)
    practice = builders.practice(session, time_zone=zone)
    chain(session, practice)
    quiet: dict[str, Any] = {
        "quiet_from": time(21),
        "quiet_until": time(8),
        "time_zone": zone,
        "reminders_paused_at": at,
    }
    red_flag(session, practice, clock, opted_out=["email"], channels=[], **quiet)

    for minutes in (0, 15, 10):
        run(minutes * MINUTE)

    assert [message.address.split("@")[0] for message in mail.messages] == ["first", "second", "fallback"]


def test_a_patients_fuse_neither_holds_a_call_nor_counts_it(
    session: Session, clock: FixedClock, mail: Outbox, engine: Engine, desk: Desk
) -> None:
    practice = builders.practice(session)
    on_call(session, practice, OnCallPlace.first)
    alert = red_flag(session, practice, clock)
    person = session.get_one(Patient, (practice.id, alert.patient_id))
    operation = builders.surgery(session, builders.episode(session, person))
    for _ in range(9):
        builders.delivery(session, builders.reminder(session, builders.milestone(session, operation, key=str(_))))
    session.commit()

    work_off(engine, clock, desk)

    (call,) = calls_of(engine, practice_id=practice.id)
    assert call.state is DeliveryState.sent
    assert len({message.key for message in mail.messages}) == 2  # the call, and the nine reminders in one digest


def test_whose_way_fails_is_told_on_the_next_one_and_the_dead_address_is_disabled(
    session: Session, clock: FixedClock, engine: Engine
) -> None:
    practice = builders.practice(session)
    person = on_call(session, practice, OnCallPlace.first)
    address(session, person, Channel.sms, "+12125550101", rank=0)
    address(session, person, Channel.email, "first@clinic.example.org", rank=1)
    red_flag(session, practice, clock)
    sms = Outbox(Result(AttemptOutcome.refused, "21211", for_good=Refusal.address))
    mail = Outbox()

    work_off(engine, clock, desk_of(engine, clock, {Provider.sms: sms, Provider.smtp: mail}))

    assert [message.address for message in mail.messages] == ["first@clinic.example.org"]
    assert [(call.step, call.state) for call in calls_of(engine, practice_id=practice.id)] == [
        (0, DeliveryState.failed),
        (1, DeliveryState.sent),
    ]
    row = session.scalars(select(StaffAddress).filter_by(channel=Channel.sms)).one()
    session.refresh(row)
    assert (row.disabled_at, row.disabled_code) == (MONDAY_AFTERNOON, "21211")


def test_whose_own_addresses_are_all_dead_is_told_at_that_of_the_sign_in(
    session: Session, clock: FixedClock, mail: Outbox, run: Callable[[timedelta], None]
) -> None:
    practice = builders.practice(session)
    person = on_call(session, practice, OnCallPlace.first, email="first@clinic.example.org")
    address(session, person, Channel.sms, "+12125550101").disabled_at = MONDAY_AFTERNOON
    red_flag(session, practice, clock)

    run(timedelta(0))

    assert [message.address for message in mail.messages] == ["first@clinic.example.org"]


def test_staff_are_told_in_the_language_of_their_pages(
    session: Session, clock: FixedClock, mail: Outbox, run: Callable[[timedelta], None]
) -> None:
    practice = builders.practice(session)
    on_call(session, practice, OnCallPlace.first, language=Language.es)
    red_flag(session, practice, clock)

    run(timedelta(0))

    assert [(each.language, each.subject) for each in mail.messages] == [(Language.es, "Una alerta le espera")]


def test_whom_nothing_reaches_is_followed_by_the_next_at_once(
    session: Session, clock: FixedClock, mail: Outbox, run: Callable[[timedelta], None], engine: Engine
) -> None:
    practice = builders.practice(session)
    mute = on_call(session, practice, OnCallPlace.first)
    address(session, mute, Channel.sms, "+12125550101")  # this worker sends no SMS
    on_call(session, practice, OnCallPlace.second, email="second@clinic.example.org")
    red_flag(session, practice, clock)

    run(timedelta(0))
    run(MINUTE)

    assert [message.address for message in mail.messages] == ["second@clinic.example.org"]
    first, second = calls_of(engine, practice_id=practice.id)
    assert (first.state, first.reason, second.state) == (DeliveryState.suppressed, "no_channel", DeliveryState.sent)


def test_what_waits_for_a_provider_is_not_said_once_for_each_round(
    session: Session, clock: FixedClock, run: Callable[[timedelta], None], mail: Outbox, engine: Engine
) -> None:
    practice = builders.practice(session)
    builders.staff(session, practice, role=StaffRole.practice_admin)
    red_flag(session, practice, clock)
    mail.result = Result(AttemptOutcome.refused, "421")

    for _ in range(4):
        run(16 * MINUTE)
    mail.result = Result(AttemptOutcome.accepted, "250")
    mail.messages.clear()
    run(2 * MINUTE)

    assert len(mail.messages) == 1
    to_admin = [call for call in calls_of(engine, practice_id=practice.id) if call.staff_id is not None]
    assert [call.state for call in to_admin] == [DeliveryState.sent]


def test_two_workers_at_once_escalate_once(session: Session, clock: FixedClock, engine: Engine) -> None:
    practice = builders.practice(session)
    chain(session, practice)
    red_flag(session, practice, clock)
    clock.advance(15 * MINUTE)

    for _ in range(2):
        escalate_alerts(make_session_factory(engine), clock.now())

    assert [call.generation for call in calls_of(engine, practice_id=practice.id)] == [1, 2]


def test_an_alert_that_was_acknowledged_after_the_claim_is_not_told(
    session: Session, clock: FixedClock, mail: Outbox, engine: Engine, desk: Desk
) -> None:
    practice = builders.practice(session)
    person = on_call(session, practice, OnCallPlace.first)
    alert = red_flag(session, practice, clock)
    claims = claim_all(session, clock)

    take_in_hand(session, alert, person.id, clock.now())
    deliver(desk, *claims)

    assert mail.messages == []
    (call,) = calls_of(engine, practice_id=practice.id)
    assert (call.state, call.reason) == (DeliveryState.cancelled, "acknowledged")


def test_who_left_the_clinic_is_not_told(
    session: Session, clock: FixedClock, mail: Outbox, run: Callable[[timedelta], None], engine: Engine
) -> None:
    practice = builders.practice(session)
    person = on_call(session, practice, OnCallPlace.first)
    red_flag(session, practice, clock)
    person.disabled_at = clock.now()
    session.commit()

    run(timedelta(0))

    assert mail.messages == []
    assert calls_of(engine, practice_id=practice.id)[0].reason == "staff_disabled"


def test_every_decision_about_a_call_is_told(
    session: Session, clock: FixedClock, run: Callable[[timedelta], None]
) -> None:
    practice = builders.practice(session)
    on_call(session, practice, OnCallPlace.first)
    alert = red_flag(session, practice, clock)

    run(timedelta(0))

    lines = session.scalars(select(Decision).filter_by(alert_id=alert.id).order_by(Decision.id)).all()
    assert [(line.kind.value, line.generation, line.step) for line in lines] == [
        ("planned", 1, 0),
        ("sending", 1, 0),
        ("sent", 1, 0),
    ]


def test_calls_are_shown_on_no_reminder_and_take_no_revision(
    session: Session, clock: FixedClock, run: Callable[[timedelta], None], engine: Engine
) -> None:
    practice = builders.practice(session)
    on_call(session, practice, OnCallPlace.first)
    red_flag(session, practice, clock)
    (before,) = stored(engine, SyncClock, order=SyncClock.practice_id)
    run(timedelta(0))

    jobs.publish(make_session_factory(engine))

    (after,) = stored(engine, SyncClock, order=SyncClock.practice_id)
    assert after.revision == before.revision
    assert [each.published for each in stored(engine, Delivery)] == [True]


def silent_patient(session: Session, practice: Practice, **changes: Any) -> Patient:
    """Add a patient a week after surgery, with a phone, enrolled before it."""
    person = builders.patient(session, practice, **changes)
    builders.surgery(session, builders.episode(session, person))
    builders.device(session, person)
    session.commit()
    return person


def by_time(engine: Engine, clock: FixedClock) -> None:
    """Let a worker make a whole round."""
    so_far = AlertRound()
    raise_by_time(make_session_factory(engine), clock.now(), so_far)
    while so_far.practice_ids:
        raise_by_time(make_session_factory(engine), clock.now(), so_far)


def test_silence_is_raised_once(session: Session, clock: FixedClock, engine: Engine) -> None:
    practice = builders.practice(session)
    silent_patient(session, practice)

    by_time(engine, clock)
    by_time(engine, clock)

    (alert,) = alerts_of(engine)
    assert (alert.kind, alert.about, alert.state) == ("no_check_in", {"since_on": "2026-02-23"}, AlertState.open)
    assert calls_of(engine) == []


def test_who_has_no_app_died_or_paused_is_not_silent(session: Session, clock: FixedClock, engine: Engine) -> None:
    practice = builders.practice(session)
    silent_patient(session, practice, died_on=datetime(2026, 3, 1, tzinfo=UTC).date())
    builders.surgery(session, builders.episode(session, builders.patient(session, practice)))
    session.commit()

    by_time(engine, clock)

    assert alerts_of(engine) == []


def test_a_step_long_past_its_last_day_is_raised_one_at_a_time(
    session: Session, clock: FixedClock, engine: Engine
) -> None:
    practice = builders.practice(session)
    person = builders.patient(session, practice)
    operation = builders.surgery(session, builders.episode(session, person))
    late = builders.milestone(session, operation, id="a-late")
    builders.milestone(session, operation, id="b-late-too", key="sit60", kind="sit60")
    builders.progress(session, builders.milestone(session, operation, id="c-done", key="shower", kind="shower"))
    session.commit()
    clock.set_wall_clock(datetime(2026, 3, 30, 15, tzinfo=UTC))
    by_time(engine, clock)
    assert alerts_of(engine) == []  # 14 days late
    clock.advance(timedelta(days=1))

    by_time(engine, clock)

    (alert,) = alerts_of(engine)
    assert (alert.kind, alert.about) == ("far_behind", {"milestone_id": late.id})


def test_the_phones_card_follows_who_is_on_call_by_itself(session: Session, clock: FixedClock, engine: Engine) -> None:
    practice = builders.practice(session)
    write_safety_card(session, practice)
    on_call(session, practice, OnCallPlace.first)  # until 2026-03-20, 08:00 in New York
    session.commit()

    def told() -> datetime | None:
        tell_who_watches(make_session_factory(engine), clock.now())
        (card,) = stored(engine, SafetyCard)
        until: datetime | None = card.monitored_until
        return until

    day = timedelta(hours=24)
    assert told() == MONDAY_AFTERNOON + day
    clock.advance(timedelta(hours=11))
    assert told() == MONDAY_AFTERNOON + day  # more than half of it is left: no new revision
    clock.advance(timedelta(hours=2))
    assert told() == MONDAY_AFTERNOON + timedelta(hours=13) + day
    clock.set_wall_clock(datetime(2026, 3, 20, 11, tzinfo=UTC))
    assert told() == datetime(2026, 3, 20, 12, tzinfo=UTC)
