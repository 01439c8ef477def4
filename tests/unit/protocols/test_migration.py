"""A move to another version never hides what was recorded."""

from dataclasses import replace
from datetime import date

import pytest

from schedules.plan.diff import EpisodeDiff, ItemChange, MilestoneChange
from schedules.plan.migration import Obstacle, RecordedItem, recorded_against
from schedules.plan.protocol import Protocol
from schedules.plan.vocabulary import MilestoneKind, Phase, Procedure
from tests.unit.plan.samples import protocol
from tests.unit.protocols.own_versions import own

WITHOUT_WALKING = own("MD-MISS", ("walk30      = {", "# walk30 = {"))
OTHER_STEPS = own("MD-MISS", ("limit_lb = 35", "limit_lb = 30"))
OTHER_GRADES = own("MD-MISS", ('through = 14, limit_lb = 10, grade = "D"', 'through = 14, limit_lb = 10, grade = "C"'))
OTHER_END = own("MD-MISS", ("unrestricted_from = 85", 'unrestricted_from = 85\nunrestricted_condition = "seen"'))


def item(key: str, change: ItemChange = ItemChange.kept, *, surgery_id: str = "moves") -> MilestoneChange:
    kind = MilestoneKind.lifting_step if key.startswith("lifting") else key
    return MilestoneChange(
        id=key, surgery_id=surgery_id, key=key, kind=kind, occurrence=2, phase=Phase.after_surgery, change=change,
        earliest_on=None, target_on=date(2026, 3, 16), latest_on=None, eligible_on=None,
        binding_procedure=Procedure.lumbar_microdiscectomy, binding_stage=2,
    )  # fmt: skip


def against(newer: Protocol, *items: MilestoneChange) -> tuple[RecordedItem, ...]:
    diff = EpisodeDiff(milestones=items, restrictions=(), reminders=(), fingerprint="")
    return recorded_against(diff, {"moves": (protocol("MD-MISS"), newer)})


def test_what_was_recorded_and_is_left_out_has_no_place() -> None:
    assert against(WITHOUT_WALKING, item("walk30"), item("drive")) == (RecordedItem("walk30", 2, Obstacle.no_place),)


@pytest.mark.parametrize("change", [each for each in ItemChange if each is not ItemChange.kept])
def test_what_was_not_recorded_stands_in_no_way(change: ItemChange) -> None:
    assert against(WITHOUT_WALKING, item("walk30", change)) == ()


def test_what_the_old_version_did_not_have_either_stands_in_no_way() -> None:
    assert against(WITHOUT_WALKING, item("full_moon"), item("walk30", surgery_id="stays")) == ()


@pytest.mark.parametrize(
    ("newer", "obstacles"),
    [(OTHER_STEPS, 1), (OTHER_END, 1), (OTHER_GRADES, 0), (replace(protocol("MD-MISS"), version=2), 0)],
)
def test_a_cleared_lifting_step_never_comes_to_lift_another(newer: Protocol, obstacles: int) -> None:
    expected = (RecordedItem("lifting_4", 2, Obstacle.step_changed),) * obstacles

    assert against(newer, item("lifting_4")) == expected
