"""A digest from a clinic's own file to the letter: planned once, said once, without what is finished by then."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import schedules
from models.care import Episode, Milestone, Surgery
from models.people import Patient
from models.protocols import ProtocolVersion
from models.reminder import Delivery, DeliveryState, Reminder
from schedules.delivery.channels import Message
from schedules.delivery.message import render
from schedules.plan.library import parse_own
from schedules.plan.vocabulary import EpisodeStatus, ReminderState, SurgeryStatus, VersionStatus, WorkClass
from schedules.planning import Answer, plan_episode, withdraw
from tests import builders
from tests.clock import FixedClock
from tests.worker.desks import PUBLIC_URL, claim_all, pass_now, reminder_draft

LATE = datetime(2026, 3, 20, 17, 0, tzinfo=UTC)  # Friday, 18 days after surgery: one o'clock in New York
MONDAY = datetime(2026, 3, 23, 14, 0, tzinfo=UTC)  # ten o'clock, when the clinic asks about driving
OVERRIDES = """
[reminders.walk30.encourage]
past_policy = "digest"
[reminders.walk30.goal]
past_policy = "digest"
[reminders.drive.ask]
past_policy = "digest"
[reminders.rtw_sed.ask]
past_policy = "digest"
"""
WALK = "Are you walking about 30 minutes a day in all? Tell us how it goes."
DRIVE = "Ask whether you may drive. Never while taking strong pain medicine or sedatives."
DESK = "Desk work may be possible soon. Ask us for your work note."


@pytest.fixture
def enrolled(session: Session) -> Surgery:
    """Return a surgery of 2026-03-02 that became known on the 20th, by a protocol of the clinic's own."""
    practice = builders.practice(session)
    shipped = Path(schedules.__file__).parent / "protocols" / "lumbar_microdiscectomy.miss.v1.toml"
    toml = shipped.read_text(encoding="utf-8").replace('id = "MD-MISS"', 'id = "OWN-MD"') + OVERRIDES
    own = parse_own(toml, protocol_id="OWN-MD", version=1)
    session.add(
        ProtocolVersion(
            practice_id=practice.id,
            id="own-1",
            protocol_id="OWN-MD",
            version=1,
            toml=toml,
            digest=own.digest,
            status=VersionStatus.released,
            created_by=builders.staff(session, practice).id,
            created_at=LATE,
        )
    )
    patient = builders.patient(session, practice, work_class=WorkClass.sedentary)
    surgery = builders.surgery(
        session,
        builders.episode(session, patient, enrolled_at=LATE),
        surgery_on=date(2026, 3, 2),
        status=SurgeryStatus.performed,
        dated_at=None,
        protocol_id="OWN-MD",
        protocol_version=1,
        protocol_digest=own.digest,
    )
    session.commit()
    plan(session, surgery)
    return surgery


def plan(session: Session, surgery: Surgery, now: datetime = LATE) -> dict[str, Answer]:
    answers = plan_episode(session, surgery.practice_id, surgery.episode_id, now)
    session.commit()
    session.expire_all()
    return answers


def reminder(session: Session, milestone_key: str, key: str) -> Reminder:
    query = select(Reminder).join(Milestone, Milestone.id == Reminder.milestone_id)
    return session.scalars(query.where(Milestone.key == milestone_key, Reminder.key == key)).one()


def letters(session: Session, now: datetime = MONDAY) -> list[Message]:
    """Return what goes out at `now` about the items of these tests, and count it as sent."""
    sent = []
    for claim in claim_all(session, FixedClock(now)):
        permit = pass_now(session, claim, now)
        if permit is not None:
            sent.append(render(reminder_draft(permit), permit.address, now, PUBLIC_URL))
            row = session.get_one(Delivery, (claim.practice_id, claim.delivery_id))
            row.state = DeliveryState.sent
            session.get_one(Reminder, (row.practice_id, row.reminder_id)).state = ReminderState.sent
            session.commit()
    return [each for each in sent if about(each)]


def achieve(session: Session, milestone_id: str, surgery: Surgery, now: datetime) -> dict[str, Answer]:
    milestone = session.get_one(Milestone, (surgery.practice_id, milestone_id))
    builders.progress(session, milestone)
    answers = withdraw(
        session,
        surgery.practice_id,
        surgery.patient_id,
        now=now,
        reason="achieved",
        milestone_ids=[milestone.id],
    )
    session.commit()
    return answers | plan(session, surgery, now)


