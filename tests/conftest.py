"""Wires the fixtures and the run as a whole. The fixtures themselves stand in `tests/database.py`."""

from collections.abc import Generator

import hypothesis
import pytest

from tests.database import (  # noqa: F401
    clock,
    database_url,
    databases,
    empty_database_url,
    engine,
    owner_url,
    pytest_generate_tests,
    service_engine,
    session,
    settings,
)
from tests.needs import account_lines, fail_if_skipped

hypothesis.settings.register_profile("tests", deadline=None, database=None, print_blob=True, max_examples=50)
hypothesis.settings.load_profile("tests")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let no test be left out where that counts as a failure."""
    report = yield
    fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let no module be left out where that counts as a failure."""
    report = yield
    fail_if_skipped(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what was left out, why, and how to have it run."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("left out")
    for line in account_lines(skipped):
        terminalreporter.write_line(line)
