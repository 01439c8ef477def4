"""After a change of the rhythm open episodes are planned again bit by bit; who has checked in is not asked again."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from models.care import Reporter
from models.engine import make_session_factory
from models.practice import Practice
from models.reminder import Delivery, DeliveryState, Reminder
from models.report import CheckIn
from schedules import jobs
from schedules.jobs.rhythms import REPLANNED_AT_ONCE
from schedules.plan.check_ins import (
    DEFAULT_RHYTHM,
    CheckInRhythm,
    RhythmHistory,
    RhythmPhase,
    RhythmVersion,
    write_history,
)
from schedules.plan.errors import PlanError
from schedules.plan.vocabulary import EpisodeStatus, ReminderCategory
from schedules.planning import plan_episode
from tests import builders
from tests.alerts import alerts_of
from tests.clock import MONDAY_AFTERNOON, FixedClock
from tests.database import service_engine_of
from tests.worker.desks import claim_all, pass_now
from tests.worker.rows import story
from tests.worker.test_alert_calls import by_time, silent_patient

SET = {
    "check_in_rhythms": write_history(RhythmHistory((RhythmVersion(1, date(2026, 3, 3), DEFAULT_RHYTHM),))),
    "rhythm_planned_through": "",
}


@pytest.fixture
def make_session(engine: Engine) -> sessionmaker[Session]:
    return make_session_factory(service_engine_of(engine))


def clinic_with(session: Session, episodes: int, **changes: object) -> tuple[str, list[str]]:
    """Add a clinic that has just set its rhythm, with open episodes. Return its id and theirs, in order."""
    practice = builders.practice(session, **SET)
    added = [builders.episode(session, builders.patient(session, practice), **changes) for _ in range(episodes)]
    for episode in added:
        builders.surgery(session, episode)
    ids = practice.id, sorted(episode.id for episode in added)
    session.commit()
    return ids


def stands(session: Session, practice_id: str) -> tuple[set[str], str | None]:
    """Return which episodes are asked for check-ins, and how far the practice's plans follow the rhythm."""
    query = select(Reminder.episode_id).where(Reminder.category == ReminderCategory.check_in)
    asked = set(session.scalars(query.where(Reminder.practice_id == practice_id)))
    through = session.scalar(select(Practice.rhythm_planned_through).where(Practice.id == practice_id))
    session.commit()
    return asked, through


def test_each_turn_plans_a_few_open_episodes_and_the_last_one_says_so(
    session: Session, make_session: sessionmaker[Session]
) -> None:
    (first, many), (second, one) = clinic_with(session, REPLANNED_AT_ONCE + 1), clinic_with(session, 1)
    closed, _ = clinic_with(session, 1, status=EpisodeStatus.closed)

    jobs.replan_by_rhythm(make_session, MONDAY_AFTERNOON)
    halfway = stands(session, first)
    jobs.replan_by_rhythm(make_session, MONDAY_AFTERNOON)
    jobs.replan_by_rhythm(make_session, MONDAY_AFTERNOON)

    assert halfway == (set(many[:REPLANNED_AT_ONCE]), many[REPLANNED_AT_ONCE - 1])
    assert [stands(session, each) for each in (first, second, closed)] == [
        (set(many), None),
        (set(one), None),
        (set(), None),
    ]


def test_an_episode_that_no_plan_can_be_made_for_stops_no_other(
    session: Session, make_session: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    practice_id, (broken, sound) = clinic_with(session, 2)

    def plan(session: Session, practice_id: str, episode_id: str, now: datetime) -> None:
        if episode_id == broken:
            raise PlanError("day0", "a date", "none")
        plan_episode(session, practice_id, episode_id, now)

    monkeypatch.setattr("schedules.jobs.replan.plan_episode", plan)
    with pytest.raises(PlanError):
        jobs.replan_by_rhythm(make_session, MONDAY_AFTERNOON)

    assert stands(session, practice_id) == ({sound}, None)


def test_a_change_meanwhile_begins_anew(
    session: Session, make_session: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    practice_id, _ = clinic_with(session, 1)

    def plan(session: Session, practice_id: str, episode_id: str, now: datetime) -> None:
        plan_episode(session, practice_id, episode_id, now)
        session.get_one(Practice, practice_id).check_in_rhythms = []

    monkeypatch.setattr("schedules.jobs.replan.plan_episode", plan)
    jobs.replan_by_rhythm(make_session, MONDAY_AFTERNOON)

    assert stands(session, practice_id)[1] == ""


def asking(session: Session, *, key: str = "due", reported_at: datetime | None = None) -> Delivery:
    """Add a check-in's message that is due on Monday 2 March at 09:00 in New York, and a check-in."""
    practice = builders.practice(session)
    surgery = builders.surgery(session, builders.episode(session, builders.patient(session, practice)))
    milestone = builders.milestone(session, surgery, key="check_in", kind="check_in")
    reminder = builders.reminder(session, milestone, key=key, repeat=7, category=ReminderCategory.check_in)
    if reported_at is not None:
        row = CheckIn(practice_id=practice.id, id="check-in", patient_id=surgery.patient_id)
        row.episode_id, row.reported_at, row.received_at = surgery.episode_id, reported_at, reported_at
        row.reported_by, row.pain = Reporter.patient, 3
        session.add(row)
    return builders.delivery(session, reminder)


@pytest.mark.parametrize(
    ("key", "reported_at", "goes"),
    [
        ("due", None, True),
        ("due", datetime(2026, 3, 2, 4, 30, tzinfo=UTC), True),  # 23:30 of the day before in New York
        ("due", datetime(2026, 3, 2, 5, 30, tzinfo=UTC), False),
        ("red_flags", datetime(2026, 3, 2, 5, 30, tzinfo=UTC), True),  # whatever was reported before
    ],
)
def test_who_has_checked_in_on_the_day_is_not_asked_again(
    session: Session, clock: FixedClock, key: str, reported_at: datetime | None, *, goes: bool
) -> None:
    delivery = asking(session, key=key, reported_at=reported_at)
    (claim,) = claim_all(session, clock)

    permit = pass_now(session, claim)

    session.refresh(delivery)
    assert (permit is not None) is goes
    if not goes:
        assert (delivery.state, delivery.reason) == (DeliveryState.suppressed, "reported")
        assert story(session, delivery) == [("suppressed", "reported")]


@pytest.mark.parametrize(
    ("phases", "is_raised"),
    [
        (((90, 7),), True),
        (((90, 1),), True),  # day 7 was asked for, and it is Tuesday, day 8
        (((6, 1), (90, 1)), False),  # day 13 is the first that is asked for
    ],
)
def test_who_was_not_asked_is_not_silent(
    session: Session, clock: FixedClock, engine: Engine, *, phases: tuple[tuple[int, int], ...], is_raised: bool
) -> None:
    rhythm = CheckInRhythm(tuple(RhythmPhase(*each) for each in phases), None, ())
    history = RhythmHistory((RhythmVersion(1, date(2026, 1, 1), rhythm),))
    silent_patient(session, builders.practice(session, check_in_rhythms=write_history(history)))
    clock.advance(timedelta(days=1))

    by_time(engine, clock)

    assert [each.kind for each in alerts_of(engine)] == ["no_check_in"] * is_raised
