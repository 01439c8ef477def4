"""A dry run says what planning again would do, changes nothing, and recognises the state that it was made from."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, select
from sqlalchemy.orm import Session

from models.care import Milestone, Restriction, Surgery
from models.people import Patient
from models.practice import Practice
from models.protocols import ProtocolSignature
from models.reminder import Delivery, DeliveryState, Reminder
from schedules.plan.diff import EpisodeDiff, ItemChange, MessageChange
from schedules.plan.library import load_library
from schedules.plan.replan import Answer
from schedules.plan.vocabulary import CancelReason, PastPolicy, ReminderState, SurgeryStatus
from schedules.planning import SurgeryChange, diff_episode
from tests import builders
from tests.planning.test_plan_episode import LATER, NOW, deliveries_of, milestone_of, operated, plan, reminder_of

PLANNED_ON = date(2026, 4, 1)
A_WEEK_LATER = date(2026, 4, 8)


def diff(session: Session, surgery: Surgery, now: datetime = LATER, **columns: Any) -> EpisodeDiff:
    changes = [SurgeryChange(surgery.id, columns)] if columns else []
    return diff_episode(session, surgery.practice_id, surgery.episode_id, changes, now)


def scheduled(session: Session, **changes: Any) -> Surgery:
    surgery = operated(session, surgery_on=PLANNED_ON, status=SurgeryStatus.planned, **changes)
    plan(session, surgery)
    return surgery


def test_a_slipped_week_moves_each_dated_item_by_a_week(session: Session) -> None:
    surgery = scheduled(session)

    told = diff(session, surgery, surgery_on=A_WEEK_LATER)

    walking = next(each for each in told.milestones if each.key == "walk30")
    assert walking.change is ItemChange.moved
    assert (walking.was_target_on, walking.target_on) == (date(2026, 4, 15), date(2026, 4, 22))
    lifting = next(each for each in told.restrictions if each.kind == "lifting" and each.sequence == 1)
    assert (lifting.change, lifting.was_from_on, lifting.from_on) == (ItemChange.moved, PLANNED_ON, A_WEEK_LATER)
    goal = next(each for each in told.reminders if (each.milestone_key, each.key) == ("walk30", "goal"))
    assert (goal.change, goal.answer) == (MessageChange.moved, Answer.effective)
    assert (goal.was_scheduled_on, goal.scheduled_on) == (date(2026, 4, 15), date(2026, 4, 22))


def test_without_a_change_everything_is_unchanged(session: Session) -> None:
    surgery = scheduled(session)

    told = diff(session, surgery)

    assert {each.change for each in told.milestones} == {ItemChange.unchanged}
    assert {each.change for each in told.restrictions} == {ItemChange.unchanged}
    assert {each.change for each in told.reminders} == {MessageChange.unchanged}


def test_a_dry_run_writes_nothing_and_locks_nothing(session: Session, engine: Engine) -> None:
    surgery = scheduled(session)
    statements: list[str] = []

    def note(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    diff(session, surgery, surgery_on=A_WEEK_LATER)

    assert all(each.startswith(("SELECT", "BEGIN")) and " FOR " not in each for each in statements)
    assert (list(session.new), list(session.dirty)) == ([], [])
    assert (surgery.surgery_on, surgery.dated_at) == (PLANNED_ON, NOW)


def test_what_a_dry_run_says_is_what_planning_does(session: Session) -> None:
    surgery = scheduled(session)
    told = diff(session, surgery, surgery_on=date(2026, 3, 4))

    surgery.surgery_on = date(2026, 3, 4)
    answers = plan(session, surgery, LATER)

    rows = {row.id: row for row in session.scalars(select(Milestone))}
    assert {each.id for each in told.milestones} == set(rows)
    for item in told.milestones:
        row = rows[item.id]
        assert (item.earliest_on, item.target_on, item.latest_on, item.past_policy) == (
            row.earliest_on,
            row.target_on,
            row.latest_on,
            row.past_policy,
        )
    assert {each.id: each.answer for each in told.reminders if each.answer is not None} == answers
    reminders = {row.id: row for row in session.scalars(select(Reminder))}
    assert all(reminders[each.id].due_at == each.due_at for each in told.reminders if each.change == "moved")
    again = diff(session, surgery)
    assert {each.change for each in again.milestones} == {ItemChange.unchanged}
    assert {each.change for each in again.reminders} == {MessageChange.unchanged}


def test_what_is_past_after_a_move_names_its_policy(session: Session) -> None:
    surgery = scheduled(session)

    told = diff(session, surgery, surgery_on=date(2026, 2, 20))

    past = {each.key: each.past_policy for each in told.milestones if each.change is ItemChange.past}
    assert past["shower"] is PastPolicy.not_applicable
    assert any(each.change is MessageChange.past and each.past_policy is not None for each in told.reminders)


def test_an_achieved_item_keeps_its_date_in_the_diff_and_in_the_plan(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)
    walking = milestone_of(session, "walk30")
    builders.progress(session, walking)
    session.commit()

    told = diff(session, surgery, surgery_on=date(2026, 2, 25))
    surgery.surgery_on = date(2026, 2, 25)
    plan(session, surgery, LATER)

    kept = next(each for each in told.milestones if each.key == "walk30")
    assert (kept.change, kept.target_on) == (ItemChange.kept, date(2026, 3, 9))
    assert walking.target_on == date(2026, 3, 9)


def test_calling_a_surgery_off_cancels_its_items_and_keeps_what_was_done(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)
    builders.progress(session, milestone_of(session, "walk30"))
    session.commit()

    told = diff(session, surgery, status=SurgeryStatus.cancelled)
    surgery.status = SurgeryStatus.cancelled
    plan(session, surgery, LATER)

    changes = {each.key: (each.change, each.cancel_reason) for each in told.milestones}
    assert changes["walk30"] == (ItemChange.kept, None)
    assert changes["drive"] == (ItemChange.cancelled, CancelReason.surgery_cancelled)
    assert milestone_of(session, "walk30").cancelled_at is None
    assert milestone_of(session, "drive").cancel_reason is CancelReason.surgery_cancelled
    assert set(session.scalars(select(Restriction.cancel_reason))) == {CancelReason.surgery_cancelled}


def test_another_protocol_says_so_of_what_it_lacks(session: Session) -> None:
    surgery = scheduled(session)
    other = load_library().protocol("INTRACEPT", 1)

    told = diff(session, surgery, protocol_id=other.id, protocol_version=1, protocol_digest=other.digest)

    reasons = {each.cancel_reason for each in told.milestones if each.change is ItemChange.cancelled}
    assert reasons == {CancelReason.protocol_changed}


def test_a_surgery_that_is_added_takes_over_what_it_shares(session: Session) -> None:
    surgery = operated(session)
    plan(session, surgery)
    columns = {
        name: getattr(surgery, name)
        for name in ("procedure", "approach", "approach_class", "levels", "setting", "protocol_id", "protocol_version",
                     "protocol_digest")
    }  # fmt: skip
    second = columns | {"stage": 2, "surgery_on": date(2026, 3, 3), "status": SurgeryStatus.planned}

    told = diff_episode(
        session, surgery.practice_id, surgery.episode_id, [SurgeryChange("second", second, is_new=True)], LATER
    )

    walking = {each.occurrence: each for each in told.milestones if each.key == "walk30"}
    assert (walking[1].change, walking[1].cancel_reason) == (ItemChange.merged, CancelReason.merged)
    assert (walking[2].change, walking[2].target_on) == (ItemChange.added, date(2026, 3, 17))


@pytest.mark.parametrize(
    "columns_of", [[SurgeryChange("nobody", {"surgery_on": PLANNED_ON})], [SurgeryChange("own", {}, is_new=True)]]
)
def test_a_change_of_what_is_not_there_is_refused(session: Session, columns_of: list[SurgeryChange]) -> None:
    surgery = operated(session, id="own")
    plan(session, surgery)

    with pytest.raises(LookupError):
        diff_episode(session, surgery.practice_id, surgery.episode_id, columns_of, LATER)


def test_the_answers_tell_what_is_on_its_way_and_what_was_sent(session: Session) -> None:
    surgery = scheduled(session)
    goal, sent = reminder_of(session, "walk30", "goal"), reminder_of(session, "education", "first")
    deliveries_of(session, goal)[0].state = DeliveryState.sending
    deliveries_of(session, sent)[0].state = DeliveryState.sent
    sent.state = ReminderState.sent
    session.commit()

    told = {each.id: each for each in diff(session, surgery, surgery_on=date(2026, 5, 13)).reminders}

    assert (told[goal.id].change, told[goal.id].answer) == (MessageChange.in_flight, Answer.in_flight)
    assert told[goal.id].is_correction
    assert (told[sent.id].change, told[sent.id].answer) == (MessageChange.moved, Answer.already_sent)
    assert told[sent.id].is_correction


@pytest.fixture
def surgery(session: Session) -> Surgery:
    return scheduled(session)


def test_the_same_state_has_the_same_fingerprint(session: Session, surgery: Surgery) -> None:
    first = diff(session, surgery, surgery_on=A_WEEK_LATER)

    assert diff(session, surgery, LATER + timedelta(minutes=1), surgery_on=A_WEEK_LATER) == first
    assert len(first.fingerprint) == 64
    assert diff(session, surgery, surgery_on=date(2026, 4, 9)).fingerprint != first.fingerprint


def _achieve(session: Session, surgery: Surgery) -> None:
    builders.progress(session, milestone_of(session, "walk30"))


def _send(session: Session, surgery: Surgery) -> None:
    deliveries_of(session, reminder_of(session, "walk30", "goal"))[0].state = DeliveryState.sent


def _lease(session: Session, surgery: Surgery) -> None:
    delivery = session.scalars(select(Delivery).limit(1)).one()
    delivery.state, delivery.fence = DeliveryState.leased, delivery.fence + 1


def _travel(session: Session, surgery: Surgery) -> None:
    session.get_one(Patient, (surgery.practice_id, surgery.patient_id)).time_zone = "Europe/Berlin"


def _close_a_day(session: Session, surgery: Surgery) -> None:
    session.get_one(Practice, surgery.practice_id).closed_on = ["2026-12-24"]


def _discharge(session: Session, surgery: Surgery) -> None:
    surgery.site = "Elsewhere"


@pytest.mark.parametrize("change", [_achieve, _send, _lease, _travel, _close_a_day, _discharge])
def test_whatever_is_relevant_changes_the_fingerprint(session: Session, surgery: Surgery, change: Any) -> None:
    before = diff(session, surgery, surgery_on=A_WEEK_LATER).fingerprint

    change(session, surgery)
    session.commit()

    assert diff(session, surgery, surgery_on=A_WEEK_LATER).fingerprint != before


def test_the_next_calendar_day_has_another_fingerprint(session: Session, surgery: Surgery) -> None:
    evening = datetime(2026, 3, 2, 4, 59, tzinfo=UTC)  # 23:59 in New York

    before = diff(session, surgery, evening, surgery_on=A_WEEK_LATER)
    after = diff(session, surgery, evening + timedelta(minutes=1), surgery_on=A_WEEK_LATER)

    assert before.fingerprint != after.fingerprint


def test_a_signature_under_a_protocol_leaves_the_fingerprint(session: Session, surgery: Surgery) -> None:
    before = diff(session, surgery, surgery_on=A_WEEK_LATER).fingerprint
    practice = session.get_one(Practice, surgery.practice_id)

    session.add(
        ProtocolSignature(
            practice_id=practice.id,
            id="signature",
            protocol_id=surgery.protocol_id,
            version=surgery.protocol_version,
            digest=surgery.protocol_digest,
            signed_by=builders.staff(session, practice).id,
            signed_at=NOW,
        )
    )
    session.commit()

    assert diff(session, surgery, surgery_on=A_WEEK_LATER).fingerprint == before
