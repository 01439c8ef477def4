"""Time to an event of a group in which not everybody has been followed to it: Kaplan-Meier.

Who is no longer followed counts as waiting up to the last day that is known of them (right censoring), and is taken to
fare afterwards as those who are followed on. Who is censored on the day of an event was at risk of it. Sources: Kaplan
and Meier 1958, J Am Stat Assoc 53:457-481; Greenwood 1926 for the variance; Kalbfleisch and Prentice 2002, The
Statistical Analysis of Failure Time Data, for bands on the log(-log) scale, which stay between 0 and 1; Brookmeyer and
Crowley 1982, Biometrics 38:29-41, for the limits of the median.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, NamedTuple

Z: Final = NormalDist().inv_cdf(0.975)  # of two-sided 95 %
_HALF: Final = 0.5


class Followed(NamedTuple):
    """One of the group: followed for `days` from day 0, and whether the event came on the last of them."""

    days: int
    reached: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A day on which somebody reached the event or was last followed.

    `at_risk` waited at its beginning. `waiting` is the estimated share that still waits at its end; `low` and `high`
    are its 95 % limits, pointwise, None before the first event and where nobody is left (there the variance is not
    defined).
    """

    day: int
    at_risk: int
    reached: int
    censored: int
    waiting: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Median:
    """The first day by which half have reached the event, with its 95 % limits. None: not within the follow-up."""

    day: int | None
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Curve:
    """A group's course. `steps` are in the order of days, one for each day on which anything happened."""

    steps: tuple[Step, ...]

    @property
    def count(self) -> int:
        """Return how many are in the group."""
        return self.steps[0].at_risk if self.steps else 0

    @property
    def reached(self) -> int:
        """Return how many were seen to reach the event."""
        return sum(step.reached for step in self.steps)

    @property
    def last_day(self) -> int:
        """Return the last day on which anybody was followed; 0 for an empty group."""
        return self.steps[-1].day if self.steps else 0

    @property
    def median(self) -> Median:
        """Return the median: the limits are where the limits of the curve pass one half."""

        def first(values: Iterable[tuple[int, float | None]]) -> int | None:
            return next((day for day, share in values if share is not None and share <= _HALF), None)

        return Median(
            day=first((step.day, step.waiting) for step in self.steps),
            low=first((step.day, step.low) for step in self.steps),
            high=first((step.day, step.high) for step in self.steps),
        )

    def at(self, day: int) -> Step | None:
        """Return the last step up to a day; None before the first, and beyond the follow-up, where nothing is known."""
        index = bisect_right(self.steps, day, key=lambda step: step.day)
        return self.steps[index - 1] if index and day <= self.last_day else None

    def at_risk(self, day: int) -> int:
        """Return how many waited at the beginning of a day."""
        index = bisect_left(self.steps, day, key=lambda step: step.day)
        return self.steps[index].at_risk if index < len(self.steps) else 0


def kaplan_meier(group: Iterable[Followed]) -> Curve:
    """Return the course of a group; an empty one has no steps.

    >>> [(step.day, step.at_risk, round(step.waiting, 3)) for step in kaplan_meier(
    ...     [Followed(6, True), Followed(6, False), Followed(9, True), Followed(10, False)]).steps]
    [(6, 4, 0.75), (9, 2, 0.375), (10, 1, 0.375)]

    Raises ValueError for somebody who was followed for less than 0 days.
    """
    counts = Counter(group)
    days = sorted({followed.days for followed in counts})
    if days and days[0] < 0:
        raise ValueError(f"Expected days from 0, got {days[0]}")
    at_risk, waiting, greenwood = counts.total(), 1.0, 0.0
    steps = []
    for day in days:
        reached, censored = counts[Followed(day, True)], counts[Followed(day, False)]
        waiting *= (at_risk - reached) / at_risk
        if at_risk > reached:
            greenwood += reached / (at_risk * (at_risk - reached))
        steps.append(Step(day, at_risk, reached, censored, waiting, *_limits(waiting, greenwood)))
        at_risk -= reached + censored
    return Curve(tuple(steps))


def _limits(waiting: float, greenwood: float) -> tuple[float, float] | tuple[None, None]:
    """Return the 95 % limits of a share on the log(-log) scale; `greenwood` is its variance over its square."""
    if not 0 < waiting < 1:
        return None, None
    width = Z * math.sqrt(greenwood) / abs(math.log(waiting))
    return waiting ** math.exp(width), waiting ** math.exp(-width)
