"""One push while it is applied: who pushes, what was loaded for it, and what it leaves to be written at its end."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import Panel, Patient, RefusedRow, SyncConflict
from models.base import OfPatient, table_of
from models.bulk import change_alike, insert_at_commit
from models.ids import new_id
from models.merging import LostBy
from models.sync import stamp
from service.care.checks import storable
from service.care.versions import keep_former_version
from service.errors import UnauthenticatedError
from service.identity.principal import Principal
from service.sync.collections import Collection as SyncCollection
from service.sync.columns import text_of_columns
from service.sync.edits import Edit
from service.sync.merge import Loss


@dataclass(frozen=True, slots=True)
class Lost:
    """What did not stand in one row of a patient, and whose words it was."""

    collection: SyncCollection
    row_id: str
    patient_id: str
    loss: Loss
    by: LostBy


@dataclass(slots=True)
class Push:
    """A push under way. `patient_ids` are those whose rows it may write, each locked to the commit, as `locked` are.

    `is_restoring`: staff put back what somebody had said and merging had dropped. They reach every patient of the
    practice, as they do through the API, and need not have said it themselves.
    """

    session: Session
    caller: Principal
    now: datetime
    is_restoring: bool = False
    patient_ids: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()
    touched: dict[SyncCollection, set[str]] = field(default_factory=dict)
    refused: list[tuple[Edit, str, str | None]] = field(default_factory=list)
    losses: list[Lost] = field(default_factory=list)

    @property
    def practice_id(self) -> str:
        """Return the practice of whoever pushes."""
        return self.caller.practice_id

    def lock_patients(self, patient_ids: Iterable[str]) -> None:
        """Lock those of these patients whom the caller reaches: a patient themself, staff their panel.

        Raises UnauthenticatedError for a patient's device if the patient is no more.
        """
        wanted = sorted(set(patient_ids)) if self.caller.patient_id is None else [self.caller.patient_id]
        query = select(Patient.id).where(
            Patient.practice_id == self.practice_id, Patient.id.in_(wanted), Patient.deleted.is_(False)
        )
        locked = frozenset(self.session.scalars(query.order_by(Patient.id).with_for_update(key_share=True)))
        if self.caller.patient_id is not None and not locked:
            # Erased, or made part of another record, while we waited: nothing of them is kept, not even aside.
            raise UnauthenticatedError
        self.locked = locked
        self.patient_ids = self._on_panel(locked) if self.caller.is_staff and not self.is_restoring else locked

    def _on_panel(self, locked: frozenset[str]) -> frozenset[str]:
        """Return which of them are on the caller's panel. Asked under their locks: nobody leaves it meanwhile."""
        mine = select(Panel.patient_id).where(
            Panel.practice_id == self.practice_id, Panel.staff_id == self.caller.actor_id, Panel.active
        )
        return frozenset(self.session.scalars(mine.where(Panel.patient_id.in_(sorted(locked)))))

    def reassert(self, collection: SyncCollection, row_id: str) -> None:
        """Have the device get a row again as it stands."""
        self.touched.setdefault(collection, set()).add(row_id)

    def refuse(self, edit: Edit, reason: str, patient_id: str | None) -> None:
        """Keep a row that cannot be stored, if it says anything, and have the device let it go.

        Of one that tells no patient whom the practice knows, no word is kept: no erasure would find it.
        """
        if edit.values:
            self.refused.append((edit, reason, patient_id))

    def lose(
        self, collection: SyncCollection, row_id: str, patient_id: str, loss: Loss, stored_by: LostBy = LostBy.unknown
    ) -> None:
        """Keep values that did not stand against others. `stored_by`: who had written those that were stored."""
        by = LostBy(self.caller.reporter) if loss.is_of_device else stored_by
        self.losses.append(Lost(collection, row_id, patient_id, loss, by))

    def replace(self, row: OfPatient, former: Mapping[str, Any]) -> None:
        """Keep what a report said before it was changed."""
        keep_former_version(self.session, row, former, self.now, by=self.caller.reporter)

    def finish(self) -> int:
        """Write what the push leaves: rows to be sent again, refused rows, lost values. Return the new conflicts."""
        change_alike(self.session)
        if self.touched:
            self.session.flush()  # what is written has its revision first: a row gets none twice
        self._touch()
        self._keep_refused()
        return self._keep_losses()

    def _touch(self) -> None:
        for collection, ids in self.touched.items():
            table = collection.table
            revision = stamp(self.session, self.practice_id)
            # What this push itself has written comes again anyway.
            is_older = (table.c.practice_id == self.practice_id, table.c.id.in_(sorted(ids)), table.c.rev < revision)
            self.session.connection().execute(update(table).where(*is_older).values(rev=revision))

    def _keep_refused(self) -> None:
        """Keep each refused row once; one that comes again the device is told again to let go."""
        if not self.refused:
            return
        revision = stamp(self.session, self.practice_id)
        rows = {row["id"]: row | {"refused_rev": revision} for row in map(self._refused, self.refused)}
        table = table_of(RefusedRow)
        is_one_of_them = (table.c.practice_id == self.practice_id, table.c.id.in_(sorted(rows)))
        again = update(table).where(*is_one_of_them).values(refused_rev=revision).returning(table.c.id)
        known = set(self.session.connection().scalars(again))
        for row_id, row in rows.items():
            if row_id not in known:
                insert_at_commit(self.session, RefusedRow, row)

    def _refused(self, refused: tuple[Edit, str, str | None]) -> dict[str, Any]:
        """Return the row of a refused row, whose id follows from what it says and who says it."""
        edit, reason, patient_id = refused
        content = text_of_columns(edit.values)
        collection, row_id = storable(edit.collection)[:40], storable(edit.id)[:64]
        kept_id = _identity(self.practice_id, self.caller.actor_id, collection, row_id, content)
        kept = text_of_columns({}) if patient_id is None else content
        sealed = RefusedRow.content.closed(
            self.session, kept, practice_id=self.practice_id, patient_id=patient_id, row_id=kept_id
        )
        whose = {"practice_id": self.practice_id, "patient_id": patient_id}
        told = {"collection": collection, "row_id": row_id, "reason": reason, "content_sealed": sealed}
        return {"id": kept_id, "refused_at": self.now, "actor_id": self.caller.actor_id, **whose, **told}

    def _keep_losses(self) -> int:
        """List each collision that is not open already: a push that comes twice tells it once."""
        collisions = {self._collision(lost): lost for lost in self.losses}
        is_one_of_them = (SyncConflict.practice_id == self.practice_id, SyncConflict.collision.in_(collisions))
        is_open = select(SyncConflict.collision).where(*is_one_of_them, SyncConflict.resolution.is_(None))
        for collision in self.session.scalars(is_open) if collisions else ():
            del collisions[collision]
        for collision, lost in collisions.items():
            insert_at_commit(self.session, SyncConflict, self._conflict(collision, lost))
        return len(collisions)

    def _collision(self, lost: Lost) -> str:
        """Return what is the same for the same two values of the same row."""
        values = (text_of_columns(lost.loss.kept), text_of_columns(lost.loss.lost))
        return _identity(self.practice_id, lost.collection.name, lost.row_id, *values)

    def _conflict(self, collision: str, lost: Lost) -> dict[str, Any]:
        conflict_id = new_id(self.now)
        seal = {"practice_id": self.practice_id, "patient_id": lost.patient_id, "row_id": conflict_id}
        return {
            "practice_id": self.practice_id,
            "id": conflict_id,
            "collision": collision,
            "lost_by": lost.by,
            "patient_id": lost.patient_id,
            "collection": lost.collection.name,
            "row_id": lost.row_id,
            "happened_at": self.now,
            "kept_sealed": SyncConflict.kept.closed(self.session, text_of_columns(lost.loss.kept), **seal),
            "lost_sealed": SyncConflict.lost.closed(self.session, text_of_columns(lost.loss.lost), **seal),
        }


def _identity(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]
