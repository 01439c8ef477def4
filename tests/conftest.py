"""Wires the fixtures and the run as a whole. The fixtures themselves stand in `tests/database.py`."""

from collections.abc import Generator, Iterator

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
    stored_clinic,
)
from tests.needs import account_lines, fail_if_skipped
from tests.speed import keep_compiled_modules, look_for_no_garbage, remember_routes, seldom_look_for_garbage

hypothesis.settings.register_profile("tests", deadline=None, database=None, print_blob=True, max_examples=50)
hypothesis.settings.load_profile("tests")


def pytest_configure() -> None:
    """Begin before a module of the service's is imported, and before another process of the run starts."""
    keep_compiled_modules()
    look_for_no_garbage()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that take long, so that no process is left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Begin when all that tests import is there."""
    seldom_look_for_garbage()


@pytest.fixture(scope="session", autouse=True)
def quick_applications() -> Iterator[None]:
    """Make the applications of thousands of tests quickly."""
    with pytest.MonkeyPatch.context() as patch:
        remember_routes(patch)
        yield


@pytest.fixture(autouse=True)
def every_statement_is_in_order(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which the service asked for rows without saying whose, or walked through everybody's on SQLite.

    But for what `tests.statements` and `tests.walks` allow.
    """
    if "database_kind" not in request.fixturenames:
        yield
        return
    from tests.statements import listeners

    for each in listeners():
        each.take_found()
    yield
    assert [found for each in listeners() for found in each.take_found()] == []


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
