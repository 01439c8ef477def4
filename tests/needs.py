"""What a test may need from the machine, and the account at the end of what was left out for want of it.

With CI=true nothing may be left out: a skip is a failure.
"""

import os
from collections.abc import Iterator, Sequence
from typing import NoReturn

import pytest

_PREFIX = "needs "
_PACKAGE = " (Debian package: "


def need(what: str, *, package: str, why: str) -> NoReturn:
    """Leave out the running test because the machine lacks `what`, which the Debian `package` installs."""
    pytest.skip(f"{_PREFIX}{what}{_PACKAGE}{package}): {why}")


def skips_fail() -> bool:
    """Return whether this run is one in which nothing may be left out."""
    return os.environ.get("CI", "").lower() == "true"


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure where nothing may be left out."""
    if report.skipped and skips_fail() and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"left out, which CI does not allow: {reason(report)}"


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why a test was skipped."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def account_lines(reports: Sequence[pytest.TestReport | pytest.CollectReport]) -> Iterator[str]:
    """Yield one line for each reason with its number of tests, and the one line that installs what is missing."""
    reasons = [reason(report) for report in reports]
    for text in sorted(set(reasons)):
        yield f"{reasons.count(text)} left out: {text}"
    packages = {text.partition(_PACKAGE)[2].partition(")")[0] for text in reasons if _PACKAGE in text}
    if packages:
        yield f"To run them too: apt-get install -y {' '.join(sorted(packages))}"
