"""How a database goes about the statements that read changes: by what changed, never through all that is stored."""

from typing import Any

import pytest
from sqlalchemy import Engine

from service.sync.collections import COLLECTIONS, SCHEMA_VERSION, Collection
from service.sync.statements import all_of

ASKED = {"practice_id": "practice-1", "who": "staff-1", "since": 5, "top": 9}


@pytest.mark.sqlite_only
@pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=list(COLLECTIONS))
def test_a_coordinators_pull_does_not_read_all_rows_of_the_practice(engine: Engine, collection: Collection) -> None:
    query: Any = all_of(collection, SCHEMA_VERSION, "staff", False).statement.compile(dialect=engine.dialect)
    asked = [ASKED.get(name, query.params[name]) for name in query.positiontup]

    with engine.connect() as connection:
        plan = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {query}", asked).fetchall()

    searches = [detail for *_, detail in plan if detail.startswith(("SEARCH", "SCAN"))]
    assert len(searches) > 0
    assert [each for each in searches if each.startswith("SCAN") or "(practice_id=? AND rev<?)" in each] == []
