"""Tells which statements walk through the rows of all patients, as SQLite plans them on a database of ours.

Plans follow from the schema and from what SQLite is told of it (`models.sqlite_statistics`), so that an empty database
has those of every clinic. What may walk stands in `ALLOWED`, each with its reason.
"""

import re
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import create_engine

from models import Base
from models.sqlite_statistics import fix_statistics

_KINDS: Final = re.compile(r"\s*(?:SELECT|UPDATE|DELETE|WITH)\b")
_WALK: Final = re.compile(r"SCAN (\w+)|SEARCH (\w+) USING .*(?:\(practice_id=\?\)|AUTOMATIC )")
_INDEX: Final = re.compile(r" USING (?:COVERING )?INDEX (\w+)")
# An index of what is open or due alone: who reads all of it reads little. One of keys has every patient's.
_PARTIAL: Final = {
    index.name
    for table in Base.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None and index.name != "ix_data_key_patient"
}
# Of these a practice has as many rows as it has staff, protocols, texts, programs and machines, not as it has patients.
FEW: Final = {
    "alert_answering",
    "alembic_version",
    "audit_mark",
    "card_version",
    "clearance_rule",
    "decision_tally",
    "on_call_shift",
    "passkey",
    "practice",
    "protocol_signature",
    "protocol_version",
    "provider_pause",
    "recovery_code",
    "safety_card",
    "saved_view",
    "self_audit",
    "service_account",
    "sign_in_code",
    "sign_in_provider",
    "sign_in_throttle",
    "staff",
    "staff_address",
    "staff_credential",
    "staff_identity",
    "sync_clock",
    "tally_mark",
    "wake_mark",
    "wake_tally",
    "worker_heartbeat",
}
# Whose statements may walk, and why.
_NIGHTLY: Final = "once a night, of everything"
_HOURLY: Final = "once an hour, of everything"
_EVERYBODY: Final = "tells of all patients of the practice"
_RARE: Final = "seldom, and an index would cost each write"
_FIRST: Final = "takes the first in the order of an index, and no more"
_PAGE: Final = "takes a page in the order of an index"
ALLOWED: Final = {
    "schedules/delivery/wake_look.py _note": "what everybody sees is for every device; own changes are kept until then",
    "schedules/delivery/wake_look.py look_on": _FIRST,
    "schedules/jobs/audit.py _seal_batch": _FIRST,
    "schedules/jobs/audit.py seal_missed": _HOURLY,
    "schedules/jobs/obstacle.py _opens_nothing": "a few at the start of a worker whose key opens nothing",
    "schedules/jobs/settled.py _is_any": _HOURLY,
    "schedules/jobs/settled.py _remove_batch": _HOURLY,
    "schedules/jobs/surgeries.py ask_about_passed_surgeries": "four times an hour, one row a patient",
    "schedules/keeping/removal.py _is_any": _NIGHTLY,
    "schedules/keeping/removal.py _remove": _NIGHTLY,
    "schedules/keeping/terms.py count_kept": _NIGHTLY,
    "schedules/keeping/terms.py count_past": _NIGHTLY,
    "schedules/planning/proxy_consents.py find_lapsed": "few patients have somebody who acts for them",
    "schedules/watch/readings.py count_heals": "one row a device that had drifted",
    "schedules/watch/trail_rows.py find_head": _FIRST,
    "service/care/audit_trail.py _span": _FIRST,
    "service/care/break_glass.py count_unreviewed": "few accesses are by break-glass",
    "service/care/break_glass.py list_opened": _PAGE,
    "service/care/doubles.py _pairs": _EVERYBODY,
    "service/care/erasure.py _count": _RARE,
    "service/care/erasure.py _erase": _RARE,
    "service/care/erasure.py reapply": _EVERYBODY,
    "service/care/erasure.py replies_of": "replies of one day are all that is kept",
    "service/care/inbound.py list_inbound": "patients are told to call, so that few write",
    "service/care/merging_rows.py _leave_empty": _RARE,
    "service/care/outcome_rows.py _read_cleared": _EVERYBODY,
    "service/care/outcome_rows.py read_answers": _EVERYBODY,
    "service/care/outcome_rows.py read_items": _EVERYBODY,
    "service/care/outcome_rows.py read_last_words": _EVERYBODY,
    "service/care/overview_alerts.py view_alerts": _EVERYBODY,
    "service/care/overview_care.py _count_open": _EVERYBODY,
    "service/care/overview_care.py _read_items": _EVERYBODY,
    "service/care/patients.py list_patients": _PAGE,
    "service/care/practice_export.py ExportTable.patient_ids": _EVERYBODY,
    "service/care/safety_outcomes.py _read_events": _EVERYBODY,
    "service/care/staff.py _counts": "a practice has hundreds of sessions, not thousands",
    "service/care/tasks.py list_tasks": "those that are done, which few look at; open ones have an index of their own",
    "service/cli/demo.py _live": _EVERYBODY,
    "service/cli/rebuild_plans.py _open_episodes": "plans every open episode anew",
    "service/dashboard/queries/patients.py find_patients": "a page, or a part of a name, which no index leads to",
    "service/sync/conflicts.py list_conflicts": "those that were settled, which are kept for some days",
    "service/sync/conflicts.py list_refused_rows": _PAGE,
}


class Walks:
    """Plans statements on a database of its own, which has no row."""

    def __init__(self) -> None:
        engine = create_engine("sqlite://")
        with engine.begin() as connection:
            Base.metadata.create_all(connection)
            fix_statistics(connection)
        self._pool = engine.pool
        self._many = Base.metadata.tables.keys() - FEW

    def of(self, database: str, statement: str, given: Any) -> str:
        """Return the steps of a statement that walk; of PostgreSQL none."""
        if database != "sqlite" or not _KINDS.match(statement):
            return ""
        return "; ".join(step for step in self._plan(statement, given) if self._is_walk(step, statement))

    def _plan(self, statement: str, given: Any) -> Iterator[str]:
        cursor = self._pool.connect().cursor()
        try:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", given)
        except sqlite3.OperationalError as error:
            # Of an older schema, a test's own table, or a migration that changes what only it may.
            if not re.search(r"no such|may not be modified", str(error)):
                raise
            return
        yield from (step for *_, step in cursor.fetchall())

    def _is_walk(self, step: str, statement: str) -> bool:
        walk, index = _WALK.match(step), _INDEX.search(step)
        if walk is None or (index is not None and index[1] in _PARTIAL):
            return False
        named = walk[1] or walk[2]
        alias = re.search(rf"\b(\w+) AS {named}\b", statement)
        return named in self._many or (alias is not None and alias[1] in self._many)
