"""What a change of an episode does to each milestone and restriction."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from schedules.plan.diff import ItemChange
from schedules.plan.items import PlannedMilestone
from schedules.plan.replan import (
    Decided,
    Placed,
    Stored,
    Surgeries,
    days_of,
    decide_milestones,
    decide_restrictions,
)
from schedules.plan.vocabulary import CancelReason, PastPolicy, RestrictionKind
from tests.unit.plan.samples import milestone, plan, restrictions, stage

DRIVE = milestone(plan(stage()), "drive")
LATER = milestone(plan(stage(day0=date(2026, 3, 9))), "drive")
SECOND = milestone(plan(stage(day0=date(2026, 4, 6), ordinal=2)), "drive", 2)
LIFTING = restrictions(plan(stage()), RestrictionKind.lifting)[0]
DAY0S = {1: date(2026, 3, 2), 2: date(2026, 4, 6), 3: None}
SURGERIES = Surgeries(day0s=DAY0S)
K = ItemChange


def wanted(planned: PlannedMilestone) -> dict[str, Placed[PlannedMilestone]]:
    return {"new": Placed("new", "s", planned)}


@pytest.mark.parametrize(
    ("was", "planned", "change"),
    [
        (DRIVE, DRIVE, K.unchanged),
        (DRIVE, LATER, K.moved),
        (DRIVE, replace(DRIVE, earliest_on=date(2026, 3, 8)), K.moved),
        (DRIVE, replace(DRIVE, latest_on=date(2026, 3, 18)), K.moved),
        (DRIVE, replace(DRIVE, target_on=date(2026, 3, 15)), K.moved),
        (DRIVE, replace(DRIVE, eligible_on=date(2026, 3, 18)), K.moved),
        (DRIVE, replace(DRIVE, note="another"), K.changed),
        (DRIVE, replace(LATER, past_policy=PastPolicy.skip), K.past),
        (replace(DRIVE, past_policy=PastPolicy.catch_up), replace(DRIVE, past_policy=PastPolicy.skip), K.changed),
        (DRIVE, replace(LATER, superseded_on=date(2026, 4, 6), superseded_by=2), K.superseded),
        (replace(DRIVE, superseded_on=date(2026, 4, 6)), replace(DRIVE, superseded_on=date(2026, 4, 7)), K.changed),
    ],
)
def test_what_happens_to_a_milestone_that_stands(
    was: PlannedMilestone, planned: PlannedMilestone, change: ItemChange
) -> None:
    decided = decide_milestones({"new": Stored("s", was)}, wanted(planned), SURGERIES)

    assert decided == [Decided("new", "s", change, planned, was)]


@pytest.mark.parametrize(("policy", "change"), [(None, K.added), (PastPolicy.catch_up, K.past)])
def test_a_milestone_that_is_new_or_was_cancelled_is_added(policy: PastPolicy | None, change: ItemChange) -> None:
    planned = replace(DRIVE, past_policy=policy)
    cancelled = {"new": Stored("old surgery", LATER, is_cancelled=True)}

    for stored in ({}, cancelled):
        assert decide_milestones(stored, wanted(planned), SURGERIES) == [Decided("new", "s", change, planned)]


def test_what_is_settled_keeps_its_days_and_learns_what_supersedes_it() -> None:
    moved = replace(LATER, superseded_on=date(2026, 4, 6), superseded_by=2)
    settled = {"new": Stored("own", DRIVE, is_settled=True)}

    decided = decide_milestones(settled, wanted(moved), SURGERIES)

    kept = replace(DRIVE, superseded_on=date(2026, 4, 6), superseded_by=2)
    assert decided == [Decided("new", "own", K.kept, kept, DRIVE)]


@pytest.mark.parametrize(
    ("surgeries", "change", "reason"),
    [
        (Surgeries(frozenset({"own"}), frozenset({"own"}), DAY0S), K.cancelled, CancelReason.surgery_cancelled),
        (Surgeries(repinned=frozenset({"own"}), day0s=DAY0S), K.merged, CancelReason.merged),
        (Surgeries(repinned=frozenset({"own"}), day0s={1: None, 2: None}), K.cancelled, CancelReason.protocol_changed),
        (Surgeries(day0s={2: date(2026, 4, 6)}), K.cancelled, CancelReason.not_applicable),
        (Surgeries(day0s={1: date(2026, 4, 7), 2: date(2026, 4, 6)}), K.cancelled, CancelReason.not_applicable),
        (Surgeries(day0s={1: date(2026, 4, 6), 2: date(2026, 4, 6)}), K.merged, CancelReason.merged),
    ],
)
def test_what_no_longer_applies_is_cancelled_with_its_reason(
    surgeries: Surgeries, change: ItemChange, reason: CancelReason
) -> None:
    decided = decide_milestones({"old": Stored("own", DRIVE)}, wanted(SECOND), surgeries)

    assert decided[0].id == "new"
    assert decided[1:] == [Decided("old", "own", change, DRIVE, DRIVE, reason)]


def test_what_was_cancelled_and_is_not_wanted_is_left_alone() -> None:
    gone = {"old": Stored("own", DRIVE, is_cancelled=True), "older": Stored("own", DRIVE)}

    assert [each.id for each in decide_milestones(gone, {}, SURGERIES)] == ["older"]


def test_what_is_settled_is_not_superseded_by_another_place_of_its_own_stage() -> None:
    settled = {"old": Stored("own", DRIVE, is_settled=True)}

    assert decide_milestones(settled, wanted(DRIVE), SURGERIES)[-1] == Decided("old", "own", K.kept, DRIVE, DRIVE)


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_what_is_settled_stays_without_a_place_and_names_the_first_stage_after_it(*, is_cancelled: bool) -> None:
    third = replace(SECOND, occurrence=3)
    places = wanted(SECOND) | {"third": Placed("third", "s3", third)}
    day0s = DAY0S | {3: date(2026, 3, 23)}
    stored = {"old": Stored("own", DRIVE, is_cancelled=is_cancelled, is_settled=True)}

    decided = decide_milestones(stored, places, Surgeries(day0s=day0s))
    alone = decide_milestones(stored, {}, SURGERIES)

    kept = replace(DRIVE, superseded_on=date(2026, 3, 23), superseded_by=3)
    assert decided[-1] == Decided("old", "own", K.kept, kept, DRIVE)
    assert alone == [Decided("old", "own", K.kept, DRIVE, DRIVE)]


def test_restrictions_move_end_and_are_never_merged() -> None:
    moved = replace(LIFTING, from_on=date(2026, 3, 9), through_on=date(2026, 3, 23))
    stored = {
        "same": Stored("s", LIFTING),
        "moved": Stored("s", LIFTING),
        "gone": Stored("own", LIFTING),
        "called off": Stored("off", LIFTING),
        "long gone": Stored("own", LIFTING, is_cancelled=True),
    }
    places = {
        "same": Placed("same", "s", LIFTING),
        "moved": Placed("moved", "s", moved),
        "new": Placed("new", "s2", LIFTING),
    }

    decided = decide_restrictions(stored, places, Surgeries(cancelled=frozenset({"off"}), day0s=DAY0S))

    assert decided == [
        Decided("same", "s", K.unchanged, LIFTING, LIFTING),
        Decided("moved", "s", K.moved, moved, LIFTING),
        Decided("new", "s2", K.added, LIFTING),
        Decided("gone", "own", K.cancelled, LIFTING, LIFTING, CancelReason.not_applicable),
        Decided("called off", "off", K.cancelled, LIFTING, LIFTING, CancelReason.surgery_cancelled),
    ]


@pytest.mark.parametrize("name", ["from_on", "through_on", "eligible_on"])
def test_every_day_of_a_restriction_counts_as_a_move(name: str) -> None:
    days: dict[str, Any] = {name: date(2026, 5, 1)}
    other = replace(LIFTING, **days)

    assert days_of(LIFTING) == (date(2026, 3, 2), date(2026, 3, 2) + timedelta(days=14), None)
    assert decide_restrictions({"x": Stored("s", LIFTING)}, {"x": Placed("x", "s", other)}, SURGERIES) == [
        Decided("x", "s", K.moved, other, LIFTING)
    ]
