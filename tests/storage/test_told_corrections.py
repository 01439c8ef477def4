"""Messages that correct others when the schema learns to say so are told to devices anew, and no others are."""

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.engine import make_session_factory
from models.migrate import downgrade, upgrade
from models.reminder import Reminder
from models.sync import SyncClock
from schedules.plan.corrections import URGENT_TEXTS
from schedules.plan.vocabulary import ReminderCorrection
from tests import builders

URGENT, REPLACES = ReminderCorrection.urgent, ReminderCorrection.replaces_earlier


def add_messages(session: Session) -> tuple[str, str]:
    """Store messages of two clinics, of which the second corrects nothing. Return the clinics' ids."""
    clinics = builders.practice(session), builders.practice(session)
    milestones = [
        builders.milestone(
            session, builders.surgery(session, builders.episode(session, builders.patient(session, each)))
        )
        for each in clinics
    ]
    first, second = milestones
    builders.reminder(session, first, id="moved", key="surgery_moved")
    builders.reminder(session, first, id="called-off", key="surgery_called_off")
    replaces = builders.reminder(session, first, id="replaces", key="goal", generation=2)
    builders.delivery(session, replaces, is_correction=True)
    replaced = builders.reminder(session, first, id="replaced-again", key="d3", generation=3)
    builders.delivery(session, replaced, id="older", generation=2, is_correction=True)
    builders.delivery(session, builders.reminder(session, first, id="first", key="evening"))
    builders.delivery(session, builders.reminder(session, second, id="elsewhere", key="goal"))
    session.commit()
    return clinics[0].id, clinics[1].id


def test_only_what_corrects_something_gets_a_new_revision_and_urgent_corrections_their_words(
    owner_url: str, engine: Engine, session: Session
) -> None:
    here, there = add_messages(session)
    before = dict(session.execute(select(SyncClock.practice_id, SyncClock.revision)).all())
    session.close()
    engine.dispose()

    downgrade(owner_url, "0012")
    upgrade(owner_url)

    with make_session_factory(engine)() as after:
        clocks = dict(after.execute(select(SyncClock.practice_id, SyncClock.revision)).all())
        rows = {row.id: (row.correction, row.rev > before[row.practice_id]) for row in after.scalars(select(Reminder))}
        words = dict(after.execute(select(Reminder.id, Reminder.text).where(Reminder.text.is_not(None))).all())
    assert clocks == {here: before[here] + 1, there: before[there]}
    assert rows == {
        "moved": (URGENT, True),
        "called-off": (URGENT, True),
        "replaces": (REPLACES, True),
        "replaced-again": (None, False),
        "first": (None, False),
        "elsewhere": (None, False),
    }
    assert words == {
        "moved": URGENT_TEXTS["surgery_moved"].by_language(),
        "called-off": URGENT_TEXTS["surgery_called_off"].by_language(),
    }
