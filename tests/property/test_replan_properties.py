"""Plans made again, on both databases: twice is once, there and back is where one was, and nothing is said too late."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.care import Milestone, Restriction, Surgery
from models.engine import make_session_factory
from models.people import Patient
from models.reminder import Delivery, DeliveryState, Reminder
from schedules.plan.items import PlannedMilestone, PlannedRestriction
from schedules.plan.library import load_library
from schedules.plan.timing import QuietHours, local_time
from schedules.plan.vocabulary import ReminderState, SurgeryStatus
from schedules.planning import plan_episode
from schedules.planning.facts import load_care, outline
from schedules.planning.stored_plan import stored_plan
from tests import builders
from tests.planning.snapshots import everything, items

NOW = datetime(2026, 2, 24, 15, 0, tzinfo=UTC)
ON_BOTH = settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking would plan thousands of episodes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
days = st.dates(date(2026, 1, 20), date(2026, 5, 1))
shifts = st.integers(-20, 40).filter(bool)
protocols = st.sampled_from(["MD-MISS", "TLIF-OPEN", "INTRACEPT", "ACDF-2+"])


@contextmanager
def staged(engine: Engine, first: str, second: str, on: date, gap: int) -> Iterator[tuple[Session, Surgery]]:
    """Yield a session, and the first surgery of a planned episode with two stages."""
    with make_session_factory(engine)() as session:
        clinic = builders.practice(session)
        patient = builders.patient(session, clinic, quiet_from=time(21), quiet_until=time(8))
        episode = builders.episode(session, patient)
        surgeries = [
            builders.surgery(session, episode, stage=stage, surgery_on=day, dated_at=None, **pinned(protocol_id))
            for stage, protocol_id, day in ((1, first, on), (2, second, on + timedelta(days=gap)))
        ]
        session.commit()
        make_plan(session, surgeries[0], NOW)
        yield session, surgeries[0]


def pinned(protocol_id: str) -> dict[str, object]:
    protocol = next(each for each in load_library().protocols if each.id == protocol_id)
    return {
        "procedure": protocol.procedure,
        "protocol_id": protocol.id,
        "protocol_version": protocol.version,
        "protocol_digest": protocol.digest,
        "status": SurgeryStatus.planned,
    }


def make_plan(session: Session, surgery: Surgery, now: datetime) -> None:
    plan_episode(session, surgery.practice_id, surgery.episode_id, now)
    session.commit()


@ON_BOTH
@given(first=protocols, second=protocols, on=days, gap=st.integers(1, 60), shift=shifts)
def test_planning_twice_is_planning_once(
    engine: Engine, first: str, second: str, on: date, gap: int, shift: int
) -> None:
    with staged(engine, first, second, on, gap) as (session, surgery):
        surgery.surgery_on = on + timedelta(days=shift)
        make_plan(session, surgery, NOW + timedelta(days=3))
        once = everything(session)

        make_plan(session, surgery, NOW + timedelta(days=3))

        assert everything(session) == once


@ON_BOTH
@given(first=protocols, second=protocols, on=days, gap=st.integers(1, 60), shift=shifts)
def test_a_move_there_and_back_leaves_the_plan_as_it_was(
    engine: Engine, first: str, second: str, on: date, gap: int, shift: int
) -> None:
    later = NOW + timedelta(hours=1)
    with staged(engine, first, second, on, gap) as (session, surgery):
        before, said = items(session), waiting(session)

        surgery.surgery_on = on + timedelta(days=shift)
        make_plan(session, surgery, later)
        surgery.surgery_on = on
        make_plan(session, surgery, later)

        assert standing(items(session)) == standing(before)
        assert waiting(session) == said


def waiting(session: Session) -> list[tuple[str, datetime, datetime]]:
    """Return the messages that will go out, with their times: what was past before stays unsaid, by whatever reason."""
    rows = session.scalars(select(Reminder).filter_by(state=ReminderState.planned)).all()
    return sorted((row.id, row.due_at, row.useful_until) for row in rows)


def standing(tables: dict[str, list[tuple[object, ...]]]) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows that are not cancelled: a move may leave cancelled ones behind."""
    columns = {
        "milestone": list(Milestone.__table__.columns.keys()),
        "restriction": list(Restriction.__table__.columns.keys()),
    }
    found = {}
    for table, rows in tables.items():
        names = [name for name in columns[table] if name != "rev"]
        place = names.index("cancelled_at")
        found[table] = [row for row in rows if row[place] is None]
    return found


@ON_BOTH
@given(first=protocols, second=protocols, on=days, gap=st.integers(1, 60), shift=shifts)
def test_the_stored_plan_is_its_rebuild_to_the_byte(
    engine: Engine, first: str, second: str, on: date, gap: int, shift: int
) -> None:
    with staged(engine, first, second, on, gap) as (session, surgery):
        surgery.surgery_on = on + timedelta(days=shift)
        make_plan(session, surgery, NOW + timedelta(days=3))

        stored = stored_plan(session, surgery.practice_id, surgery.episode_id)
        care = load_care(session, surgery.practice_id, surgery.episode_id)
        rebuilt = outline(session, care, NOW + timedelta(days=9)).plan

        assert in_order(stored.milestones) == in_order(rebuilt.milestones)
        assert in_order(stored.restrictions) == in_order(rebuilt.restrictions)


def in_order(items: Iterable[PlannedMilestone | PlannedRestriction]) -> list[PlannedMilestone | PlannedRestriction]:
    """Return the items by what they are."""

    def identity(item: PlannedMilestone | PlannedRestriction) -> tuple[str, int, int]:
        name, number = (item.key, 0) if isinstance(item, PlannedMilestone) else (item.kind, item.sequence)
        return name, item.occurrence, number

    return sorted(items, key=identity)


@ON_BOTH
@given(first=protocols, second=protocols, on=days, gap=st.integers(1, 60), shift=shifts, done=st.integers(0, 30))
def test_nothing_waits_in_quiet_hours_or_for_what_is_complete(
    engine: Engine, first: str, second: str, on: date, gap: int, shift: int, done: int
) -> None:
    with staged(engine, first, second, on, gap) as (session, surgery):
        milestones = session.scalars(
            select(Milestone).filter_by(episode_id=surgery.episode_id, cancelled_at=None).order_by(Milestone.id)
        ).all()
        complete = milestones[done % len(milestones)]
        builders.progress(session, complete)
        surgery.surgery_on = on + timedelta(days=shift)
        make_plan(session, surgery, NOW + timedelta(days=3))

        patient = session.get_one(Patient, (surgery.practice_id, surgery.patient_id))
        assert patient.quiet_from is not None
        assert patient.quiet_until is not None
        quiet = QuietHours(start=patient.quiet_from, end=patient.quiet_until)
        waiting = session.scalars(
            select(Reminder).filter_by(episode_id=surgery.episode_id, state=ReminderState.planned)
        ).all()
        for each in waiting:
            assert each.milestone_id != complete.id
            assert not quiet.hold(local_time(each.due_at, ZoneInfo(patient.time_zone)).time())
        active = session.scalars(select(Delivery).filter_by(patient_id=patient.id, state=DeliveryState.pending)).all()
        generations = {each.id: each.generation for each in waiting}
        assert {each.reminder_id: each.generation for each in active} == generations
        assert len(active) == len(generations)
