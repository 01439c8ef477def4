"""What all writers do alike: load the rows of a push at once, merge each edit, check it, and store what it becomes."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Generic, TypeVar

from marshmallow import EXCLUDE, Schema, ValidationError
from sqlalchemy import select

from models.base import Synced
from models.merging import LostBy
from service.sync.collections import COLLECTIONS, Collection, wire_values
from service.sync.edits import Edit, Outcome
from service.sync.merge import Loss, Merged, Unit, Values, merge, units_of
from service.sync.push import Push

Row = TypeVar("Row", bound=Synced)


class RefusedError(Exception):
    """An edit cannot be stored. `reason` is a code, `against` what it fails by if that is not in the row itself."""

    def __init__(self, reason: str, *, against: Values | None = None) -> None:
        super().__init__(reason)
        self.reason, self.against = reason, against


class Writer(ABC, Generic[Row]):
    """Applies the edits of one collection in their order.

    `body` is the schema that the API checks the same facts by; `units` are the columns that only make sense together.
    `tells_losses`: what does not stand is somebody's word, to be listed.
    """

    name: ClassVar[str]
    body: ClassVar[type[Schema]]
    units: ClassVar[tuple[Unit, ...]] = ()
    tells_losses: ClassVar[bool] = True

    def __init__(self, push: Push) -> None:
        self.push = push
        self.collection: Collection = COLLECTIONS[self.name]
        self.written = sorted(self.collection.written)
        self.rows: dict[str, Row] = {}
        self._units = units_of(self.written, *self.units)
        self._check = self.body(unknown=EXCLUDE)

    # -------------------------------------------------------------------------------------------- what each one knows
    @abstractmethod
    def load_parents(self, edits: Sequence[Edit]) -> Iterable[str]:
        """Read what the edits hang on, in one statement, and return the ids of the patients whom it concerns."""

    @abstractmethod
    def patient_of(self, edit: Edit) -> str | None:
        """Return whose row an edit is about, None if what it hangs on does not exist."""

    @abstractmethod
    def refuse(self, edit: Edit, row: Row | None) -> None:
        """Raise RefusedError if the caller may not make this edit, or nobody may."""

    @abstractmethod
    def store(self, edit: Edit, row: Row | None, facts: dict[str, Any], merged: Merged) -> None:
        """Write the facts, parsed, to the row or to a new one. Raises RefusedError."""

    def understand(self, edit: Edit, row: Row | None, stored: Values) -> Edit:
        """Return the edit as it is to be merged with what is `stored`."""
        return edit

    def said_by(self, row: Row | None) -> dict[str, LostBy]:
        """Return who wrote each column that is stored, as far as it is known, before it is changed."""
        reported_by = getattr(row, "reported_by", None)
        return {} if reported_by is None else dict.fromkeys(self.written, LostBy(reported_by))

    def finish(self) -> None:
        """Let follow what follows from all edits together."""

    # --------------------------------------------------------------------------------------------- what all do alike
    def load_rows(self, edits: Sequence[Edit]) -> None:
        """Read the stored rows of a push in one statement, after their patients are locked."""
        model: Any = self.collection.model
        ids = sorted({edit.id for edit in edits})
        query = select(model).where(model.practice_id == self.push.practice_id, model.id.in_(ids))
        rows = self.push.session.scalars(query.execution_options(populate_existing=True))
        self.rows = {row.id: row for row in rows}
        self.load_first_versions([edit.id for edit in edits if edit.is_creation and edit.id in self.rows])

    def load_first_versions(self, ids: Sequence[str]) -> None:
        """Read what these rows said when they were made."""

    def first_version(self, row: Row) -> dict[str, Any]:
        """Return what a row said when it was made, as far as it is known: nothing."""
        return dict.fromkeys(self.written)

    def is_stale(self, edit: Edit, made_at: int) -> bool:
        """Return whether an edit would undo what was written to its row after the revision that it started from."""
        row = self.rows.get(edit.id)
        if row is None or edit.is_delete or row.rev <= made_at or self._reached(edit, row) is None:
            return False
        stored, wanted = self.columns_of(row), self._settled(edit.values, self.written)
        return any(wanted.get(name, value) != value for name, value in stored.items())

    def apply(self, edit: Edit) -> Outcome:
        """Apply one edit and return what became of it."""
        row = self.rows.get(edit.id)
        patient_id = self._reached(edit, row)
        if patient_id is None:
            return self._drop(edit, row, "unknown", None)
        try:
            return self._apply(edit, row, patient_id)
        except RefusedError as refused:
            return self._drop(edit, row, refused.reason, patient_id, against=refused.against)

    def columns_of(self, row: Row | None) -> dict[str, Any]:
        """Return what is stored of a row in the columns that devices write; nothing of a row that is not there."""
        return dict.fromkeys(self.written) if row is None else wire_values(self.collection, row, self.written)

    def _apply(self, edit: Edit, row: Row | None, patient_id: str) -> Outcome:
        if edit.is_delete or (row is not None and row.deleted):
            raise RefusedError("never_removed")
        stored, stored_by = self.columns_of(row), self.said_by(row)
        wanted, base = self._settled(edit.values, self.written), self._base(edit, row)
        meant = self.understand(replace(edit, values=wanted, base=base), row, stored)
        merged = merge(self._units, base=meant.base, stored=stored, new=meant.values)
        if merged.changed:
            self.refuse(meant, row)
            self.store(meant, row, self._parse(merged, is_new=row is None), merged)
        for loss in merged.losses if self.tells_losses else ():
            self.push.lose(self.collection, edit.id, patient_id, loss, _one_of(stored_by, loss.lost))
        has_lost = any(loss.is_of_device for loss in merged.losses)
        # Whoever made a row takes it for stored as it was told, though it may have been changed since.
        is_outdated = edit.is_creation and any(merged.values[name] != value for name, value in wanted.items())
        if has_lost or is_outdated or self._asks_for_more(edit, row):
            self.push.reassert(self.collection, edit.id)
            return Outcome.reasserted
        return Outcome.stored if merged.changed else Outcome.unchanged

    def _base(self, edit: Edit, row: Row | None) -> dict[str, Any] | None:
        """Return what an edit started from: for a row that the device made, what it said when it was made."""
        if edit.is_creation and row is not None:
            return self.first_version(row)
        return None if edit.base is None else self._settled(edit.base, self.collection.by_name)

    def _asks_for_more(self, edit: Edit, row: Row | None) -> bool:
        """Return whether a device set columns of its row that are not its to write."""
        if row is None:
            return False
        others = edit.values.keys() & self.collection.by_name.keys() - self.collection.written - {"rev"}
        told = self._settled(edit.values, others)
        return any(told[name] != self.collection.by_name[name].to_wire(getattr(row, name)) for name in others)

    def _settled(self, values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
        columns = self.collection.by_name
        return {name: columns[name].settled(values[name]) for name in names if name in values}

    def _parse(self, merged: Merged, *, is_new: bool) -> dict[str, Any]:
        """Return the facts as the API's own check reads them. Raises RefusedError for what cannot be."""
        given = {}
        for name, value in merged.values.items():
            try:
                given[name] = self.collection.by_name[name].from_wire(value)
            except ValueError:
                raise RefusedError("invalid") from None
        absent = {name for name, value in given.items() if value is None} if is_new else set()
        try:
            loaded: dict[str, Any] = self._check.load({key: each for key, each in given.items() if key not in absent})
        except ValidationError:
            raise RefusedError("invalid") from None
        return loaded

    def _drop(
        self, edit: Edit, row: Row | None, reason: str, patient_id: str | None, *, against: Values | None = None
    ) -> Outcome:
        """Store nothing of an edit, and keep what it says: of a row that is there as lost, of a new one as refused."""
        if patient_id is not None and (row is not None or against is not None):
            self._lose_all(edit, row, patient_id, against)
        if row is not None and patient_id is not None:
            self.push.reassert(self.collection, edit.id)
            return Outcome.reasserted
        if edit.is_delete:
            return Outcome.unchanged
        self.push.refuse(edit, reason, patient_id or self.push.caller.patient_id or self._out_of_reach(edit))
        return Outcome.refused

    def _out_of_reach(self, edit: Edit) -> str | None:
        """Return whose row an edit of staff is about who is not on their panel: others see what it says."""
        patient_id = self.patient_of(edit)
        return patient_id if patient_id in self.push.locked else None

    def _lose_all(self, edit: Edit, row: Row | None, patient_id: str, against: Values | None) -> None:
        """Keep as lost whatever the device changed of a row."""
        stored, base = self.columns_of(row), self._base(edit, row) or {}
        wanted = self._settled(edit.values, self.written)
        lost = {name: each for name, each in wanted.items() if each not in (stored[name], base.get(name, stored[name]))}
        if lost and self.tells_losses:
            kept = {name: stored[name] for name in lost} if against is None else against
            self.push.lose(self.collection, edit.id, patient_id, Loss(kept, lost, is_of_device=True))

    def _reached(self, edit: Edit, row: Row | None) -> str | None:
        """Return whose row an edit is about, None if the caller does not reach it."""
        patient_id, whose = self.patient_of(edit), self.collection.of_patient
        is_theirs = row is None or (whose is not None and getattr(row, whose.name) == patient_id)
        return patient_id if patient_id in self.push.patient_ids and is_theirs else None


def _one_of(said_by: Mapping[str, LostBy], names: Iterable[str]) -> LostBy:
    """Return who wrote all of these columns; unknown if it was not one alone."""
    tellers = {said_by.get(name, LostBy.unknown) for name in names}
    return tellers.pop() if len(tellers) == 1 else LostBy.unknown
