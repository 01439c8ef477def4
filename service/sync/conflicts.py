"""Use cases: what merging left behind is listed for staff, until a conflict is settled and a refused row is done.

Nothing that a person wrote is out of sight: neither values that did not stand nor rows that could not be stored.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import RefusedRow, SyncConflict
from models.merging import Resolution
from service.care.lists import rows_after
from service.care.reach import lock_patient
from service.errors import ConflictError, Fault, NotFoundError
from service.identity.principal import Principal
from service.sync.apply import apply
from service.sync.columns import columns_of_text
from service.sync.edits import Edit, Outcome


class ConflictState(StrEnum):
    """Whether somebody has settled a conflict."""

    open = "open"
    resolved = "resolved"


class RefusedState(StrEnum):
    """Whether somebody has done what there was to do about a refused row."""

    open = "open"
    done = "done"


class Keep(StrEnum):
    """Which of the two values of a conflict is right."""

    kept = "kept"  # the one that stands
    lost = "lost"  # the other: it is written again


_RESOLUTIONS = {Keep.kept: Resolution.kept, Keep.lost: Resolution.restored}


def list_conflicts(
    session: Session,
    practice_id: str,
    *,
    state: ConflictState,
    patient_id: str | None,
    after: str | None,
    limit: int,
) -> Sequence[SyncConflict]:
    """Return up to `limit` conflicts, the oldest first, from the one after the id `after` on."""
    is_open = SyncConflict.resolution.is_(None)
    query = select(SyncConflict).where(
        SyncConflict.practice_id == practice_id, is_open if state is ConflictState.open else ~is_open
    )
    if patient_id is not None:
        query = query.where(SyncConflict.patient_id == patient_id)
    place = (SyncConflict.happened_at, SyncConflict.id)
    return rows_after(session, query, place, practice_id=practice_id, after=after, limit=limit)


def list_refused_rows(
    session: Session,
    practice_id: str,
    *,
    state: RefusedState,
    patient_id: str | None,
    after: str | None,
    limit: int,
) -> Sequence[RefusedRow]:
    """Return up to `limit` refused rows, the latest first, from the one after the id `after` on."""
    is_open = RefusedRow.done_at.is_(None)
    query = select(RefusedRow).where(
        RefusedRow.practice_id == practice_id, is_open if state is RefusedState.open else ~is_open
    )
    if patient_id is not None:
        query = query.where(RefusedRow.patient_id == patient_id)
    place = (RefusedRow.refused_at, RefusedRow.id)
    return rows_after(session, query, place, practice_id=practice_id, after=after, limit=limit, latest_first=True)


def resolve_conflict(
    session: Session, caller: Principal, conflict_id: str, *, keep: Keep, now: datetime
) -> SyncConflict:
    """Settle a conflict: what stands is right, or what was lost is written again, in the caller's name.

    Settled so already, it stays as it is. Raises NotFoundError, and ConflictError for one that was settled otherwise,
    or whose lost values cannot be written as the row stands now.
    """
    conflict = session.get(SyncConflict, (caller.practice_id, conflict_id))
    if conflict is None:
        raise NotFoundError
    lock_patient(session, caller.practice_id, conflict.patient_id)
    # Again under the lock: two may settle it at once.
    session.refresh(conflict)
    resolution = _RESOLUTIONS[keep]
    if conflict.resolution is resolution:
        return conflict
    if conflict.resolution is not None:
        raise ConflictError(Fault("/keep", "as the conflict was settled already", keep.value))
    if resolution is Resolution.restored:
        _restore(session, caller, conflict, now)
    conflict.resolution, conflict.resolved_at, conflict.resolved_by = resolution, now, caller.actor_id
    return conflict


def finish_refused_row(session: Session, caller: Principal, refused_id: str, now: datetime) -> RefusedRow:
    """Say that nothing is left to do about a refused row. Who said so first stands. Raises NotFoundError."""
    row = session.get(RefusedRow, (caller.practice_id, refused_id), with_for_update={"key_share": True})
    if row is None:
        raise NotFoundError
    if row.done_at is None:
        row.done_at, row.done_by = now, caller.actor_id
    return row


def state_of(conflict: SyncConflict) -> ConflictState:
    """Return whether a conflict is settled."""
    return ConflictState.open if conflict.resolution is None else ConflictState.resolved


def state_of_refused(row: RefusedRow) -> RefusedState:
    """Return whether a refused row is done."""
    return RefusedState.open if row.done_at is None else RefusedState.done


def _restore(session: Session, caller: Principal, conflict: SyncConflict, now: datetime) -> None:
    """Write what was lost, by the rules of a push that started from what was kept."""
    values, base = columns_of_text(conflict.lost), columns_of_text(conflict.kept)
    edit = Edit(collection=conflict.collection, id=conflict.row_id, values=values, base=base)
    (outcome,) = apply(session, caller, [edit], now, is_restoring=True).outcomes
    if outcome not in (Outcome.stored, Outcome.unchanged):
        expected = "kept, since what was lost cannot be written as the record stands now"
        raise ConflictError(Fault("/keep", expected, Keep.lost.value))
