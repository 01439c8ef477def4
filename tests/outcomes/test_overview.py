"""The clinic at one glance: what is counted, from when to when, what is hidden, and whose patients they are."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from models import Alert, Decision, Device, Episode, Milestone, SelfAudit
from models.ids import new_id
from models.reminder import DecisionKind
from models.watch import AuditMark, Invariant
from schedules.outcomes.check_ins import Tally, tally
from schedules.plan.check_ins import (
    NO_RHYTHM,
    CheckInRhythm,
    RhythmHistory,
    RhythmPhase,
    RhythmVersion,
    asked_by_day,
    check_in_windows,
)
from schedules.plan.vocabulary import (
    AlertKind,
    AlertState,
    AlertUrgency,
    ApproachClass,
    Channel,
    EpisodeStatus,
    Owner,
    Procedure,
    SkipReason,
    SurgeryStatus,
)
from service.care.overview_alerts import median_wait
from service.db import db
from tests import builders
from tests.api.conftest import Caller, Clinic
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.conftest import Desk, text_of
from tests.outcomes.courses import at_noon, course, hear, leave_out, reach

PATH, PAGE = "/clinic-overview", "/clinic/overview"
MISS, OPEN = ApproachClass.miss, ApproachClass.open
DAY_0 = date(2026, 2, 16)  # two weeks before the tests' Monday


@pytest.fixture
def told(coordinator: Caller, session: Session) -> Callable[[str], Any]:
    """Return a way to read a part of the overview, once what was built is stored."""

    def read(part: str) -> Any:
        session.commit()
        answer = coordinator.get(PATH)
        assert answer.status_code == 200
        return answer.json[part]

    return read


def done_of(kept: dict[str, Any]) -> tuple[int | None, int | None]:
    return kept["done"], kept["asked"]


def test_operations_are_counted_by_procedure_class_and_month_and_small_cells_are_not_told(
    session: Session, clinic: Clinic, told: Callable[[str], Any]
) -> None:
    for day0, count in ((date(2026, 1, 31), 6), (date(2026, 2, 1), 5), (date(2026, 3, 2), 4), (date(2025, 9, 30), 7)):
        for _ in range(count):
            course(session, clinic.practice, day0=day0)
    course(session, clinic.practice, approach_class=OPEN, day0=date(2026, 2, 1))
    for status, on in ((SurgeryStatus.planned, date(2026, 2, 9)), (SurgeryStatus.performed, date(2026, 3, 9))):
        episode = builders.episode(session, builders.patient(session, clinic.practice, deleted=True))
        builders.surgery(session, episode, procedure=Procedure.tlif, status=status, surgery_on=on)

    volumes = told("volumes")

    assert volumes["months"] == [
        f"{month}-01" for month in ("2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03")
    ]
    rows = {(each["procedure"], each["approach_class"]): each["counts"] for each in volumes["operations"]}
    assert rows == {
        ("tlif", "miss"): [0, 0, 0, 6, 5, None],
        ("tlif", "open"): [0, 0, 0, 0, None, 0],
        ("lumbar_microdiscectomy", "miss"): [0, 0, 0, 0, None, 0],  # the clinic's own two patients
    }
    assert (volumes["active"], volumes["paused"]) == (25, 0)


def test_a_check_in_is_asked_for_in_each_window_of_the_rhythm_that_is_over(
    session: Session, clinic: Clinic, told: Callable[[str], Any]
) -> None:
    one = course(session, clinic.practice, day0=DAY_0)
    for day in (2, 5, 6, 7, 8, 9, 10):  # day 2 is before the patient was enrolled, on 20 February
        hear(session, one, day, day0=DAY_0)
    hear(session, one, 10, day0=DAY_0, id=f"{one.id}.again")
    late = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)  # half past eleven in the evening of 1 March
    hear(session, one, 13, day0=DAY_0, reported_at=late)
    course(session, clinic.practice, day0=DAY_0)  # who has no app, and never reported
    quiet = course(session, clinic.practice, day0=DAY_0)
    phone = Device(practice_id=clinic.id, id="phone", patient_id=quiet.patient_id, enrolled_at=MONDAY_AFTERNOON)
    session.add(phone)

    assert done_of(told("adherence")["check_ins"]) == (7, 20)


@pytest.mark.parametrize(
    ("since", "until", "joined_on", "days", "expected"),
    [
        (1, 3, 0, (1, 3), Tally(2, 3)),  # daily
        (15, 21, 0, (15, 16, 18), Tally(1, 2)),  # two windows: day 15 to 18, day 19 to 21
        (15, 17, 0, (15,), Tally(0, 0)),  # the first is not over
        (43, 90, 0, (49, 50, 90), Tally(2, 6)),  # weekly
        (80, 200, 0, (), Tally(0, 1)),  # day 84, and nothing after day 90
        (15, 21, 16, (16, 19), Tally(1, 1)),  # joined within the first window
        (-9, 0, -9, (0,), Tally(0, 0)),  # nor on the day of surgery
    ],
)
def test_windows_end_in_the_period_and_begin_after_the_patient_joined(
    since: int, until: int, joined_on: int, days: tuple[int, ...], expected: Tally
) -> None:
    since_on, until_on, joined, *on = (DAY_0 + timedelta(days=each) for each in (since, until, joined_on, *days))

    windows = check_in_windows(asked_by_day(NO_RHYTHM, since_on, until_on), DAY_0, since_on)
    assert tally(windows, joined_on=joined, reported_on=on) == expected


def test_the_clinics_own_rhythm_says_what_was_asked() -> None:
    daily, weekly = (CheckInRhythm((RhythmPhase(90, each),), None, ()) for each in (7, 1))
    changed_on = DAY_0 + timedelta(days=10)
    history = RhythmHistory((RhythmVersion(1, DAY_0, weekly), RhythmVersion(2, changed_on, daily)))
    until = DAY_0 + timedelta(days=12)

    windows = check_in_windows(asked_by_day(history, DAY_0, until), DAY_0, DAY_0)

    assert [((first - DAY_0).days, (last - DAY_0).days) for first, last in windows] == [
        (1, 7), (8, 10), (11, 11), (12, 12),
    ]  # fmt: skip


def test_own_items_count_whose_window_closed_and_are_kept_when_reached_within_it(
    session: Session, clinic: Clinic, told: Callable[[str], Any]
) -> None:
    def item(last_day: int, kind: str = "drive", **changes: Any) -> Milestone:
        window = {"earliest_on": DAY_0, "latest_on": DAY_0 + timedelta(days=last_day), "owner": Owner.patient}
        return course(session, clinic.practice, kind=kind, day0=DAY_0, item=window | changes)

    for day in (9, 10, 10, 10, 10, 11):
        reach(session, item(10), day, day0=DAY_0)
    for _ in range(4):
        item(13)  # to 1 March, not reached
    item(14)  # to today: not over
    item(-15)  # before the period
    item(10, owner=Owner.clinic)
    item(10, past_policy="skip")
    item(10, superseded_on=DAY_0 + timedelta(days=10))
    item(10, cancelled_at=MONDAY_AFTERNOON)
    leave_out(session, item(10), SkipReason.patient_declined, 5)
    for day in (1, 2, 3, 4, 5, 11, 11, 11):
        reach(session, item(10, "prom_followup"), day, day0=DAY_0)
    gone = session.get_one(Episode, (clinic.id, item(10).episode_id))
    session.commit()
    gone.status = EpisodeStatus.withdrawn

    adherence = told("adherence")

    assert (adherence["since"], adherence["until"]) == ("2026-02-02", "2026-03-01")
    assert done_of(adherence["milestones"]) == (5, 10)
    # With the baseline of the two patients of the clinic, which nobody answered.
    assert done_of(adherence["questionnaires"]) == (5, 10)
    assert adherence["questionnaires"]["share"] == pytest.approx(5 / 10)
    assert [adherence[each]["grade"] for each in ("check_ins", "milestones", "questionnaires")] == ["E", "D", "D"]


@pytest.mark.parametrize("days", [(5, 6, 7, *[11] * 8), (11, 11, 11, *[5] * 8)], ids=["few kept", "few did not"])
def test_what_tells_of_few_has_no_count_and_no_share(
    session: Session, clinic: Clinic, desk: Desk, told: Callable[[str], Any], days: tuple[int, ...]
) -> None:
    for day in days:
        item = course(session, clinic.practice, day0=DAY_0, item={"latest_on": DAY_0 + timedelta(days=10)})
        reach(session, item, day, day0=DAY_0)

    kept = told("adherence")["milestones"]

    assert (kept["done"], kept["asked"], kept["share"], kept["low"]) == (None, 11, None, None)
    assert "a number that is not told of 11 –" in text_of(desk.get(PAGE))


def an_alert(session: Session, clinic: Clinic, raised_minutes_ago: float, **changes: Any) -> Alert:
    raised_at = MONDAY_AFTERNOON - timedelta(minutes=raised_minutes_ago)
    alert = Alert(
        practice_id=clinic.id, id=new_id(raised_at), patient_id=clinic.patient.id, episode_id=clinic.episode.id
    )
    alert.kind, alert.urgency, alert.state = AlertKind.red_flag, AlertUrgency.same_day, AlertState.open
    alert.raised_at, alert.acknowledge_by, alert.about = raised_at, raised_at + timedelta(minutes=60), {}
    waited = changes.pop("waited", None)
    if waited is not None:
        alert.state, alert.acknowledged_by = AlertState.acknowledged, clinic.coordinator.id
        alert.acknowledged_at = raised_at + timedelta(minutes=waited)
    for name, value in changes.items():
        setattr(alert, name, value)
    session.add(alert)
    return alert


def test_alerts_tell_what_waits_what_is_late_and_how_soon_they_were_in_hand_however_few(
    session: Session, clinic: Clinic, told: Callable[[str], Any]
) -> None:
    an_alert(session, clinic, 90)
    an_alert(session, clinic, 59)
    for waited in (10, 20, 60, 61):
        an_alert(session, clinic, 1000, waited=waited)
    an_alert(session, clinic, 60 * 24 * 40, waited=1)  # before the period, in hand still
    an_alert(session, clinic, 5, urgency=AlertUrgency.routine, acknowledge_by=None)

    figures = {each["urgency"]: each for each in told("alerts")["by_urgency"]}

    assert list(figures) == [each.value for each in AlertUrgency]
    assert figures["same_day"] == {
        "urgency": "same_day",
        "within_minutes": 60,
        "default_minutes": 60,
        "grade": "E",
        "waiting": 2,
        "waiting_since": "2026-03-02T13:30:00Z",
        "overdue": 1,
        "in_hand": 5,
        "raised": 6,
        "in_time": 3,
        "median_minutes": 60.5,
    }
    assert (figures["routine"]["waiting"], figures["routine"]["within_minutes"]) == (1, None)
    assert figures["next_day"]["median_minutes"] is None


def test_who_still_waits_counts_as_waiting_longest() -> None:
    assert median_wait([1, 3, None]) == 3
    assert median_wait([1, None]) is None
    assert median_wait([1, 3, None, None]) is None


def decide(session: Session, clinic: Clinic, reminder_id: str, at: datetime, kind: DecisionKind, **told: Any) -> None:
    row = Decision(
        practice_id=clinic.id, id=new_id(at), reminder_id=reminder_id, generation=1, decided_at=at, kind=kind
    )
    row.reason, row.channel = told.get("reason"), told.get("channel")
    session.add(row)


@pytest.fixture
def reminders(session: Session, clinic: Clinic) -> tuple[str, str]:
    """Return the ids of a message to the patient and of one to the other patient."""
    own, other = (
        builders.reminder(session, builders.milestone(session, each, key="extra"))
        for each in (clinic.surgery, clinic.other_surgery)
    )
    return own.id, other.id


def test_messages_of_the_week_are_told_by_end_reason_and_channel(
    session: Session, clinic: Clinic, reminders: tuple[str, str], told: Callable[[str], Any]
) -> None:
    now = datetime.now(UTC) if session.get_bind().dialect.name == "postgresql" else MONDAY_AFTERNOON
    for age, kind, why in (
        (1, DecisionKind.sent, {"channel": Channel.email}),
        (6, DecisionKind.sent, {"channel": Channel.email}),
        (8, DecisionKind.sent, {"channel": Channel.email}),  # before the week
        (1, DecisionKind.held, {"reason": "quiet_hours"}),  # no end
        (1, DecisionKind.suppressed, {"reason": "no_channel"}),
        (1, DecisionKind.failed, {"reason": "address_refused", "channel": Channel.sms}),
    ):
        decide(session, clinic, reminders[0], now - timedelta(days=age), kind, **why)

    delivery = told("delivery")

    assert [tuple(each.values()) for each in delivery["ended"]] == [
        ("sent", None, "email", 2),
        ("failed", "address_refused", "sms", 1),
        ("suppressed", "no_channel", None, 1),
    ]
    assert (delivery["status"], delivery["causes"][0]["code"], delivery["held"]) == ("silent", "no_tick", 0)


def test_the_last_night_is_told_and_said_to_be_missing_after_26_hours(
    session: Session, clinic: Clinic, told: Callable[[str], Any]
) -> None:
    assert told("night") == {"ran_at": None, "is_late": True, "findings": [], "proved_links": 0}
    for hours, violations in ((27, 2), (3, 1)):
        row = SelfAudit(practice_id=clinic.id, id=new_id(MONDAY_AFTERNOON), examples=["reminder-1"])
        row.ran_at, row.invariant = MONDAY_AFTERNOON - timedelta(hours=hours), Invariant.nothing_sent_twice
        row.checked, row.violations = 9, violations
        session.add(row)
    session.add(AuditMark(practice_id=clinic.id, proved_link=17))

    night = told("night")
    assert (night["is_late"], night["proved_links"]) == (False, 17)
    assert night["findings"] == [{"invariant": "nothing_sent_twice", "checked": 9, "violations": 1}]
    session.delete(session.query(SelfAudit).filter_by(violations=1).one())
    assert told("night")["is_late"] is True


@pytest.mark.sqlite_only
def test_who_sees_a_caseload_sees_its_figures_and_reads_that_it_is_so(
    session: Session, clinic: Clinic, desk: Desk, coordinator: Caller, reminders: tuple[str, str]
) -> None:
    for each, reminder_id in zip((clinic.episode, clinic.other_episode), reminders, strict=True):
        an_alert(session, clinic, 5, patient_id=each.patient_id, episode_id=each.id)
        decide(session, clinic, reminder_id, MONDAY_AFTERNOON, DecisionKind.sent, channel=Channel.email)
    for day in (2, 3, 4, 5, 6, 7):
        course(session, clinic.practice, day0=date(2026, 2, day))
    session.commit()
    whole = coordinator.get(PATH).json
    clinic.practice.own_caseload_only = True
    clinic.episode.coordinator_id = clinic.coordinator.id
    session.commit()

    own = coordinator.get(PATH).json

    def figures(of: dict[str, Any]) -> tuple[Any, ...]:
        waiting = sum(each["waiting"] for each in of["alerts"]["by_urgency"])
        ended = sum(each["count"] for each in of["delivery"]["ended"])
        return of["own_caseload"], waiting, ended, of["volumes"]["active"], len(of["volumes"]["operations"])

    assert figures(whole) == (False, 2, 2, 8, 2)
    assert figures(own) == (True, 1, 1, None, 1)
    assert "These figures are of your own caseload" in text_of(desk.get(PAGE))


@pytest.mark.sqlite_only
def test_the_page_says_each_figure_with_its_unit_and_day_in_both_languages(
    session: Session, clinic: Clinic, desk: Desk, reminders: tuple[str, str]
) -> None:
    an_alert(session, clinic, 90)
    an_alert(session, clinic, 200, waited=12)
    decide(session, clinic, reminders[0], MONDAY_AFTERNOON, DecisionKind.suppressed, reason="no_channel")
    decide(session, clinic, reminders[0], MONDAY_AFTERNOON, DecisionKind.expired, reason="something_new")
    for _ in range(6):
        course(session, clinic.practice, day0=date(2026, 2, 3))
    session.commit()

    said = text_of(desk.get(PAGE))
    spanish = text_of(desk.get(f"{PAGE}?language=es"))

    for words in (
        "Overview Mon 2 Mar 2026",
        "Nobody watches what phones report",
        "Same day 60 minutes E 1 since Mon 2 Mar 08:30 1 1 2 1 half or more still wait",
        "Open episodes of care on Mon 2 Mar: 8 active, 0 paused.",
        "Mar 2026, so far",
        "TLIF MISS 0 0 0 0 6 0",
        "Lumbar microdiscectomy MISS 0 0 0 0 fewer than 5 0",
        "Mon 2 Feb – Sun 1 Mar 2026",
        "No worker has reported: nothing goes out. whole service, Mon 2 Mar 10:00",
        "Not sent – no channel was left to reach the patient 1",
        "Not sent, too late – something_new 1",
        "No self-audit ran in the last night.",
    ):
        assert words in said, words
    assert "These figures are of your own caseload" not in said
    assert "Resumen lun 2 mar 2026" in spanish
    assert "menos de 5" in spanish


@pytest.mark.sqlite_only
def test_the_overview_costs_the_same_statements_for_few_patients_and_for_many(
    desk: Desk, app: Flask, session: Session, clinic: Clinic
) -> None:
    def statements() -> int:
        seen: list[str] = []
        with app.app_context():
            event.listen(db.engine, "before_cursor_execute", lambda *told: seen.append(str(told[2])))
        assert desk.get(PAGE).status_code == 200
        return len(seen)

    few = statements()
    for number in range(200):
        one = course(session, clinic.practice, day0=date(2026, 2, 1 + number % 20))
        builders.progress(session, one)
        hear(session, one, 5, day0=DAY_0)
        an_alert(session, clinic, number, patient_id=one.patient_id, episode_id=one.episode_id)
        decide(session, clinic, builders.reminder(session, one).id, at_noon(DAY_0), DecisionKind.sent)
    session.commit()

    assert few == statements() == 29


def test_figures_are_of_ones_own_practice_alone(
    session: Session, clinic: Clinic, foreign_clinic: Clinic, told: Callable[[str], Any]
) -> None:
    for _ in range(6):
        course(session, foreign_clinic.practice, day0=DAY_0)
    an_alert(session, foreign_clinic, 5)

    assert told("volumes")["operations"] == [
        {"procedure": "lumbar_microdiscectomy", "approach_class": "miss", "counts": [0, 0, 0, 0, None, 0]}
    ]
    assert sum(each["waiting"] for each in told("alerts")["by_urgency"]) == 0
