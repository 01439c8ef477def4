"""What a patient's phone may say of the patient: language, place, units, channels and quiet hours.

The later word stands, and what it replaces is kept as a former version. Those also say who wrote what is stored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from marshmallow import Schema
from sqlalchemy import select

from models import FormerVersion, Patient
from models.merging import LostBy
from service.api.patients import PatientPatch
from service.care.enrol import fields_of
from service.care.patients import change_patient
from service.care.records import PatientRecord
from service.errors import ServiceError
from service.sync.columns import columns_of_text
from service.sync.edits import Edit
from service.sync.merge import SOMETHING_ELSE, Merged, Values
from service.sync.push import Push
from service.sync.writers.base import RefusedError, Writer


class PatientWriter(Writer[Patient]):
    """A phone changes its own patient, and never makes one."""

    name = "patients"
    body: ClassVar[type[Schema]] = PatientPatch

    def __init__(self, push: Push) -> None:
        super().__init__(push)
        self._said: dict[str, dict[str, LostBy]] = {}

    def load_parents(self, edits: Sequence[Edit]) -> Iterable[str]:
        """Return the ids themselves."""
        return {edit.id for edit in edits}

    def patient_of(self, edit: Edit) -> str | None:
        """Return the patient's id."""
        return edit.id

    def refuse(self, edit: Edit, row: Patient | None) -> None:
        """Refuse a new patient, and what staff push: theirs goes through the API, with its checks."""
        if row is None or (self.push.caller.is_staff and not self.push.is_restoring):
            raise RefusedError("patients_only")

    def load_rows(self, edits: Sequence[Edit]) -> None:
        """Read who last changed each setting: in whose name its latest former version was replaced."""
        super().load_rows(edits)
        query = select(FormerVersion).where(
            FormerVersion.practice_id == self.push.practice_id,
            FormerVersion.collection == self.name,
            FormerVersion.row_id.in_(sorted(self.push.patient_ids & self.rows.keys())),
        )
        for version in self.push.session.scalars(query.order_by(FormerVersion.id)):
            by = LostBy.unknown if version.replaced_by is None else LostBy(version.replaced_by)
            self._said.setdefault(version.row_id, {}).update(dict.fromkeys(columns_of_text(version.content), by))

    def said_by(self, row: Patient | None) -> dict[str, LostBy]:
        """Return who last changed each setting. One that stands as it was enrolled, or since before that was kept, is
        not in it.
        """
        return {} if row is None else dict(self._said.get(row.id, {}))

    def understand(self, edit: Edit, row: Patient | None, stored: Values) -> Edit:
        """Return the edit with an unknown base where it tells none and the clinic has changed what it overwrites.

        Clients that tell no base have merged by themselves: nobody knows whether the patient had seen the clinic's.
        """
        if edit.base is not None:
            return edit
        by_clinic = {name for name, by in self.said_by(row).items() if by is LostBy.staff}
        return replace(edit, base=dict.fromkeys(by_clinic & edit.values.keys(), SOMETHING_ELSE))

    def store(self, edit: Edit, row: Patient | None, facts: dict[str, Any], merged: Merged) -> None:
        """Write what changed, and plan again what depends on it."""
        if row is None:
            raise RefusedError("patients_only")
        changed = {name: tuple(each) if isinstance(each, list) else each for name, each in facts.items()}
        stored = fields_of(row, PatientRecord)
        record = PatientRecord(**stored | {name: changed[name] for name in merged.changed})
        try:
            change_patient(
                self.push.session, self.push.caller, row, record, now=self.push.now, require_match=lambda _row: None
            )
        except ServiceError:
            raise RefusedError("invalid") from None
        by = LostBy(self.push.caller.reporter)
        self._said.setdefault(row.id, {}).update(dict.fromkeys(merged.changed, by))
