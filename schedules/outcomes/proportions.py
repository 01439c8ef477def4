"""How often something happened among so many, and how values are spread: with what the numbers can bear.

Source of the interval: Wilson 1927, J Am Stat Assoc 22:209-212, without correction for continuity. It stays between 0
and 1, and says something of 0 among few.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from schedules.outcomes.survival import Z


@dataclass(frozen=True, slots=True)
class Proportion:
    """`count` of `of`, as a share with its 95 % limits; of nobody there is no share."""

    count: int
    of: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Values of a group: how many, and their quartiles. Between `low` and `high` lies the middle half."""

    count: int
    low: float
    median: float
    high: float


def wilson(count: int, of: int) -> Proportion:
    """Return a proportion with its Wilson interval.

    >>> told = wilson(1, 20)
    >>> [round(each or 0, 4) for each in (told.share, told.low, told.high)]
    [0.05, 0.0089, 0.2361]

    Raises ValueError for more than there are, or fewer than none.
    """
    if not 0 <= count <= of:
        raise ValueError(f"Expected 0 to {of}, got {count}")
    if of == 0:
        return Proportion(0, 0, None, None, None)
    share, square = count / of, Z * Z
    middle = share + square / (2 * of)
    width = Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    scale = 1 + square / of
    low = 0.0 if count == 0 else (middle - width) / scale
    high = 1.0 if count == of else (middle + width) / scale
    return Proportion(count, of, share, low, high)


def spread(values: Sequence[float]) -> Spread | None:
    """Return the quartiles of values, by linear interpolation between neighbours (type 7); None for no value."""
    if not values:
        return None
    if len(values) == 1:
        return Spread(1, values[0], values[0], values[0])
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Spread(len(values), low, median(values), high)


def told_apart(counts: Sequence[int], of: int, smallest: int) -> tuple[int | None, ...]:
    """Return how many of `of` are in each of some parts that overlap; None for a count that would tell of few.

    Few are fewer than `smallest`, above none: by the count itself, by what it leaves of all, or by its difference from
    one that is told. Of two that are too near, the first is told.

    >>> told_apart([12, 10, 3, 24], of=25, smallest=5)
    (12, None, None, None)
    """
    told = [0, of]
    shown: list[int | None] = []
    for count in counts:
        is_apart = all(count == each or abs(count - each) >= smallest for each in told)
        shown.append(count if is_apart else None)
        if is_apart:
            told.append(count)
    return tuple(shown)
