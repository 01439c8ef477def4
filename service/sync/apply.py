"""Applies a push: its rows are loaded in sets, merged one by one, and stored in one transaction.

The number of statements does not depend on the number of rows. Nothing is rejected as a whole: what may not be is
answered with the row as it stands, what cannot be is kept aside, so that no device is stuck behind one bad row.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from service.api.fields import ID_PATTERN
from service.errors import ConflictError, Fault
from service.identity.principal import Principal
from service.sync.changes import read_now
from service.sync.collections import COLLECTIONS, SCHEMA_VERSION
from service.sync.edits import Applied, Edit, Outcome
from service.sync.proxies import writes
from service.sync.push import Push
from service.sync.writers.acks import AckWriter
from service.sync.writers.base import Writer
from service.sync.writers.patients import PatientWriter
from service.sync.writers.progress import ProgressWriter
from service.sync.writers.questionnaires import QuestionnaireWriter
from service.sync.writers.reports import CheckInWriter, ObservationWriter

WRITERS: Final[Mapping[str, type[Writer[Any]]]] = {
    writer.name: writer
    for writer in (PatientWriter, ProgressWriter, ObservationWriter, CheckInWriter, QuestionnaireWriter, AckWriter)
}


def apply(
    session: Session,
    caller: Principal,
    edits: Sequence[Edit],
    now: datetime,
    *,
    made_at: int | None = None,
    always_answers: bool = False,
    is_restoring: bool = False,
) -> Applied:
    """Apply edits in their order, in the session's transaction, and return what became of each.

    `made_at`: the revision that all edits started from; if a row that one would change has changed since, ConflictError
    is raised and nothing is applied. `always_answers`: the device gets each row again also where nothing changed, since
    it waits for it. `is_restoring`: staff put back what merging had dropped (see `Push`).
    """
    push, applied = Push(session, caller, now, is_restoring), Applied()
    written = {edit.collection for edit in edits if _is_written(caller, edit.collection)}
    writers = {name: WRITERS[name](push) for name in sorted(written)}
    usable = {name: [edit for edit in edits if edit.collection == name and _is_id(edit.id)] for name in writers}
    concerned = [patient for name, writer in writers.items() for patient in writer.load_parents(usable[name])]
    push.lock_patients(concerned)
    for name, writer in writers.items():
        writer.load_rows(usable[name])
        # Asked under the lock: of two who push at once the second sees what the first has written.
        if made_at is not None and any(writer.is_stale(edit, made_at) for edit in usable[name]):
            raise ConflictError(Fault("", f"rows as they were at revision {made_at}", "rows that changed since"))
    for edit in edits:
        is_usable = edit.collection in writers and _is_id(edit.id)
        applied.outcomes.append(writers[edit.collection].apply(edit) if is_usable else Outcome.refused)
    seen = _reassert_read_only(push, edits, applied)
    _keep_unusable(push, edits, seen)
    if always_answers:
        _reassert_unchanged(push, edits, applied)
    for writer in writers.values():
        writer.finish()
    applied.conflicts, applied.patient_ids = push.finish(), push.patient_ids
    return applied


def _is_written(caller: Principal, collection: str) -> bool:
    return collection in WRITERS and writes(caller, collection)


def _is_id(text: str) -> bool:
    return re.fullmatch(ID_PATTERN, text) is not None


def _reassert_read_only(push: Push, edits: Sequence[Edit], applied: Applied) -> set[tuple[str, str]]:
    """Have the device get again what it changed of collections that no device writes. Return which rows it sees."""
    known = set()
    known_ones = {edit.collection for edit in edits} & COLLECTIONS.keys()
    for name in sorted(each for each in known_ones if not _is_written(push.caller, each)):
        collection = COLLECTIONS[name]
        ids = {edit.id for edit in edits if edit.collection == name and _is_id(edit.id)}
        seen = read_now(push.session, push.caller, collection, ids, SCHEMA_VERSION)
        known |= {(name, row_id) for row_id in seen}
        for place, edit in enumerate(edits):
            if edit.collection == name and edit.id in seen and collection.of_patient is not None:
                push.reassert(collection, edit.id)
                applied.outcomes[place] = Outcome.reasserted
    return known


def _keep_unusable(push: Push, edits: Sequence[Edit], seen: set[tuple[str, str]]) -> None:
    """Keep rows that no writer takes: of an unknown collection, of one that only the server writes, with a bad id."""
    for edit in edits:
        if edit.is_delete or (edit.collection, edit.id) in seen:
            continue
        if not _is_written(push.caller, edit.collection):
            reason = "read_only" if edit.collection in COLLECTIONS else "unknown_collection"
            push.refuse(edit, reason, push.caller.patient_id)
        elif not _is_id(edit.id):
            push.refuse(edit, "bad_id", push.caller.patient_id)


def _reassert_unchanged(push: Push, edits: Sequence[Edit], applied: Applied) -> None:
    for edit, outcome in zip(edits, applied.outcomes, strict=True):
        if outcome is Outcome.unchanged:
            push.reassert(COLLECTIONS[edit.collection], edit.id)
