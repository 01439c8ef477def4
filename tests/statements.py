"""Listens to every statement that the tests run, and notes those of the service that do not say whose rows they mean,
and those that walk through everybody's (see `tests.walks`).

Row security would answer the first on PostgreSQL; SQLite has only the statements' own conditions. What the tests
themselves ask is theirs. What may look at all practices stands in `ALLOWED`, each with its reason.
"""

import re
import sys
from collections.abc import Callable, Collection
from functools import cache, partial
from pathlib import Path
from types import FrameType
from typing import Any, Final

from sqlalchemy import Engine, Table, event

ROOT: Final = str(Path(__file__).parents[1])
TESTS: Final = str(Path(__file__).parent)
# Which work on the database as a whole, as its owner.
OF_OWNER: Final = (
    f"{ROOT}/models/migrations/",
    f"{ROOT}/models/copy.py",
    f"{ROOT}/service/backup/",
    f"{ROOT}/service/care/resealing.py",
    f"{ROOT}/service/cli/keys.py",
)
# Which run others' statements.
OF_MANY: Final = ("models/prepared.py", "models/sets.py", "models/caseload.py", "service/care/lists.py")
OURS: Final = tuple(f"{ROOT}/{name}/" for name in ("models", "schedules", "service"))
_KINDS: Final = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
_NAMED: Final = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO|,)\s+(?:ONLY\s+)?(\w+)\b(?!\.|\s*=)(?:\s+AS\s+(\w+))?")

# A part of the statement, and why it means all practices.
ALLOWED: Final = {
    r"WHERE token\.token_hash = ": "a secret that is unique among all: it tells the practice",
    r"WHERE enrolment_code\.code_hash = ": "a secret that is unique among all: it tells the practice",
    r"WHERE sign_in_code\.code_hash = ": "a secret that is unique among all: it tells the practice",
    r"WHERE message_link\.token_hash = ": "a secret that is unique among all: it tells the practice",
    r"WHERE calendar_feed\.token_hash = ": "a secret that is unique among all: it tells the practice",
    r"WHERE service_account\.key_hash = ": "a secret that is unique among all: it tells the practice",
    r"WHERE passkey\.credential_id = ": "a name that is unique among all: it tells the practice",
    r"SELECT refresh_statistics\(": "counts tables, shows no row",
    r"SELECT DISTINCT delivery\.practice_id \s*FROM delivery": "a door: where results wait to be shown",
    r"FROM receipt \s*WHERE (?:NOT receipt\.is_read|receipt\.is_read (?:IS|=) 0)": "a door: receipts unread",
    r"FROM dead_address \s*WHERE dead_address\.task_id IS NULL": "a door: addresses that nobody was asked about",
    r"FROM delivery_attempt \s*WHERE delivery_attempt\.provider_message_id IN": "a provider knows no practice: a door",
    r"SELECT sync_clock\.practice_id \s*FROM sync_clock LEFT OUTER JOIN wake_mark": "a door: whose clock moved",
    r"FROM device_wake \s*WHERE device_wake\.due_at <= ": "a door: where a wake-up is due",
    r"count_1 \s*FROM delivery \s*WHERE delivery\.state = ": "a door: how many are held, for the monitor",
    r"GROUP BY delivery\.state": "a door: how many are due, for the monitor of all",
    r"delivery\.state = .*delivery\.finished_at > ": "a door: how many were set aside, for the monitor of all",
    r"AS anon_1": "a door: since when the longest due lies, for the monitor of all",
    r"FROM decision_tally": "a door: counts without a patient, for the monitor of all",
    r"FROM wake_tally": "a door: counts without a patient, for the monitor of all",
    r"FROM sync_heal": "a door: counts without a patient, for the monitor of all",
    r"FROM self_audit": "a door: counts without a patient, for the monitor of all",
}
_ALLOWED: Final = re.compile("|".join(f"(?:{each})" for each in ALLOWED), re.DOTALL)


Judge = Callable[[str, str, Any], str]  # of a database's name, a statement and its parameters: what is wrong with it


class Listener:
    """Notes each statement once that a module of ours runs and a judge finds something wrong with.

    But for what functions run that stand in `allowed`, as `service/care/doubles.py find_doubles`.
    """

    def __init__(self, judge: Judge, allowed: Collection[str] = ()) -> None:
        self._judge, self._allowed = judge, allowed
        self._judged: dict[tuple[str, str], str] = {}
        self._found: dict[str, str] = {}
        event.listen(Engine, "before_cursor_execute", self._hear)

    def _hear(self, connection: Any, _cursor: object, statement: str, given: Any, _context: object, many: bool) -> None:
        key = (connection.dialect.name, statement)
        if key not in self._judged:
            self._judged[key] = self._judge(*key, given[0] if many and isinstance(given, list) else given)
        if self._judged[key] and (frame := _frame_that_runs_it()) is not None:
            file, code = frame.f_code.co_filename.removeprefix(f"{ROOT}/"), frame.f_code
            if f"{file} {code.co_qualname.partition('.<locals>')[0]}" not in self._allowed:
                self._found.setdefault(f"{self._judged[key]}: {statement}", f"{file}:{frame.f_lineno}")

    def take_found(self) -> list[str]:
        """Return what was noted since it was last asked."""
        found, self._found = self._found, {}
        return [f"{where}: {' '.join(what.split())}" for what, where in found.items()]


@cache
def listeners() -> tuple[Listener, ...]:
    """Return the listeners of this process, which hear all engines."""
    from models import Base
    from tests.walks import ALLOWED as MAY_WALK
    from tests.walks import Walks

    tables = frozenset(name for name, table in Base.metadata.tables.items() if _is_of_practices(table))
    return Listener(partial(_of_any_practice, tables)), Listener(Walks().of, MAY_WALK)


def _of_any_practice(tables: frozenset[str], _database: str, statement: str, _given: object) -> str:
    return "names no practice" if unbound_tables(statement, tables) and not _ALLOWED.search(statement) else ""


def unbound_tables(statement: str, tables: frozenset[str]) -> set[str]:
    """Return the tables of practices that a statement names without a word on the practice."""
    kind = _KINDS.match(statement)
    if kind is None:
        return set()
    if kind[1] == "INSERT":
        return set() if "practice_id" in statement else {name for name, _ in _NAMED.findall(statement)} & tables
    named = {(name, alias or name) for name, alias in _NAMED.findall(statement) if name in tables}
    return {name for name, alias in named if not _is_bound(statement, alias)}


def _is_bound(statement: str, alias: str) -> bool:
    column = rf"\b{alias}\.practice_id\b"
    compared = rf"{column}\)? ?(?:=|IN\b|,[^()]*\) (?:IN|>))|= {column}|{column} = ANY"
    return re.search(compared, statement) is not None


def _is_of_practices(table: Table) -> bool:
    return "practice_id" in table.columns


def _frame_that_runs_it() -> FrameType | None:
    """Return where a module of ours is nearest to the statement; None if the tests are nearer."""
    frame: FrameType | None = sys._getframe(1)
    while (frame := frame.f_back if frame else None) is not None:
        file = frame.f_code.co_filename
        if file.startswith(OF_OWNER):
            return None
        if file.startswith(TESTS):
            if not file.startswith(f"{TESTS}/statements.py"):
                return None
        elif file.startswith(OURS) and not file.endswith(OF_MANY):
            return frame
    return None
