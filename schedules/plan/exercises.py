"""What patients tick off day by day while they recover, by phase: the protection of spine and muscles first. Data.

No dose: how often and how much is nobody's figure here, or the physical therapist's. A phase follows from what holds,
never from a day: protection lasts while the limit of bending and twisting does, which a clinician ends, and therapy is
asked about once it has begun. All are drafts that a clinician of the clinic reads before use.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schedules.plan.protocol import Text
from schedules.plan.vocabulary import Grade, MilestoneKind, RestrictionKind


class ExercisePhase(StrEnum):
    """A phase of rehabilitation."""

    protect = "protect"  # while bending and twisting are limited
    therapy = "therapy"  # physical therapy has begun


@dataclass(frozen=True, slots=True)
class Exercise:
    """One thing to do. It is asked about while `limit` holds, or once the milestone `after` was reached."""

    key: str
    phase: ExercisePhase
    text: Text
    limit: RestrictionKind | None = None
    after: MilestoneKind | None = None
    grade: Grade = Grade.E
    sources: tuple[str, ...] = ()


_BENDING: Final = RestrictionKind.bending_twisting
EXERCISES: Final = (
    Exercise(
        "spine_straight",
        ExercisePhase.protect,
        Text(
            en="I got up, turned and reached without bending or twisting my spine.",
            es="Me levanté, giré y alcancé cosas sin doblar ni girar la columna.",
        ),
        limit=_BENDING,
        sources=("S72",),
    ),
    Exercise(
        "walk",
        ExercisePhase.protect,
        Text(en="I walked a little, several times.", es="Caminé un poco, varias veces."),
        limit=_BENDING,
        sources=("S56", "S57"),
    ),
    Exercise(
        "sit_breaks",
        ExercisePhase.protect,
        Text(
            en="I stood up after 20 minutes of sitting at most.",
            es="Me levanté tras 20 minutos sentado como máximo.",
        ),
        limit=RestrictionKind.sitting,
        sources=("S61",),
    ),
    Exercise(
        "therapy",
        ExercisePhase.therapy,
        Text(
            en="I did my exercises as my physical therapist said.",
            es="Hice mis ejercicios como dijo mi fisioterapeuta.",
        ),
        after=MilestoneKind.pt_start,
    ),
)
EXERCISE_OF_KEY: Final = {each.key: each for each in EXERCISES}
ASKED_WHILE: Final = frozenset(each.limit for each in EXERCISES if each.limit is not None)
ASKED_AFTER: Final = frozenset(each.after for each in EXERCISES if each.after is not None)


def exercises_asked(limits: Collection[RestrictionKind], reached: Collection[str]) -> tuple[Exercise, ...]:
    """Return what is asked about while `limits` hold and the milestones of the kinds `reached` were, in their order."""
    return tuple(each for each in EXERCISES if each.limit in limits or each.after in reached)
