"""How a database goes about the statements that read changes: by what changed, never through all that is stored."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from models.prepared import Prepared
from service.sync.collections import COLLECTIONS, SCHEMA_VERSION, Collection
from service.sync.statements import all_of, page_of, probe

ASKED = {"practice_id": "practice-1", "who": "staff-1", "since": 5, "top": 9, "after_id": "", "limit": 5}
OF_PATIENTS = [each for each in COLLECTIONS.values() if each.of_patient is not None]


@pytest.mark.sqlite_only
@pytest.mark.parametrize("read", [all_of, page_of])
@pytest.mark.parametrize("collection", OF_PATIENTS, ids=[each.name for each in OF_PATIENTS])
def test_a_coordinators_pull_does_not_read_all_rows_of_the_practice(
    engine: Engine, collection: Collection, read: Callable[..., Prepared]
) -> None:
    plan = planned(engine, read(collection, SCHEMA_VERSION, "staff", False))

    assert found_otherwise(plan) == []


@pytest.mark.sqlite_only
@pytest.mark.parametrize("is_first", [True, False])
def test_a_coordinators_probe_does_not_look_through_what_changed_in_the_practice(
    engine: Engine, is_first: bool
) -> None:
    plan = planned(engine, probe(SCHEMA_VERSION, "staff", is_first))

    assert [each for each in found_otherwise(plan) if "safety_card" not in each] == []


@pytest.mark.sqlite_only
@pytest.mark.parametrize("read", [all_of, page_of])
def test_what_changed_of_a_panel_is_looked_for_by_patient_and_then_by_revision(
    engine: Engine, read: Callable[..., Prepared]
) -> None:
    plan = planned(engine, read(COLLECTIONS["reminders"], SCHEMA_VERSION, "staff", False))

    searches = [detail for detail in plan if detail.startswith("SEARCH")]
    assert [each.split()[1] for each in searches] == ["panel", "reminder"] * 3
    assert searches[1].partition(" USING ")[2].startswith("INDEX ix_reminder_practice_id_patient_id_rev_id")
    assert "practice_id=? AND patient_id=? AND " in searches[1]
    assert "rev" in searches[1].partition("patient_id=? AND ")[2]


def found_otherwise(plan: list[str]) -> list[str]:
    """Return the steps of a plan that read a table in any other way than by the patients of a panel."""
    reads = [each for each in plan if each.startswith(("SEARCH", "SCAN")) and each != "SCAN CONSTANT ROW"]
    assert reads[0].startswith("SEARCH panel ")
    by_patient = ("(practice_id=? AND patient_id=?", "(practice_id=? AND id=?", "(practice_id=? AND staff_id=?")
    return [each for each in reads if not any(way in each for way in by_patient)]


def planned(engine: Engine, read: Prepared) -> list[str]:
    """Return how SQLite goes about a statement."""
    query: Any = read.statement.compile(dialect=engine.dialect)
    asked = [ASKED.get(name, query.params[name]) for name in query.positiontup]
    with engine.connect() as connection:
        plan = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {query}", asked).fetchall()
    return [detail for *_, detail in plan]
