"""What depends on the person: dates that a clinician entered, and the day on which a date became known."""

from dataclasses import replace
from datetime import date

import pytest

from schedules.plan.build import PlannedMilestone, Stage
from schedules.plan.items import FilledSlot
from schedules.plan.vocabulary import Binding, PastPolicy, Phase
from tests.unit.plan.samples import DAY0, milestone, plan, stage

LATER_DAY0 = date(2026, 3, 22)


def filled(
    due_on: date | None, *, key: str = "medicines_pause", for_day0: date = DAY0, of: Stage | None = None
) -> Stage:
    return replace(of or stage(), slots={key: FilledSlot(for_day0=for_day0, due_on=due_on)})


def days(item: PlannedMilestone) -> tuple[int | None, ...]:
    return item.earliest_days, item.target_days, item.latest_days, item.eligible_days


def dates(item: PlannedMilestone) -> set[date | None]:
    return {item.earliest_on, item.target_on, item.latest_on, item.eligible_on}


def test_a_filled_item_has_the_day_that_the_clinician_entered() -> None:
    pause = milestone(plan(filled(date(2026, 2, 25))), "medicines_pause")

    assert days(pause) == (-5, -5, -5, -5)
    assert dates(pause) == {date(2026, 2, 25)}
    assert (pause.binds, pause.phase, pause.day0) == (Binding.clinician, Phase.before_surgery, DAY0)


@pytest.mark.parametrize(
    "blank",
    [
        stage(),
        filled(None),
        filled(date(2026, 2, 25), for_day0=date(2026, 3, 1)),
        filled(date(2026, 2, 25), key="medicines_restart"),
    ],
)
def test_a_blank_item_and_one_for_another_day_of_surgery_have_no_day(blank: Stage) -> None:
    pause = milestone(plan(blank), "medicines_pause")

    assert days(pause) == (None, None, None, None)
    assert dates(pause) == {None}


def test_a_stage_without_a_date_has_no_filled_item() -> None:
    undated = replace(filled(date(2026, 2, 25)), day0=None)

    assert days(milestone(plan(undated), "medicines_pause")) == (None, None, None, None)


@pytest.mark.parametrize(
    ("due_on", "phase"),
    [
        (date(2026, 3, 1), Phase.before_surgery),
        (date(2026, 3, 2), Phase.after_surgery),
        (date(2026, 3, 9), Phase.after_surgery),
    ],
)
def test_medicines_are_restarted_after_surgery(due_on: date, phase: Phase) -> None:
    restart = milestone(plan(filled(due_on, key="medicines_restart")), "medicines_restart")

    assert (restart.phase, restart.target_on, restart.binds) == (phase, due_on, Binding.clinician)


def test_only_a_restart_of_medicines_moves_behind_surgery() -> None:
    pause = milestone(plan(filled(date(2026, 3, 9))), "medicines_pause")

    assert pause.phase is Phase.before_surgery


def test_no_entry_dates_an_item_after_surgery() -> None:
    assert plan(filled(date(2026, 3, 3), key="drive")) == plan(stage())


def test_a_filled_day_that_was_past_follows_its_policy() -> None:
    pause = filled(date(2026, 2, 25))

    on_the_day, after = (
        milestone(plan(replace(pause, known_on=known_on)), "medicines_pause").past_policy
        for known_on in (date(2026, 2, 25), date(2026, 2, 26))
    )

    assert on_the_day is None
    assert after is not None


def test_medicines_belong_to_the_surgery_that_they_were_entered_for() -> None:
    first = filled(date(2026, 4, 1), key="medicines_restart")
    later = stage("INTRACEPT", ordinal=2, day0=LATER_DAY0)

    staged = plan(first, later)

    restart = milestone(staged, "medicines_restart", 1)
    assert (restart.target_on, restart.superseded_on, restart.superseded_by) == (date(2026, 4, 1), LATER_DAY0, 2)
    assert milestone(staged, "medicines_restart", 2).target_on is None
    assert milestone(staged, "medicines_pause", 1).superseded_on is None


@pytest.mark.parametrize(
    ("key", "one_on", "other_on", "expected"),
    [
        ("medicines_pause", date(2026, 2, 25), date(2026, 2, 23), (date(2026, 2, 23), 2)),
        ("medicines_pause", date(2026, 2, 20), date(2026, 2, 23), (date(2026, 2, 20), 1)),
        ("medicines_pause", date(2026, 2, 25), None, (date(2026, 2, 25), 1)),
        ("medicines_restart", date(2026, 3, 5), date(2026, 3, 9), (date(2026, 3, 9), 2)),
        ("medicines_restart", date(2026, 3, 5), None, (date(2026, 3, 5), 1)),
        ("medicines_restart", None, date(2026, 3, 5), (date(2026, 3, 5), 2)),
    ],
)
def test_one_operation_pauses_medicines_at_the_earliest_and_restarts_them_at_the_latest(
    key: str, one_on: date | None, other_on: date | None, expected: tuple[date, int]
) -> None:
    one, other = filled(one_on, key=key), filled(other_on, key=key, of=stage("INTRACEPT", ordinal=2))

    item = milestone(plan(one, other), key, 2)

    assert (item.target_on, item.binding_stage) == expected
    assert item.phase is (Phase.after_surgery if key == "medicines_restart" else Phase.before_surgery)


def test_each_stage_counts_from_the_day_on_which_its_own_date_became_known() -> None:
    early = replace(stage(), known_on=date(2026, 1, 1))
    late = replace(stage("MD-MISS", ordinal=2, day0=date(2026, 6, 1)), known_on=date(2026, 6, 30))

    both = plan(early, late, enrolled_on=date(2027, 1, 1))

    assert milestone(both, "drive", 1).past_policy is None
    assert milestone(both, "drive", 2).past_policy is PastPolicy.ask_coordinator
    assert milestone(plan(stage(), enrolled_on=date(2027, 1, 1)), "drive").past_policy is PastPolicy.ask_coordinator
