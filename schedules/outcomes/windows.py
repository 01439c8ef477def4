"""Which counts of shorter and longer windows may stand beside each other, so that none tells of few. Pure.

Who has been followed through a longer window has been through the shorter one too. So one count less the other leaves
those with the event in between, or those who are counted in the shorter window alone, within bounds that sizes set.
Sizes are no secret; but where just a few less were followed for longer, whoever counts them counts the same people in
both windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Bounds = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """Of `of` who were followed through it, `count` had the event within it."""

    of: int
    count: int


def told_windows(windows: Sequence[Window], smallest: int) -> tuple[int | None, ...]:
    """Return the counts of windows of rising length, None for each that would tell of few, alone or beside another.

    Few are fewer than `smallest`, above none: with the event, without it, or in between two windows. What bounds tell
    of a group counts, not only a single difference. Of two that are too near, that of the shorter window is told.

    >>> told_windows([Window(40, 6), Window(40, 8)], smallest=5)
    (6, None)
    >>> told_windows([Window(40, 6), Window(30, 8)], smallest=5)
    (6, 8)
    >>> told_windows([Window(40, 36), Window(30, 3)], smallest=5)
    (None, None)

    Raises ValueError if more were followed for longer or just a few less, or more had the event than were followed.
    """
    _check(windows, smallest)
    told: list[Window] = []
    shown: list[int | None] = []
    for each in windows:
        is_shown = not _tells_of_few(each, smallest) and not any(_give_away(one, each, smallest) for one in told)
        shown.append(each.count if is_shown else None)
        told += [each] if is_shown else []
    return tuple(shown)


def told_part(count: int, of: int, smallest: int) -> tuple[int | None, int | None]:
    """Return how many, and of how many, as both may be told: as of one window. None for what would tell of few.

    Of fewer than twice `smallest` some are few whatever the count, unless it is none or all: then only `of` is told.

    >>> told_part(30, 40, smallest=5), told_part(36, 40, smallest=5), told_part(0, 9, smallest=5)
    ((30, 40), (None, 40), (None, 9))
    """
    if are_few(of, smallest):
        return None, None
    (told,) = told_windows([Window(of, count)], smallest)
    return told if of == 0 or of >= 2 * smallest else None, of


def are_few(count: int, smallest: int) -> bool:
    """Return whether a count is one of few: above none and below the smallest that may be told."""
    return 0 < count < smallest


def _check(windows: Sequence[Window], smallest: int) -> None:
    fewer = [before.of - after.of for before, after in pairwise(windows)]
    is_possible = all(0 <= each.count <= each.of for each in windows) and all(each >= 0 for each in fewer)
    if not is_possible or any(are_few(each, smallest) for each in fewer):
        raise ValueError(f"Expected windows of rising length, with as many followed or {smallest} fewer, got {windows}")


def _tells_of_few(window: Window, smallest: int) -> bool:
    return any(are_few(each, smallest) for each in (window.count, window.of - window.count))


def _give_away(short: Window, long: Window, smallest: int) -> bool:
    """Return whether both counts together show that somewhere there are few."""
    return any(least > 0 and most < smallest for least, most in _groups_of(short, long))


def _groups_of(short: Window, long: Window) -> tuple[Bounds, ...]:
    """Return between which bounds lies what is not told itself.

    All follows from how many of those followed for longer had the event early: the last of whom were not, at least.
    """
    early_least, early_most = max(0, short.count - (short.of - long.of)), min(short.count, long.count)
    followed_less = short.of - long.of
    return (
        (early_least, early_most),
        (long.count - early_most, long.count - early_least),  # in between the ends of the windows
        (long.of - early_most, long.of - early_least),  # not early, of those followed for longer
        (short.count - early_most, short.count - early_least),  # early, of those followed for less
        (followed_less - short.count + early_least, followed_less - short.count + early_most),  # none of these
    )
