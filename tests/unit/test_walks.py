"""What tells which statements walk sees those that do, and no others."""

import pytest

from tests.walks import Walks

WALKS = Walks()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM reminder WHERE practice_id = ? AND state = ?",
        "SELECT * FROM reminder AS other WHERE other.practice_id = ? ORDER BY other.id",
        "SELECT * FROM task",
        "UPDATE task SET state = 'done' WHERE practice_id = ? AND surgery_id = ?",
        "DELETE FROM push_address WHERE practice_id = ?",
        "WITH some AS (SELECT id FROM visit WHERE practice_id = ?) SELECT * FROM some",
    ],
)
def test_a_statement_that_walks_is_seen(statement: str) -> None:
    assert WALKS.of("sqlite", statement, ("p",) * statement.count("?"))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM reminder WHERE practice_id = ? AND patient_id = ? ORDER BY id",
        "SELECT * FROM staff WHERE practice_id = ?",
        "SELECT * FROM delivery WHERE practice_id = ? AND state = 'held'",
        "SELECT * FROM reminder WHERE practice_id = ? AND rev > ? ORDER BY rev",
        "INSERT INTO wake_mark (practice_id) VALUES (?)",
        "SELECT * FROM no_table_of_ours",
        "BEGIN IMMEDIATE",
    ],
)
def test_a_statement_that_looks_up_passes(statement: str) -> None:
    assert WALKS.of("sqlite", statement, ("p",) * statement.count("?")) == ""


def test_nothing_is_said_of_postgresql() -> None:
    assert WALKS.of("postgresql", "SELECT * FROM task", ()) == ""
