"""Which statements walk through a practice's rows of all patients, as SQLite plans them, which has counted no rows."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Engine, event

from models.base import Base

_OF_PATIENTS: Final = {table.name for table in Base.metadata.tables.values() if "patient_id" in table.columns}
# An index of what is open or due alone: who reads all of it reads little.
_PARTIAL: Final = {
    index.name
    for table in Base.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}
_WALK: Final = re.compile(r"(?:SCAN (\w+?)(?:_\d+)?(?: USING .*)?|SEARCH (\w+?)(?:_\d+)? USING .*\(practice_id=\?\))$")
_INDEX: Final = re.compile(r"USING (?:COVERING )?INDEX (\w+)")


@contextmanager
def walks_of(engine: Engine) -> Iterator[list[str]]:
    """Yield what is filled at the end: each step of a statement that walks, as `EXPLAIN QUERY PLAN` tells it."""
    noted: dict[str, Any] = {}
    walks: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, given: Any, _context: Any, is_many: bool) -> None:
        if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE")):
            noted[statement] = given[0] if is_many else given

    event.listen(engine, "before_cursor_execute", note)
    yield walks
    event.remove(engine, "before_cursor_execute", note)
    walks += _walks(engine, noted)


def _walks(engine: Engine, noted: Mapping[str, Any]) -> Iterator[str]:
    with engine.connect() as connection:
        for statement, given in noted.items():
            for *_, step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given):
                if _is_walk(step):
                    yield f"{step}: {statement}"


def _is_walk(step: str) -> bool:
    walk, index = _WALK.match(step), _INDEX.search(step)
    if walk is None or (index is not None and index[1] in _PARTIAL):
        return False
    return bool({*walk.groups()} & _OF_PATIENTS)
