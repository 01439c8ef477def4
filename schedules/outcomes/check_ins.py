"""How many check-ins were asked for and how many were done. Pure: days in, counts out.

The rhythm is that of the worklist, a default that no source states (grade E): daily to day 14, twice a week to day 42,
weekly to day 90. Each window asks for one check-in, on whichever of its days.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import cycle
from typing import Final

# Through which day after surgery, and how many days its windows last, in turn: two windows make a week of 4 and 3 days.
RHYTHM: Final = ((14, (1,)), (42, (4, 3)), (90, (7,)))
LAST_DAY: Final = RHYTHM[-1][0]
LONGEST_WINDOW: Final = max(days for _, several in RHYTHM for days in several)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of so many that were asked for."""

    done: int = 0
    asked: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.done + other.done, self.asked + other.asked)


def windows() -> Iterator[tuple[int, int]]:
    """Yield the first and last day after surgery of each window.

    >>> list(windows())[12:18], list(windows())[-1]
    ([(13, 13), (14, 14), (15, 18), (19, 21), (22, 25), (26, 28)], (85, 90))
    """
    first = 1
    for through, lengths in RHYTHM:
        for length in cycle(lengths):
            if first > through:
                break
            last = min(first + length - 1, through)
            yield first, last
            first = last + 1


def tally(day0: date, *, joined_on: date, since: date, until: date, reported_on: Collection[date]) -> Tally:
    """Return how many of the check-ins whose windows ended from `since` to `until` were done, for one course of care.

    Nothing is asked of who has not joined: a window that begins before that day does not count.
    """
    told, days = Tally(), frozenset(reported_on)
    for first, last in windows():
        begins, ends = day0 + timedelta(days=first), day0 + timedelta(days=last)
        if begins >= joined_on and since <= ends <= until:
            is_done = any(begins + timedelta(days=each) in days for each in range(last - first + 1))
            told += Tally(int(is_done), 1)
    return told
