"""A run's verdict sees memory and descriptors that grow, and lets pass what warms up."""

import os
from pathlib import Path

import pytest

from tests.soak.gauges import Sample, find_growth, sample

WARM = [(80, 10), (150, 20), (150, 20), (150, 21)]


def told(*held: tuple[float, int]) -> list[Sample]:
    """Return two samples of each."""
    return [Sample(float(number), *each) for number, each in enumerate(each for each in held for _ in range(2))]


@pytest.mark.parametrize(
    ("held", "fault"),
    [
        (WARM, None),
        ([*WARM[:3], (168, 24)], None),
        ([*WARM[:3], (150, 25)], "worker: descriptors grew from 20 to 25"),
        ([*WARM[:3], (170, 20)], "worker: memory grew from 150 to 170 MB"),
        ([(80, 10)], "worker: expected 8 samples or more, got 2"),
    ],
)
def test_what_grows_from_the_second_quarter_to_the_last_is_told(
    held: list[tuple[float, int]], fault: str | None
) -> None:
    assert find_growth({"worker": told(*held)}) == ([] if fault is None else [fault])


def test_a_sample_counts_what_the_kernel_tells() -> None:
    before = sample(os.getpid(), with_children=False)
    with Path(os.devnull).open() as _one, Path(os.devnull).open() as _another:
        after = sample(os.getpid(), with_children=False)

    assert after.descriptors == before.descriptors + 2
    assert after.megabytes > 1
