"""What a patient's phone may say of the patient: language, place, units, channels and quiet hours."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from marshmallow import Schema

from models import Patient
from service.api.patients import PatientPatch
from service.care.enrol import fields_of
from service.care.patients import change_patient
from service.care.records import PatientRecord
from service.errors import ServiceError
from service.sync.edits import Edit
from service.sync.merge import Merged
from service.sync.writers.base import RefusedError, Writer


class PatientWriter(Writer[Patient]):
    """A phone changes its own patient, and never makes one."""

    name = "patients"
    body: ClassVar[type[Schema]] = PatientPatch

    def load_parents(self, edits: Sequence[Edit]) -> Iterable[str]:
        """Return the ids themselves."""
        return {edit.id for edit in edits}

    def patient_of(self, edit: Edit) -> str | None:
        """Return the patient's id."""
        return edit.id

    def refuse(self, edit: Edit, row: Patient | None) -> None:
        """Refuse a new patient, and what staff push: theirs goes through the API, with its checks."""
        if row is None or self.push.caller.is_staff:
            raise RefusedError("patients_only")

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
