"""Our statistics equal those of lifelines, SciPy and NumPy on published data.

The libraries are imported when a test runs: they take seconds, and the product does without them.
"""

import math
import warnings
from collections.abc import Iterator
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.outcomes.comparison import log_rank
from schedules.outcomes.proportions import spread, wilson
from schedules.outcomes.survival import Followed, kaplan_meier

NAMES = ["leukemia 0", "leukemia 1", "rossi 0", "rossi 1", "waltons control", "waltons miR-137"]
PAIRS = list(zip(NAMES[::2], NAMES[1::2], strict=True))


@pytest.fixture(autouse=True)
def _their_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@lru_cache(maxsize=1)
def published() -> dict[str, list[Followed]]:
    """Return the groups of three published data sets, as lifelines hands them out: time and event by group."""
    from lifelines.datasets import load_leukemia, load_rossi, load_waltons

    leukemia, rossi, waltons = load_leukemia(), load_rossi(), load_waltons()
    sets = (
        ("leukemia", leukemia, "t", "status", "Rx"),  # Freireich et al. 1963
        ("rossi", rossi, "week", "arrest", "fin"),  # Rossi, Berk and Lenihan 1980
        ("waltons", waltons, "T", "E", "group"),  # lifespans of fruit flies, Walton; of lifelines
    )
    return {
        f"{name} {group}": [
            Followed(int(days), bool(event)) for days, event in zip(rows[time], rows[seen], strict=True)
        ]
        for name, table, time, seen, by in sets
        for group, rows in table.groupby(by)
    }


@pytest.mark.parametrize("name", NAMES)
def test_it_equals_lifelines(name: str) -> None:
    from lifelines import KaplanMeierFitter
    from lifelines.utils import median_survival_times

    group = published()[name]
    curve = kaplan_meier(group)
    fitted = KaplanMeierFitter().fit([each.days for each in group], [each.reached for each in group])

    bands, survival, events = fitted.confidence_interval_, fitted.survival_function_, fitted.event_table
    assert [step.day for step in curve.steps] == [day for day in survival.index if day > 0 or 0 in dict(group)]
    for step in curve.steps:
        assert step.waiting == pytest.approx(survival["KM_estimate"][step.day], abs=1e-9)
        row = events.loc[step.day]
        assert (step.at_risk, step.reached, step.censored) == (row["at_risk"], row["observed"], row["censored"])
        if step.low is not None and step.high is not None:
            assert (step.low, step.high) == pytest.approx(tuple(bands.loc[step.day]), abs=1e-9)
    told = [fitted.median_survival_time_, *median_survival_times(bands).iloc[0]]
    median = curve.median
    mine = [math.inf if each is None else each for each in (median.day, median.low, median.high)]
    assert mine == told


@pytest.mark.parametrize("name", NAMES)
def test_it_equals_scipy(name: str) -> None:
    import numpy as np
    from scipy import stats

    group = published()[name]
    curve = kaplan_meier(group)
    times, censored = np.array([float(each.days) for each in group]), np.array([not each.reached for each in group])
    fitted = stats.ecdf(stats.CensoredData.right_censored(times, censored)).sf
    band = fitted.confidence_interval(method="log-log")

    for step in curve.steps:
        if step.low is not None:
            assert step.waiting == pytest.approx(float(fitted.evaluate(step.day)), abs=1e-9)
            assert step.low == pytest.approx(float(band.low.evaluate(step.day)), abs=1e-9)
            assert step.high == pytest.approx(float(band.high.evaluate(step.day)), abs=1e-9)


@pytest.mark.parametrize("names", PAIRS)
def test_the_test_of_two_groups_equals_lifelines_and_scipy(names: tuple[str, str]) -> None:
    from lifelines.statistics import logrank_test
    from scipy import stats

    first, second = (published()[name] for name in names)

    told = log_rank(kaplan_meier(first), kaplan_meier(second))

    assert told is not None
    theirs = logrank_test(
        [each.days for each in first],
        [each.days for each in second],
        [each.reached for each in first],
        [each.reached for each in second],
    )
    samples = [
        stats.CensoredData.right_censored([float(each.days) for each in group], [not each.reached for each in group])
        for group in (first, second)
    ]
    scipys = stats.logrank(*samples)
    assert told.chi_square == pytest.approx(theirs.test_statistic, rel=1e-9)
    assert told.p_value == pytest.approx(theirs.p_value, rel=1e-9)
    assert told.chi_square == pytest.approx(scipys.statistic**2, rel=1e-9)
    assert told.p_value == pytest.approx(scipys.pvalue, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(("count", "of"), [(0, 10), (1, 10), (5, 10), (10, 10), (3, 47), (0, 1), (812, 10_000)])
def test_the_interval_equals_scipys(count: int, of: int) -> None:
    from scipy import stats

    told = wilson(count, of)

    theirs = stats.binomtest(count, of).proportion_ci(method="wilson")
    assert told.share == count / of
    assert (told.low, told.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(st.lists(st.integers(0, 1440), min_size=1, max_size=80))
def test_quartiles_equal_numpys(values: list[int]) -> None:
    import numpy as np

    told = spread(values)

    assert told is not None
    assert (told.low, told.median, told.high) == pytest.approx(tuple(np.quantile(values, [0.25, 0.5, 0.75])), abs=1e-9)
