"""Counts of windows: whoever reads them, and knows the rule, works out no small group. Held to all possible worlds."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schedules.outcomes.windows import Window, told_part, told_windows

CELL = 3
LEAST = 4 * CELL  # in proportion to the smallest group and the smallest cell of the clinic's settings


class World(NamedTuple):
    """Who there is: followed through both windows, with the event early, in between or never; or through one alone."""

    early: int
    between: int
    never: int
    early_short: int
    never_short: int

    @property
    def short(self) -> Window:
        return Window(sum(self), self.early + self.early_short)

    @property
    def long(self) -> Window:
        return Window(self.early + self.between + self.never, self.early + self.between)

    @property
    def groups(self) -> tuple[int, ...]:
        """Return the sizes of all groups that the two windows part people into, and of what they leave."""
        short, long = self.short, self.long
        counted = (short.count, long.count, short.of - short.count, long.of - long.count)
        return (*self, *counted, long.of - self.early, self.never + self.never_short)

    @property
    def published(self) -> tuple[int | None, ...]:
        return (self.short.of, self.long.of, *told_windows([self.short, self.long], CELL))


def worlds(followed: int, less: int) -> Iterator[World]:
    """Yield all ways in which so many are followed through both windows, and so many through the short one alone."""
    for early in range(followed + 1):
        for between in range(followed - early + 1):
            for early_short in range(less + 1):
                yield World(early, between, followed - early - between, early_short, less - early_short)


@cache
def by_published(followed: int, less: int) -> dict[tuple[int | None, ...], list[World]]:
    found = defaultdict(list)
    for world in worlds(followed, less):
        found[world.published].append(world)
    return dict(found)


def is_few(count: int) -> bool:
    return 0 < count < CELL


SIZES = st.tuples(st.integers(LEAST, LEAST + 4), st.sampled_from([0, 3, 4, 6]))


@given(SIZES, st.data())
def test_whoever_knows_the_rule_works_out_the_size_of_no_small_group(
    sizes: tuple[int, int], data: st.DataObject
) -> None:
    alike = data.draw(st.sampled_from(list(by_published(*sizes).values())))

    for place, sizes_of_group in enumerate(zip(*(world.groups for world in alike), strict=True)):
        possible = set(sizes_of_group)
        assert len(possible) > 1 or not is_few(possible.pop()), (place, alike[0])


@given(SIZES, st.data())
def test_what_is_told_does_not_show_by_itself_that_a_group_is_small(
    sizes: tuple[int, int], data: st.DataObject
) -> None:
    world = data.draw(st.sampled_from(list(worlds(*sizes))))
    told = world.published[2:]
    assume(told != (None, None))

    alike = [
        each
        for each in worlds(*sizes)
        if all(one in (None, window.count) for one, window in zip(told, (each.short, each.long), strict=True))
    ]

    for sizes_of_group in zip(*(each.groups for each in alike), strict=True):
        assert not all(map(is_few, sizes_of_group)), world


@given(SIZES, st.data())
def test_what_tells_of_nobody_small_is_told(sizes: tuple[int, int], data: st.DataObject) -> None:
    world = data.draw(st.sampled_from(list(worlds(*sizes))))
    assume(not any(map(is_few, world.groups)))

    told = told_windows([world.short, world.long], CELL)

    assert told == (world.short.count, world.long.count)


class Part(NamedTuple):
    """Some of all: who did what was asked, and who did not."""

    some: int
    others: int

    @property
    def told(self) -> tuple[int | None, int | None]:
        return told_part(self.some, sum(self), CELL)


PARTS = [Part(some, others) for some in range(LEAST) for others in range(LEAST)]


@given(st.sampled_from(PARTS))
def test_whoever_knows_the_rule_works_out_no_small_part_of_however_many(part: Part) -> None:
    alike = [each for each in PARTS if each.told == part.told]

    for sizes in zip(*((*each, sum(each)) for each in alike), strict=True):
        assert len(set(sizes)) > 1 or not is_few(sizes[0]), part


@given(st.sampled_from(PARTS))
def test_a_part_is_told_if_neither_it_nor_what_it_leaves_of_enough_is_small(part: Part) -> None:
    is_told = sum(part) in {0, *range(2 * CELL, 2 * LEAST)} and not any(map(is_few, part))

    assert (part.told[0] == part.some) == is_told
    assert (part.told[1] is None) == is_few(sum(part))


class Missing(NamedTuple):
    """Surgeries of which two values are known, one of them, or none."""

    both: int
    first: int
    second: int
    none: int

    @property
    def groups(self) -> tuple[int, ...]:
        """Return the sizes of all groups that the two values part the surgeries into."""
        return (*self, self.of - self.none, *self.missing, *(self.of - each for each in self.missing))

    @property
    def of(self) -> int:
        return sum(self)

    @property
    def missing(self) -> tuple[int, int]:
        return self.second + self.none, self.first + self.none

    @property
    def published(self) -> tuple[int | None, ...]:
        return tuple(told_part(self.of - each, self.of, CELL)[0] for each in self.missing)


@cache
def by_missing(of: int) -> dict[tuple[int | None, ...], list[Missing]]:
    found = defaultdict(list)
    for both in range(of + 1):
        for first in range(of - both + 1):
            for second in range(of - both - first + 1):
                world = Missing(both, first, second, of - both - first - second)
                found[world.published].append(world)
    return dict(found)


@given(st.integers(LEAST, LEAST + 4), st.data())
def test_of_how_few_values_are_missing_is_worked_out_by_nobody(of: int, data: st.DataObject) -> None:
    alike = data.draw(st.sampled_from(list(by_missing(of).values())))

    for place, sizes in enumerate(zip(*(world.groups for world in alike), strict=True)):
        assert len(set(sizes)) > 1 or not is_few(sizes[0]), (place, alike[0])


@pytest.mark.parametrize(
    ("short", "long", "told"),
    [
        (Window(40, 6), Window(40, 6), (6, 6)),  # nobody in between
        (Window(40, 6), Window(40, 11), (6, 11)),
        (Window(40, 6), Window(40, 10), (6, None)),
        (Window(40, 0), Window(40, 4), (0, None)),
        (Window(40, 36), Window(40, 40), (None, 40)),  # four without it
        (Window(46, 5), Window(40, 0), (5, None)),  # one of the six who were followed for less had none
        (Window(60, 12), Window(40, 10), (12, 10)),
        (Window(45, 5), Window(40, 10), (5, 10)),
        (Window(45, 8), Window(40, 10), (8, 10)),
        (Window(45, 13), Window(40, 8), (13, 8)),  # it may be that all five of them were early
    ],
)
def test_a_count_is_not_told_beside_one_that_it_is_too_near(
    short: Window, long: Window, told: tuple[int | None, int | None]
) -> None:
    assert told_windows([short, long], 5) == told


@pytest.mark.parametrize(
    "windows", [[Window(4, 5)], [Window(5, -1)], [Window(20, 5), Window(21, 5)], [Window(21, 5), Window(20, 5)]]
)
def test_what_cannot_be_is_refused(windows: list[Window]) -> None:
    with pytest.raises(ValueError, match="Expected windows of rising length"):
        told_windows(windows, 5)
