"""The listener to statements tells those that name their practice from those that do not."""

import pytest

from tests.statements import unbound_tables

TABLES = frozenset({"patient", "delivery", "token"})


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT patient.id FROM patient WHERE patient.practice_id = :p",
        "SELECT patient.id FROM patient WHERE (patient.practice_id, patient.id) IN ((?, ?))",
        "SELECT 1 FROM delivery JOIN patient ON patient.practice_id = delivery.practice_id",
        "UPDATE delivery SET state=? WHERE delivery.practice_id = ? AND delivery.id = ?",
        "INSERT INTO patient (practice_id, id) VALUES (?, ?)",
        "SELECT p_1.id FROM patient AS p_1 WHERE p_1.practice_id = ?",
        "SELECT 1 FROM protocol",
        "BEGIN IMMEDIATE",
    ],
)
def test_a_statement_that_says_whose_rows_it_means_passes(statement: str) -> None:
    assert unbound_tables(statement, TABLES) == set()


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("SELECT patient.practice_id, patient.id FROM patient WHERE patient.id = ?", "patient"),
        (
            "SELECT 1 FROM delivery JOIN patient ON patient.id = delivery.patient_id WHERE delivery.practice_id = ?",
            "patient",
        ),
        ("UPDATE delivery SET state=? WHERE delivery.id = ?", "delivery"),
        ("DELETE FROM token", "token"),
        ("SELECT 1 FROM delivery, patient AS p_1 WHERE delivery.practice_id = ?", "patient"),
        ("INSERT INTO patient (id) VALUES (?)", "patient"),
    ],
)
def test_a_statement_that_does_not_is_noticed(statement: str, table: str) -> None:
    assert unbound_tables(statement, TABLES) == {table}
