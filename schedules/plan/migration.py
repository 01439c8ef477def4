"""What stands against moving a patient to another protocol version: nothing that was recorded may be hidden by it.

Pure: knows the versions and what the move would do, no clinic.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from schedules.plan.diff import EpisodeDiff, ItemChange, MilestoneChange
from schedules.plan.protocol import Lifting, Protocol
from schedules.plan.vocabulary import MilestoneKind


class Obstacle(StrEnum):
    """Why a patient stays. `no_place`: the new version has no such item. `step_changed`: it has other lifting steps."""

    no_place = "no_place"
    step_changed = "step_changed"


@dataclass(frozen=True, slots=True)
class RecordedItem:
    """What was achieved, skipped or cleared and stands against the move."""

    key: str
    occurrence: int
    obstacle: Obstacle


def recorded_against(diff: EpisodeDiff, versions: Mapping[str, tuple[Protocol, Protocol]]) -> tuple[RecordedItem, ...]:
    """Return what was recorded under the old version and has no place in the new one.

    `versions` are the old and the new protocol of each surgery that moves, by its id. A lifting step is known by its
    number: with other phases the clearance of one would lift another.
    """
    kept = (each for each in diff.milestones if each.change is ItemChange.kept and each.surgery_id in versions)
    return tuple(found for each in kept for found in _against(each, *versions[each.surgery_id]))


def _against(item: MilestoneChange, older: Protocol, newer: Protocol) -> Iterator[RecordedItem]:
    if item.kind == MilestoneKind.lifting_step:
        if _steps(older.lifting) != _steps(newer.lifting):
            yield RecordedItem(item.key, item.occurrence, Obstacle.step_changed)
    elif older.find_milestone(item.key) is not None and newer.find_milestone(item.key) is None:
        yield RecordedItem(item.key, item.occurrence, Obstacle.no_place)


def _steps(lifting: Lifting) -> tuple[object, ...]:
    phases = tuple((each.from_days, each.through_days, each.limit_lb, each.condition) for each in lifting.phases)
    return phases, lifting.unrestricted_from_days, lifting.unrestricted_condition
