"""What a run leaves out is counted, explained, and in CI a failure."""

import pytest

from tests.needs import account_lines, fail_if_skipped

WHY = "Skipped: needs PostgreSQL (Debian package: postgresql): nothing answers"


def skipped(why: str = WHY) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid="tests/x.py::test_x",
        location=("tests/x.py", 1, "test_x"),
        keywords={},
        outcome="skipped",
        longrepr=("tests/x.py", 1, why),
        when="setup",
    )


def test_the_account_counts_each_reason_and_ends_with_the_line_that_installs_the_rest() -> None:
    reports = [skipped(), skipped(), skipped("Skipped: needs Node (Debian package: nodejs): not on the PATH")]

    assert list(account_lines(reports)) == [
        "1 left out: needs Node (Debian package: nodejs): not on the PATH",
        "2 left out: needs PostgreSQL (Debian package: postgresql): nothing answers",
        "To run them too: apt-get install -y nodejs postgresql",
    ]


def test_a_full_run_has_nothing_to_account_for() -> None:
    assert list(account_lines([])) == []


def test_in_ci_a_skip_is_a_failure_that_says_what_was_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    report = skipped()

    fail_if_skipped(report)

    assert report.failed
    assert "needs PostgreSQL" in str(report.longrepr)


def test_on_a_developers_machine_a_skip_stays_a_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    report = skipped()

    fail_if_skipped(report)

    assert report.skipped
