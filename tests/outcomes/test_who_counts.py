"""Who is in which group, from when to when: the rules of the page, each on one course of care."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from models import Episode, Patient, Practice, Surgery
from schedules.outcomes.survival import Followed
from schedules.plan.vocabulary import (
    ApproachClass,
    EpisodeStatus,
    MilestoneKind,
    Procedure,
    SkipReason,
    SurgeryStatus,
    WorkClass,
)
from service.care.outcome_rows import read_cohort
from service.care.outcomes import Measured, MilestoneOutcome, Smallest, view_milestone_outcome
from tests import builders
from tests.outcomes.courses import DAY_0, at_noon, clear, course, hear, leave_out, reach, stage

pytestmark = pytest.mark.sqlite_only
TODAY = date(2026, 3, 2)
ANY = Smallest(group=1, cell=1)


@pytest.fixture
def practice(session: Session) -> Practice:
    """Return a stored clinic in New York."""
    return builders.practice(session)


def told(session: Session, practice: Practice, kind: Measured = Measured.drive) -> MilestoneOutcome:
    """Return the outcome of TLIF with every count told."""
    session.commit()
    return view_milestone_outcome(session, practice, procedure=Procedure.tlif, kind=kind, today=TODAY, smallest=ANY)


def the_one(outcome: MilestoneOutcome) -> Followed:
    """Return how the only course counts."""
    (group,) = outcome.groups
    (point,) = group.points
    return Followed(point.day, group.reached == 1)


def test_a_report_counts_on_its_day(session: Session, practice: Practice) -> None:
    reach(session, course(session, practice), 21)

    assert the_one(told(session, practice)) == Followed(21, reached=True)


def test_a_clearance_counts_as_one_who_was_reported(session: Session, practice: Practice) -> None:
    clear(session, course(session, practice), 18)

    assert the_one(told(session, practice)) == Followed(18, reached=True)


def test_a_clearance_that_was_taken_back_does_not_count(session: Session, practice: Practice) -> None:
    on, by = DAY_0 + timedelta(days=20), builders.staff(session, practice).id
    clear(session, course(session, practice), 18, revoked_on=on, revoked_at=at_noon(on), revoked_by=by)

    assert the_one(told(session, practice)) == Followed(18, reached=False)


@pytest.mark.parametrize(("granted", "is_reached"), [(WorkClass.light, False), (WorkClass.heavy, True)])
def test_leave_for_lighter_work_is_no_return_to_ones_own(
    session: Session, practice: Practice, granted: WorkClass, is_reached: bool
) -> None:
    clear(session, course(session, practice, kind="rtw_heavy"), 40, work_class=granted)

    assert the_one(told(session, practice, Measured.rtw_heavy)).reached is is_reached


def test_who_has_not_reached_it_counts_to_the_last_word(session: Session, practice: Practice) -> None:
    milestone = course(session, practice)
    for day in (3, 45, 17):
        hear(session, milestone, day)

    assert the_one(told(session, practice)) == Followed(45, reached=False)


def test_the_last_word_is_of_the_clinics_day(session: Session, practice: Practice) -> None:
    late = datetime(2025, 9, 12, 3, tzinfo=UTC)  # 23:00 of day 10 in New York
    hear(session, course(session, practice), 10, reported_at=late)

    assert the_one(told(session, practice)) == Followed(10, reached=False)


def test_death_ends_the_look(session: Session, practice: Practice) -> None:
    milestone = course(session, practice, died_on=DAY_0 + timedelta(days=30))
    hear(session, milestone, 90)

    assert the_one(told(session, practice)) == Followed(30, reached=False)


def test_a_later_surgery_ends_the_look_on_the_day_before(session: Session, practice: Practice) -> None:
    milestone = course(session, practice)
    hear(session, milestone, 90)
    row = session.get_one(Episode, (practice.id, milestone.episode_id))
    stage(session, row, stage=2, procedure=Procedure.tlif, surgery_on=DAY_0 + timedelta(days=40))

    assert the_one(told(session, practice)) == Followed(39, reached=False)


@pytest.mark.parametrize("reason", [SkipReason.patient_declined, SkipReason.other])
def test_who_leaves_it_out_is_followed_to_that_day(session: Session, practice: Practice, reason: SkipReason) -> None:
    milestone = course(session, practice)
    leave_out(session, milestone, reason, 25)
    hear(session, milestone, 90)

    assert the_one(told(session, practice)) == Followed(25, reached=False)


def test_to_whom_it_does_not_apply_is_not_at_risk(session: Session, practice: Practice) -> None:
    leave_out(session, course(session, practice), SkipReason.not_applicable, 3)
    course(session, practice, kind="walk30")  # has no such milestone
    course(session, practice, item={"cancelled_at": builders.ENROLLED_AT})

    outcome = told(session, practice)

    assert [group.count for group in outcome.groups] == [None]
    assert outcome.left_out.not_theirs == 3


@pytest.mark.parametrize(("known_day", "left_out"), [(28, 0), (29, 2)])
def test_what_was_past_when_the_clinic_began_is_left_out_reached_or_not(
    session: Session, practice: Practice, known_day: int, left_out: int
) -> None:
    for is_reached in (True, False):
        milestone = course(session, practice)
        session.commit()
        surgery = session.get_one(Surgery, (practice.id, milestone.surgery_id))
        surgery.dated_at = at_noon(DAY_0 + timedelta(days=known_day))
        if is_reached:
            reach(session, milestone, 21)

    outcome = told(session, practice)

    assert outcome.left_out.was_past == left_out
    assert [group.count for group in outcome.groups] == [None if left_out else 2]


def test_two_procedures_on_one_day_are_of_neither(session: Session, practice: Practice) -> None:
    milestone = course(session, practice)
    row = session.get_one(Episode, (practice.id, milestone.episode_id))
    stage(session, row, stage=2, procedure=Procedure.intracept, surgery_on=DAY_0)

    outcome = told(session, practice)

    assert (outcome.groups, outcome.left_out.combined) == ((), 1)


def test_what_was_converted_to_open_counts_as_open(session: Session, practice: Practice) -> None:
    reach(session, course(session, practice, approach_class=ApproachClass.open), 9)
    reach(session, course(session, practice), 9)

    assert [group.approach_class for group in told(session, practice).groups] == [
        ApproachClass.miss,
        ApproachClass.open,
    ]


@pytest.mark.parametrize(
    "left_out",
    ["planned", "cancelled", "ahead", "deleted surgery", "deleted episode", "deleted patient", "another procedure"],
)
def test_only_performed_surgeries_of_this_procedure_are_in_the_cohort(
    session: Session, practice: Practice, left_out: str
) -> None:
    milestone = course(session, practice)
    session.commit()
    surgery = session.get_one(Surgery, (practice.id, milestone.surgery_id))
    rows: dict[str, Surgery | Episode | Patient] = {
        "surgery": surgery,
        "episode": session.get_one(Episode, (practice.id, milestone.episode_id)),
        "patient": session.get_one(Patient, (practice.id, milestone.patient_id)),
    }
    if left_out in ("planned", "cancelled"):
        surgery.status = SurgeryStatus(left_out)
    elif left_out == "ahead":
        surgery.surgery_on = TODAY + timedelta(days=1)
    elif left_out == "another procedure":
        surgery.procedure = Procedure.alif
    else:
        rows[left_out.removeprefix("deleted ")].deleted = True
    session.commit()

    assert read_cohort(session, practice.id, Procedure.tlif, TODAY).surgeries == ()


@pytest.mark.parametrize("status", list(EpisodeStatus))
def test_a_course_counts_however_it_ended(session: Session, practice: Practice, status: EpisodeStatus) -> None:
    milestone = course(session, practice)
    session.commit()
    session.get_one(Episode, (practice.id, milestone.episode_id)).status = status
    session.commit()

    assert len(read_cohort(session, practice.id, Procedure.tlif, TODAY).surgeries) == 1


def test_another_practice_is_not_counted(session: Session, practice: Practice) -> None:
    reach(session, course(session, builders.practice(session)), 9)

    assert told(session, practice).groups == ()


def test_every_measured_milestone_is_a_milestone_of_plans() -> None:
    assert {each.value for each in Measured} <= {each.value for each in MilestoneKind}
