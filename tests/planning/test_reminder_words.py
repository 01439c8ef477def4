"""What a message says is kept beside it, as the protocol has it, so that a phone can show it without a network."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.care import Milestone, Surgery
from models.reminder import Delivery, DeliveryState, Reminder
from models.sync import stamp
from schedules.plan.library import load_library
from schedules.plan.vocabulary import MilestoneKind, ReminderCorrection, ReminderState
from schedules.planning import plan_episode
from schedules.planning.rebuild import equals_its_rebuild
from tests import builders

NOW = datetime(2026, 2, 24, 15, 0, tzinfo=UTC)
OTHER_WORDS = {"en": "Ask us.", "es": "Pregunte."}


@pytest.fixture
def surgery(session: Session) -> Surgery:
    """Return a surgery of the day before, with its plan."""
    patient = builders.patient(session, builders.practice(session))
    surgery = builders.surgery(session, builders.episode(session, patient, enrolled_at=NOW), dated_at=None)
    session.commit()
    plan(session, surgery)
    return surgery


def plan(session: Session, surgery: Surgery) -> None:
    plan_episode(session, surgery.practice_id, surgery.episode_id, NOW)
    session.commit()
    session.expire_all()


def reminder_of(session: Session, milestone_key: str, key: str) -> Reminder:
    query = select(Reminder).join(Milestone, Milestone.id == Reminder.milestone_id)
    return session.scalars(query.where(Milestone.key == milestone_key, Reminder.key == key)).one()


def set_words(session: Session, words: dict[str, str] | None, *ids: str) -> None:
    """Give stored reminders other words, or those of none, as an older version had left them."""
    (practice_id,) = set(session.scalars(select(Reminder.practice_id)))
    revision = stamp(session, practice_id)
    table = Reminder.__table__
    wanted = table.c.id.in_(ids) if ids else table.c.practice_id == practice_id
    session.connection().execute(update(table).where(wanted).values(text=words, rev=revision))  # type: ignore[arg-type]
    session.commit()
    session.expire_all()


def deliveries(session: Session) -> list[tuple[object, ...]]:
    columns = Delivery.id, Delivery.state, Delivery.generation, Delivery.due_at
    return [tuple(row) for row in session.execute(select(*columns).order_by(Delivery.id))]


def test_every_message_keeps_the_protocols_own_words_with_their_placeholders(
    session: Session, surgery: Surgery
) -> None:
    rules = load_library().protocol(surgery.protocol_id, surgery.protocol_version).reminders

    rows = session.execute(select(Reminder, Milestone.kind).join(Milestone, Milestone.id == Reminder.milestone_id))

    for reminder, kind in rows:
        (template,) = [each for each in rules.for_kind(MilestoneKind(kind)) if each.key == reminder.key]
        assert reminder.text == {"en": template.text.en, "es": template.text.es}
    drive = reminder_of(session, "drive", "ask")
    assert drive.text is not None
    assert "{phone}" not in drive.text["en"]
    assert drive.text["en"].startswith("Ask")


def test_words_that_an_older_version_did_not_keep_come_with_the_next_planning_and_touch_no_message(
    session: Session, surgery: Surgery
) -> None:
    goal = reminder_of(session, "walk30", "goal")
    words, before = goal.text, deliveries(session)
    set_words(session, None)

    is_proved = equals_its_rebuild(session, surgery.practice_id, surgery.episode_id, NOW)
    session.rollback()
    plan(session, surgery)

    assert is_proved
    assert words is not None
    assert reminder_of(session, "walk30", "goal").text == words
    assert None not in session.scalars(select(Reminder.text)).all()
    assert deliveries(session) == before


def test_other_words_than_the_plans_are_no_plan_that_equals_its_rebuild(session: Session, surgery: Surgery) -> None:
    goal = reminder_of(session, "walk30", "goal")
    words = goal.text
    set_words(session, OTHER_WORDS, goal.id)

    is_proved = equals_its_rebuild(session, surgery.practice_id, surgery.episode_id, NOW)
    session.rollback()
    plan(session, surgery)

    assert not is_proved
    assert reminder_of(session, "walk30", "goal").text == words
    assert equals_its_rebuild(session, surgery.practice_id, surgery.episode_id, NOW)


def test_what_went_out_keeps_the_words_of_its_time(session: Session, surgery: Surgery) -> None:
    goal = reminder_of(session, "walk30", "goal")
    for delivery in session.scalars(select(Delivery).filter_by(reminder_id=goal.id)):
        delivery.state, delivery.finished_at, delivery.published = DeliveryState.sent, NOW, True
    goal.state, goal.sent_at, goal.text = ReminderState.sent, NOW, OTHER_WORDS
    session.commit()

    plan(session, surgery)

    assert reminder_of(session, "walk30", "goal").text == OTHER_WORDS
    assert equals_its_rebuild(session, surgery.practice_id, surgery.episode_id, NOW)


def test_what_takes_the_place_of_a_message_that_went_out_must_be_shown_and_nothing_else(
    session: Session, surgery: Surgery
) -> None:
    goal = reminder_of(session, "walk30", "goal")
    for delivery in session.scalars(select(Delivery).filter_by(reminder_id=goal.id)):
        delivery.state, delivery.finished_at, delivery.published = DeliveryState.sent, NOW, True
    goal.state, goal.sent_at = ReminderState.sent, NOW
    surgery.surgery_on = builders.DAY_0.replace(day=25)
    session.commit()

    plan(session, surgery)

    corrected = session.scalars(select(Reminder).where(Reminder.correction.is_not(None))).all()
    assert [(row.id, row.correction, row.generation) for row in corrected] == [
        (goal.id, ReminderCorrection.replaces_earlier, 2)
    ]


def test_a_message_that_moves_before_it_went_out_corrects_nothing(session: Session, surgery: Surgery) -> None:
    surgery.surgery_on = builders.DAY_0.replace(day=25)
    session.commit()

    plan(session, surgery)

    assert reminder_of(session, "walk30", "goal").generation == 2
    assert set(session.scalars(select(Reminder.correction))) == {None}
