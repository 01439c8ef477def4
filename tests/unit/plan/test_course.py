"""A whole course on a day: adherence, what is behind and why, what waits for the clinic, what is next."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from schedules.plan.course import (
    Adherence,
    Behind,
    BehindRule,
    Course,
    CourseItem,
    ItemKey,
    Waiting,
    WaitingReason,
    course_on,
)
from schedules.plan.progress import (
    NO_PROGRESS,
    ClearedSpan,
    MilestoneFacts,
    ProgressFacts,
    SlotState,
    facts_of,
    milestone_state,
)
from schedules.plan.vocabulary import MilestoneState, Owner, PastPolicy, Phase, RestrictionKind, SkipReason
from tests.unit.plan.samples import milestone, plan, stage
from tests.vectors.samples import FOLDER, course_json

WALK = ItemKey("walk30", 1)
STORED = json.loads((FOLDER / "progress.json").read_text(encoding="utf-8"))["cases"]


def step(**changes: Any) -> MilestoneFacts:
    """Return a step of the patient from 9 to 23 March 2026 with its target on the 16th."""
    days: dict[str, Any] = {
        "phase": Phase.after_surgery,
        "earliest_on": date(2026, 3, 9),
        "target_on": date(2026, 3, 16),
        "latest_on": date(2026, 3, 23),
        "eligible_on": date(2026, 3, 16),
        "lifts": None,
        "owner": Owner.patient,
        "past_policy": None,
    }
    return MilestoneFacts(**days | changes)


def course(on: date, progress: ProgressFacts = NO_PROGRESS, **changes: Any) -> Course:
    return course_on([CourseItem(WALK, step(**changes), progress)], on)


def test_the_stored_samples_hold() -> None:
    for case in STORED:
        for day in case["days"]:
            assert course_json(case, date.fromisoformat(day["on"])) == day, case["name"]


def test_a_step_counts_and_is_behind_only_after_its_latest_day() -> None:
    last, after = course(date(2026, 3, 23)), course(date(2026, 3, 24))

    assert (last.adherence, last.behind) == (Adherence(0, 0, 0), ())
    assert after.adherence == Adherence(1, 0, 0)
    assert after.behind == (
        Behind(WALK, date(2026, 3, 23), date(2026, 3, 24), days=1, rule=BehindRule.after_latest_day),
    )


def test_none_counted_is_no_percentage_and_none_done_is_zero() -> None:
    nothing, none_done = Adherence(0, 0, 0), Adherence(2, 0, 0)

    assert (nothing.done_percent, nothing.in_time_percent, nothing.not_done) == (None, None, 0)
    assert (none_done.done_percent, none_done.in_time_percent, none_done.not_done) == (0, 0, 2)


@pytest.mark.parametrize(
    ("done_in_time", "done_late", "counted", "percents"),
    [(1, 0, 3, (33, 33)), (1, 1, 3, (67, 33)), (1, 0, 8, (13, 13)), (3, 5, 8, (100, 38)), (1, 0, 200, (1, 1))],
)
def test_percentages_are_rounded_half_up(
    done_in_time: int, done_late: int, counted: int, percents: tuple[int, int]
) -> None:
    adherence = Adherence(counted, done_in_time, done_late)

    assert (adherence.done_percent, adherence.in_time_percent) == percents


@pytest.mark.parametrize(
    ("achieved_on", "on", "expected"),
    [
        (date(2026, 3, 23), date(2026, 3, 24), Adherence(1, 1, 0)),
        (date(2026, 3, 24), date(2026, 3, 24), Adherence(1, 0, 1)),
        (date(2026, 3, 25), date(2026, 3, 24), Adherence(1, 0, 0)),
    ],
)
def test_what_was_done_is_in_time_or_late_by_its_own_day(achieved_on: date, on: date, expected: Adherence) -> None:
    assert course(on, ProgressFacts(achieved_on=achieved_on)).adherence == expected


def test_each_late_item_counts() -> None:
    late = ProgressFacts(achieved_on=date(2026, 3, 24))
    items = [CourseItem(ItemKey(key, 1), step(), late) for key in ("walk30", "sit60")]

    assert course_on(items, date(2026, 3, 24)).adherence == Adherence(2, 0, 2)


def test_only_the_patients_own_steps_count() -> None:
    on = date(2026, 6, 1)

    assert course(on, owner=Owner.clinic).adherence.counted == 0
    assert course(on, lifts=RestrictionKind.driving).adherence.counted == 0
    assert course(on, past_policy=PastPolicy.catch_up).adherence.counted == 0
    assert course(on, latest_on=None).adherence.counted == 0
    assert course(on, eligible_on=None).adherence.counted == 0
    assert course(on).adherence.counted == 1


def test_declined_is_not_done_and_other_skips_excuse() -> None:
    on = date(2026, 3, 24)
    declined = ProgressFacts(skipped_on=date(2026, 3, 12), skip_reason=SkipReason.patient_declined)
    excused = ProgressFacts(skipped_on=date(2026, 3, 24), skip_reason=SkipReason.not_applicable)
    later = ProgressFacts(skipped_on=date(2026, 3, 25), skip_reason=SkipReason.not_applicable)

    assert [course(on, each).adherence.counted for each in (declined, excused, later)] == [1, 0, 1]
    assert [len(course(on, each).behind) for each in (declined, excused, later)] == [0, 0, 1]


@pytest.mark.parametrize(("superseded_on", "counted"), [(date(2026, 3, 23), 0), (date(2026, 3, 24), 1)])
def test_who_did_not_have_the_whole_window_is_not_counted(superseded_on: date, counted: int) -> None:
    assert course(date(2026, 3, 24), superseded_on=superseded_on).adherence.counted == counted
    assert course(date(2026, 3, 24), superseded_on=superseded_on).behind == ()


@pytest.mark.parametrize(
    ("eligible_on", "rule", "since_on"),
    [
        (date(2026, 3, 23), BehindRule.after_latest_day, date(2026, 3, 24)),
        (date(2026, 3, 30), BehindRule.after_eligible_day, date(2026, 3, 31)),
    ],
)
def test_what_a_condition_held_is_behind_after_that(eligible_on: date, rule: BehindRule, since_on: date) -> None:
    (behind,) = course(date(2026, 4, 2), eligible_on=eligible_on).behind

    assert (behind.rule, behind.since_on) == (rule, since_on)
    assert behind.days == (date(2026, 4, 2) - behind.closed_on).days
    assert course(behind.closed_on, eligible_on=eligible_on).behind == ()


def test_what_waits_for_a_clearance_is_the_clinics_since_it_was_eligible_or_revoked() -> None:
    lifts: dict[str, Any] = {"lifts": RestrictionKind.driving}
    revoked = ProgressFacts(clearances=(ClearedSpan(date(2026, 3, 18), date(2026, 3, 20)),))

    before, after = course(date(2026, 3, 15), **lifts), course(date(2026, 9, 1), **lifts)
    again = course(date(2026, 9, 1), revoked, **lifts)
    held = course(date(2026, 3, 19), revoked, **lifts)

    assert before.waiting_for_clinic == ()
    assert after.waiting_for_clinic == (Waiting(WALK, WaitingReason.to_clear, date(2026, 3, 16)),)
    assert again.waiting_for_clinic == (Waiting(WALK, WaitingReason.to_clear, date(2026, 3, 20)),)
    assert (held.states[WALK], held.waiting_for_clinic) == (MilestoneState.cleared, ())
    assert after.behind == again.behind == ()


@pytest.mark.parametrize(
    ("slot", "until_on", "expected"),
    [
        (SlotState.blank, date(2026, 3, 10), WaitingReason.to_fill),
        (SlotState.unsigned, date(2026, 3, 10), WaitingReason.to_sign),
        (SlotState.unsigned, None, WaitingReason.to_sign),
        (SlotState.filled, date(2026, 3, 10), None),
        (SlotState.blank, date(2026, 3, 9), None),
        (None, None, None),
    ],
)
def test_what_depends_on_the_person_waits_for_an_entry_while_it_is_of_use(
    slot: SlotState | None, until_on: date | None, expected: WaitingReason | None
) -> None:
    waiting = course(date(2026, 3, 10), slot=slot, slot_until_on=until_on).waiting_for_clinic

    assert [each.reason for each in waiting] == [expected] * (expected is not None)
    assert all(each.since_on is None for each in waiting)


def test_a_slot_that_is_skipped_waits_no_more() -> None:
    skipped = ProgressFacts(skipped_on=date(2026, 3, 9), skip_reason=SkipReason.not_applicable)

    assert course(date(2026, 3, 10), skipped, slot=SlotState.blank).waiting_for_clinic == ()


def test_the_next_items_are_the_three_that_fall_due_first() -> None:
    a_plan = plan(stage())
    items = [CourseItem(ItemKey(each.key, 1), facts_of(each)) for each in a_plan.milestones]

    found = course_on(items, date(2026, 3, 4)).next

    assert found == (("shower", 1), ("opioid_stop", 1), ("prom_2wk", 1))


@pytest.mark.parametrize(("on", "expected"), [(date(2026, 3, 23), (WALK,)), (date(2026, 3, 24), ())])
def test_an_item_is_next_until_its_window_has_closed(on: date, expected: tuple[ItemKey, ...]) -> None:
    assert course(on).next == expected


def test_finished_and_undated_items_are_not_next_and_what_has_no_end_is_until_it_is_due() -> None:
    on = date(2026, 3, 16)

    assert course(on, ProgressFacts(achieved_on=on)).next == ()
    assert course(on, eligible_on=None).next == ()
    assert course(on, latest_on=None).next == (WALK,)
    assert course(date(2026, 3, 17), latest_on=None).next == ()


def test_a_later_stage_cancels_what_is_not_finished_and_leaves_what_happened() -> None:
    on = date(2026, 3, 20)
    superseded = step(superseded_on=on)
    done = ProgressFacts(achieved_on=date(2026, 3, 19))
    cleared = ProgressFacts(clearances=(ClearedSpan(date(2026, 3, 19)),))

    assert milestone_state(superseded, NO_PROGRESS, date(2026, 3, 19)) is MilestoneState.due
    assert milestone_state(superseded, NO_PROGRESS, on) is MilestoneState.cancelled
    assert milestone_state(superseded, done, on) is MilestoneState.achieved
    assert milestone_state(superseded, cleared, on) is MilestoneState.cleared


def test_a_clearance_holds_from_its_day_up_to_the_day_before_it_is_revoked() -> None:
    span = ClearedSpan(date(2026, 3, 18), date(2026, 3, 20))

    assert [span.holds(date(2026, 3, day)) for day in (17, 18, 19, 20)] == [False, True, True, False]
    assert ClearedSpan(date(2026, 3, 18)).holds(date(9999, 12, 31))


def test_facts_are_read_off_the_plan() -> None:
    walking = milestone(plan(stage()), "walk30")

    facts = facts_of(walking, slot=SlotState.blank, slot_until_on=date(2026, 3, 2))

    assert (facts.earliest_on, facts.target_on, facts.latest_on) == (
        date(2026, 3, 9),
        date(2026, 3, 16),
        date(2026, 3, 23),
    )
    assert (facts.phase, facts.owner, facts.lifts) == (Phase.after_surgery, Owner.patient, None)
    assert (facts.slot, facts.slot_until_on, facts.superseded_on) == (SlotState.blank, date(2026, 3, 2), None)
    assert facts_of(replace(walking, superseded_on=date(2026, 4, 6))).superseded_on == date(2026, 4, 6)
