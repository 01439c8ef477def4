"""How many check-ins were asked for and how many were done. Pure: days in, counts out."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of so many that were asked for."""

    done: int = 0
    asked: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.done + other.done, self.asked + other.asked)


def tally(windows: Iterable[tuple[date, date]], *, joined_on: date, reported_on: Collection[date]) -> Tally:
    """Return how many of some windows, each from a first to a last day, have a report, for one course of care.

    Nothing is asked of who has not joined: a window that begins before that day does not count.
    """
    told, days = Tally(), frozenset(reported_on)
    for first, last in windows:
        if first >= joined_on:
            is_done = any(first + timedelta(days=each) in days for each in range((last - first).days + 1))
            told += Tally(int(is_done), 1)
    return told
