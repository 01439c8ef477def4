"""Whether two groups differ in the time to an event: the log-rank test. Says nothing of why they do.

Source: Mantel 1966, Cancer Chemother Rep 50:163-170; Peto and Peto 1972, J R Stat Soc A 135:185-206. Not adjusted for
anything: a small p value is no proof that the approach is the cause.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from schedules.outcomes.survival import Curve


@dataclass(frozen=True, slots=True)
class LogRank:
    """The test's statistic, on one degree of freedom, and its two-sided p value."""

    chi_square: float
    p_value: float


def log_rank(first: Curve, second: Curve) -> LogRank | None:
    """Return the test of two groups; None where it tells nothing: a group is empty, or nobody reached the event."""
    difference = variance = 0.0
    for at_risk, of_first, reached, reached_of_first in _tables(first, second):
        share = of_first / at_risk
        difference += reached_of_first - reached * share
        if at_risk > 1:
            variance += reached * share * (1 - share) * (at_risk - reached) / (at_risk - 1)
    if variance <= 0:
        return None
    chi_square = difference**2 / variance
    return LogRank(chi_square, math.erfc(math.sqrt(chi_square / 2)))


def _tables(first: Curve, second: Curve) -> Sequence[tuple[int, int, int, int]]:
    """Return, for each day with an event: at risk, of these in the first group, events, of these in the first group."""
    of_first = {step.day: step.reached for step in first.steps if step.reached}
    of_second = {step.day: step.reached for step in second.steps if step.reached}
    tables = []
    for day in sorted(of_first.keys() | of_second.keys()):
        waits = first.at_risk(day)
        reached = of_first.get(day, 0)
        tables.append((waits + second.at_risk(day), waits, reached + of_second.get(day, 0), reached))
    return tables
