"""What a simulation tells is what planning writes for the same facts: the same messages at the same instants."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Milestone, Practice, Reminder, Restriction
from models.protocols import ProtocolVersion
from schedules.plan.items import PatientFacts
from schedules.plan.library import PROTOCOL_FOLDER, parse_own
from schedules.plan.timing import QuietHours
from schedules.plan.vocabulary import (
    Approach,
    ApproachClass,
    OpioidUse,
    Procedure,
    ReminderState,
    RestrictionKind,
    Setting,
    SurgeryStatus,
    VersionStatus,
    WorkClass,
)
from schedules.planning import plan_episode
from service.care.simulations import NamedSimulation, WantedSimulation, WantedStage, premises_of, run_simulations
from tests import builders

KNOWN_AT = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)  # nine days after the first surgery
FIRST_ON, SECOND_ON = date(2026, 3, 2), date(2026, 5, 4)
MOST_DAYS = 1500
Told = dict[tuple[str, int, str], tuple[date, datetime, str]]


def a_clinic(session: Session) -> Practice:
    return builders.practice(session, holiday_calendar="US-NY", closed_on=["2026-03-23"])


def stored(session: Session, practice: Practice) -> Told:
    """Plan a patient of the clinic and return each reminder with its day, its instant, and what becomes of it."""
    patient = builders.patient(
        session, practice, time_zone="America/Los_Angeles", quiet_from=time(20), quiet_until=time(9, 30),
        work_class=WorkClass.heavy, opioid_use=OpioidUse.short_term,
    )  # fmt: skip
    episode = builders.episode(session, patient)
    builders.surgery(
        session, episode, stage=1, surgery_on=FIRST_ON, status=SurgeryStatus.planned, setting=Setting.outpatient,
        procedure=Procedure.intracept, approach=Approach.percutaneous, approach_class=ApproachClass.miss,
        protocol_id="INTRACEPT", protocol_version=1, dated_at=KNOWN_AT,
    )  # fmt: skip
    builders.surgery(
        session, episode, stage=2, surgery_on=SECOND_ON, status=SurgeryStatus.planned, setting=Setting.inpatient,
        procedure=Procedure.tlif, approach=Approach.open, approach_class=ApproachClass.open,
        protocol_id="TLIF-OPEN", protocol_version=1, dated_at=KNOWN_AT,
    )  # fmt: skip
    plan_episode(session, practice.id, episode.id, KNOWN_AT)
    session.commit()
    rows = session.execute(
        select(Reminder, Milestone.key, Milestone.occurrence)
        .join(Milestone, Reminder.milestone_id == Milestone.id)
        .where(Reminder.episode_id == episode.id, Milestone.episode_id == episode.id)
    ).all()
    return {
        (key, occurrence, row.key): (row.scheduled_on, row.due_at, row.reason or row.state.value)
        for row, key, occurrence in rows
    }


def simulated(session: Session, practice: Practice) -> NamedSimulation:
    wanted = WantedSimulation(
        stages=(
            WantedStage(procedure=Procedure.intracept, surgery_on=FIRST_ON, setting=Setting.outpatient),
            WantedStage(
                procedure=Procedure.tlif, approach_class=ApproachClass.open, surgery_on=SECOND_ON,
                setting=Setting.inpatient,
            ),
        ),
        patient=PatientFacts(work_class=WorkClass.heavy, opioid_use=OpioidUse.short_term),
        enrolled_at=KNOWN_AT,
        from_on=date(2026, 1, 1),
        days=MOST_DAYS,
        zone=ZoneInfo("America/Los_Angeles"),
        quiet_hours=QuietHours(time(20), time(9, 30)),
    )  # fmt: skip
    return run_simulations(wanted, premises_of(session, practice))[0]


def test_a_simulation_tells_what_planning_writes(session: Session) -> None:
    practice = a_clinic(session)
    written = stored(session, practice)

    simulation = simulated(session, practice).simulation

    sent = [message.reminder for day in simulation.days for message in day.messages]
    told: Told = {
        (each.milestone_key, each.occurrence, each.key): (each.scheduled_on, each.due_at, each.outcome.value)
        for each in (*sent, *simulation.not_sent)
    }
    assert len(told) > 60
    assert told == written


def test_both_know_what_waits_what_is_asked_and_what_shifts(session: Session) -> None:
    practice = a_clinic(session)
    written = stored(session, practice)

    assert ReminderState.planned in {outcome for _, _, outcome in written.values()}
    assert {"asked_coordinator", "past_not_applicable", "not_signed"} <= {outcome for _, _, outcome in written.values()}


def test_restrictions_begin_on_the_days_that_planning_writes(session: Session) -> None:
    practice = a_clinic(session)
    stored(session, practice)

    plan = simulated(session, practice).simulation.plan

    rows = session.scalars(select(Restriction).where(Restriction.practice_id == practice.id)).all()
    assert {
        (row.kind, row.occurrence, row.sequence): (row.from_on, row.through_on, row.eligible_on) for row in rows
    } == {
        (item.kind, item.occurrence, item.sequence): (item.from_on, item.through_on, item.eligible_on)
        for item in plan.restrictions
    }


def test_a_draft_of_the_clinics_own_is_simulated_before_anyone_is_on_it(session: Session) -> None:
    practice = a_clinic(session)
    toml = (PROTOCOL_FOLDER / "tlif.miss.v1.toml").read_text(encoding="utf-8")
    toml = toml.replace('id = "TLIF-MISS"', 'id = "HUDSON-TLIF"')
    digest = parse_own(toml, protocol_id="HUDSON-TLIF", version=1).digest
    author = builders.staff(session, practice)
    session.add(
        ProtocolVersion(
            practice_id=practice.id, id="own-1", protocol_id="HUDSON-TLIF", version=1, toml=toml, digest=digest,
            status=VersionStatus.draft, created_by=author.id, created_at=KNOWN_AT,
        )
    )  # fmt: skip
    session.flush()
    wanted = WantedSimulation(
        stages=(WantedStage(protocol_id="HUDSON-TLIF", protocol_version=1, surgery_on=FIRST_ON),),
        patient=PatientFacts(work_class=None),
        enrolled_at=KNOWN_AT,
        from_on=FIRST_ON,
        days=30,
    )

    (found,) = run_simulations(wanted, premises_of(session, practice))

    assert found.protocols[0].id == "HUDSON-TLIF"
    assert any(each.kind is RestrictionKind.driving for each in found.simulation.plan.restrictions)
