"""Listens to every statement that the tests run, and notes those of the service that do not say whose rows they mean.

Row security would answer them on PostgreSQL; SQLite has only the statements' own conditions. What the tests themselves
ask is theirs. What may look at all practices stands in `ALLOWED`, each with its reason.
"""

import re
import sys
from functools import cache
from pathlib import Path
from typing import Final

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


class Listener:
    """Notes each statement once that a module of ours runs over rows of more than one practice."""

    def __init__(self, tables: frozenset[str]) -> None:
        self._tables = tables
        self.found: dict[str, str] = {}
        self._judged: dict[str, bool] = {}

    def hear(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        """Hear of a statement, as the event `before_cursor_execute`."""
        if statement not in self._judged:
            self._judged[statement] = bool(unbound_tables(statement, self._tables)) and not _ALLOWED.search(statement)
        if self._judged[statement] and (where := _module_that_runs_it()) is not None:
            self.found.setdefault(statement, where)

    def take_found(self) -> list[str]:
        """Return what was noted since it was last asked."""
        found, self.found = self.found, {}
        return [f"{where}: {' '.join(statement.split())}" for statement, where in found.items()]


@cache
def listener() -> Listener:
    """Return the one listener of this process, which hears all engines."""
    from models import Base

    made = Listener(frozenset(name for name, table in Base.metadata.tables.items() if _is_of_practices(table)))
    event.listen(Engine, "before_cursor_execute", made.hear)
    return made


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


def _module_that_runs_it() -> str | None:
    """Return which module of ours is nearest to the statement; None if the tests are nearer."""
    frame = sys._getframe(1)
    while (back := frame.f_back) is not None:
        frame = back
        file = frame.f_code.co_filename
        if file.startswith(OF_OWNER):
            return None
        if file.startswith(TESTS):
            if not file.startswith(f"{TESTS}/statements.py"):
                return None
        elif file.startswith(OURS) and not file.endswith(("models/prepared.py", "models/sets.py")):
            return f"{file.removeprefix(ROOT + '/')}:{frame.f_lineno}"
    return None
