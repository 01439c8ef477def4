"""Opioid taper: what the prescriber allows a day, step by step, and whether what was taken is above it. Pure.

Morphine milligram equivalents (MME) are the prescriber's own figures, of one dose and of each step: no conversion
factor was read in a source, so none is here. In tenths, so that they are whole numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class TaperStep:
    """The most that may be taken a day from a day on, until the next step."""

    from_on: date
    most_mme_tenths: int


def step_on(steps: Sequence[TaperStep], on: date) -> TaperStep | None:
    """Return the step that holds on a day, of steps in the order of their days; None before the first."""
    return next((step for step in reversed(steps) if step.from_on <= on), None)


def is_above_step(step: TaperStep | None, mme_tenths: int) -> bool:
    """Return whether a day's dose is above its step. Before the first step nothing is."""
    return step is not None and mme_tenths > step.most_mme_tenths
