"""Where limits end in the picture of a plan, from when on they may, and whose turn it is."""

import re
from datetime import date

import pytest
from sqlalchemy.orm import Session

from schedules.plan.check_ins import DEFAULT_RHYTHM, RhythmHistory, RhythmVersion, write_history
from schedules.plan.vocabulary import MilestoneKind, RestrictionKind
from schedules.planning import plan_episode
from service.care.plan_view import PlanView, view_plan
from service.dashboard.timeline import Bar, draw_plan
from tests.api.conftest import Clinic
from tests.clock import MONDAY_AFTERNOON
from tests.dashboard.conftest import Desk, text_of
from tests.dashboard.test_patient import Find

TODAY = date(2026, 3, 2)  # seven days after the surgery


def plan_of(session: Session, clinic: Clinic, on: date = TODAY) -> PlanView:
    """Return the plan as it stands on a day."""
    plan = view_plan(session, clinic.practice, clinic.episode, on, MONDAY_AFTERNOON)
    session.commit()
    return plan


def bars_of(plan: PlanView, kind: RestrictionKind) -> list[Bar]:
    return [bar for line in draw_plan(plan).limits if line.kind is kind for bar in line.bars]


def clear_driving(surgeon: Desk, drive: str) -> None:
    page = surgeon.get(f"/clinic/milestones/{drive}").get_data(as_text=True)
    attested = dict.fromkeys(re.findall(r'name="(attest_\w+)"', page), "1")
    sent = {"cleared_on": "2026-03-01", "override": "Seen in clinic."} | attested
    assert surgeon.post(f"/clinic/milestones/{drive}/clear", sent).status_code == 303


def test_a_limit_is_drawn_to_the_day_on_which_it_was_cleared_and_dashed_from_the_earliest_until_then(
    surgeon: Desk, session: Session, clinic: Clinic, milestone_id: Find
) -> None:
    drive = milestone_id("drive")
    axis = draw_plan(plan_of(session, clinic)).axis
    (holds,) = bars_of(plan_of(session, clinic), RestrictionKind.driving)

    clear_driving(surgeon, drive)
    (before,) = bars_of(plan_of(session, clinic, date(2026, 2, 28)), RestrictionKind.driving)
    (cleared,) = bars_of(plan_of(session, clinic), RestrictionKind.driving)

    assert (holds.x, holds.earliest, holds.cleared) == (axis.x(0), axis.x(14), None)
    assert holds.x + holds.width == holds.earliest
    assert holds.x + holds.width + holds.open_width == axis.x(axis.last)
    assert before == holds
    assert (cleared.x, cleared.earliest, cleared.open_width) == (axis.x(0), None, 0)
    assert cleared.x + cleared.width == cleared.cleared == axis.x(6)


def test_a_limit_in_pounds_ends_on_its_last_day(session: Session, clinic: Clinic) -> None:
    axis = draw_plan(plan_of(session, clinic)).axis

    ten, twenty, *_ = bars_of(plan_of(session, clinic, date(2026, 4, 1)), RestrictionKind.lifting)

    assert (ten.amount, ten.cleared, ten.open_width) == (10, None, 0)
    assert ten.x + ten.width == axis.x(15) - 1
    assert twenty.x == axis.x(15)


@pytest.mark.sqlite_only
def test_the_tables_say_when_limits_end_and_whose_turn_it_is(
    desk: Desk, surgeon: Desk, clinic: Clinic, milestone_id: Find
) -> None:
    path = f"/clinic/patients/{clinic.patient.id}"
    before = text_of(desk.get(path))

    clear_driving(surgeon, milestone_id("drive"))
    after = text_of(desk.get(path))

    assert "Driving Mon 23 Feb until a clinician clears it, from Mon 9 Mar on a clinician clears it: Driving" in before
    assert "Driving Mon 23 Feb cleared on Sun 1 Mar Lumbar microdiscectomy" in after
    assert re.search(r"Walking 30 minutes a day window open [^%]{,60} the patient Lumbar", before)
    assert re.search(r"Lifting 10 lb Mon 23 Feb through Mon 9 Mar Lumbar", before)


@pytest.mark.sqlite_only
def test_whose_turn_it_is_stands_beside_the_bar_within_the_picture(session: Session, clinic: Clinic) -> None:
    plan = plan_of(session, clinic, date(2026, 3, 12))

    lines = [line for line in draw_plan(plan).items if line.waits]

    assert {line.view.row.key for line in lines} >= {"drive", "walk30"}
    for line in lines:
        assert line.note is not None
        x, side = line.note
        assert line.earliest is not None
        assert x == line.earliest + line.width + 8 if side == "start" else x == line.earliest - 8


def test_what_is_asked_day_after_day_is_no_line_of_the_picture(session: Session, clinic: Clinic) -> None:
    rhythms = RhythmHistory((RhythmVersion(1, date(2026, 2, 1), DEFAULT_RHYTHM),))
    clinic.practice.check_in_rhythms = write_history(rhythms)
    session.commit()
    plan_episode(session, clinic.id, clinic.episode.id, MONDAY_AFTERNOON)
    session.commit()
    plan = plan_of(session, clinic)

    drawn = {line.view.row.kind for line in draw_plan(plan).items}

    planned = {each.row.kind for each in plan.milestones}
    assert planned - drawn >= {MilestoneKind.check_in}
    assert MilestoneKind.walk30 in drawn