def about(message: Message) -> list[str]:
    return [text for text in (DRIVE, WALK, DESK) if text in message.body]


@pytest.mark.usefixtures("enrolled")
def test_what_is_past_is_one_reminder_that_carries_the_others(session: Session) -> None:
    drive, walk = reminder(session, "drive", "ask"), reminder(session, "walk30", "goal")

    past = {drive.id, walk.id, reminder(session, "rtw_sed", "ask").id, reminder(session, "walk30", "encourage").id}
    waiting = session.scalars(select(Delivery.reminder_id).where(Delivery.reminder_id.in_(past))).all()

    assert waiting == [drive.id]
    assert (drive.state, drive.due_at, drive.digest_in) == (ReminderState.planned, MONDAY, None)
    assert (walk.state, walk.reason, walk.digest_in) == (ReminderState.suppressed, "past_digest", drive.id)


@pytest.mark.usefixtures("enrolled")
def test_the_digest_is_one_letter_with_every_text(session: Session) -> None:
    sent = letters(session)

    assert [about(each) for each in sent] == [[DRIVE, WALK, DESK]]
    assert sent[0].body.index(DRIVE) < sent[0].body.index(DESK) < sent[0].body.index(WALK)


def test_what_is_finished_by_then_is_left_out(session: Session, enrolled: Surgery) -> None:
    achieve(session, reminder(session, "walk30", "goal").milestone_id, enrolled, LATE)

    assert [about(each) for each in letters(session)] == [[DRIVE, DESK]]


def test_when_the_carrier_is_finished_another_one_carries_the_rest(session: Session, enrolled: Surgery) -> None:
    drive = reminder(session, "drive", "ask")

    answers = achieve(session, drive.milestone_id, enrolled, LATE)

    walk, desk = reminder(session, "walk30", "goal"), reminder(session, "rtw_sed", "ask")
    assert answers[drive.id] is Answer.effective
    assert (walk.state, walk.digest_in, desk.digest_in) == (ReminderState.planned, None, walk.id)
    assert [about(each) for each in letters(session)] == [[WALK, DESK]]


def test_planning_again_doubles_and_drops_nothing(session: Session, enrolled: Surgery) -> None:
    before = [(row.id, row.generation, row.state, row.digest_in) for row in session.scalars(select(Reminder))]

    plan(session, enrolled)
    plan(session, enrolled, MONDAY)

    after = [(row.id, row.generation, row.state, row.digest_in) for row in session.scalars(select(Reminder))]
    assert sorted(after) == sorted(before)
    assert len(letters(session)) == 1


def test_what_a_digest_said_is_not_said_again(session: Session, enrolled: Surgery) -> None:
    first = letters(session)

    plan(session, enrolled, MONDAY)
    drive = reminder(session, "drive", "ask")
    achieve(session, drive.milestone_id, enrolled, MONDAY)

    assert len(first) == 1
    assert letters(session) == []
    assert reminder(session, "walk30", "goal").state is ReminderState.suppressed


def test_a_retry_of_the_letter_says_the_same(session: Session, enrolled: Surgery) -> None:
    drive = reminder(session, "drive", "ask").id
    claim = next(each for each in claim_all(session, FixedClock(MONDAY)) if each.delivery_id.startswith(drive))
    first = pass_now(session, claim, MONDAY)
    row = session.get_one(Delivery, (claim.practice_id, claim.delivery_id))
    row.state, row.lease_owner, row.lease_until, row.lease_until_ms = DeliveryState.pending, None, None, None
    session.commit()

    (again,) = claim_all(session, FixedClock(MONDAY))
    second = pass_now(session, again, MONDAY)

    assert first is not None
    assert second is not None
    assert render(reminder_draft(first), first.address, MONDAY, PUBLIC_URL) == render(
        reminder_draft(second), second.address, MONDAY, PUBLIC_URL
    )
    assert enrolled.practice_id == again.practice_id


def test_a_pause_holds_the_digest_and_an_end_takes_it_back(session: Session, enrolled: Surgery) -> None:
    patient = session.get_one(Patient, (enrolled.practice_id, enrolled.patient_id))
    patient.reminders_paused_at = LATE
    session.commit()

    held = letters(session)
    episode = session.get_one(Episode, (enrolled.practice_id, enrolled.episode_id))
    episode.status = EpisodeStatus.withdrawn
    plan(session, enrolled, MONDAY)

    assert held == []
    assert reminder(session, "drive", "ask").state is ReminderState.cancelled
