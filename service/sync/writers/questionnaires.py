"""Answers to questionnaires: a device adds them, and who gave one may change it; every version is kept."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from marshmallow import Schema
from sqlalchemy import select

from models import Milestone, QuestionnaireAnswer
from schedules.plan.errors import PlanError
from schedules.plan.questionnaires import refuse_other_parts
from service.api.questionnaire_answers import QuestionnaireAnswerBody
from service.care.questionnaires import achieve_answered, is_questionnaire_of
from service.sync.edits import Edit
from service.sync.merge import Merged, Unit, later_arrival
from service.sync.push import Push
from service.sync.writers.base import RefusedError
from service.sync.writers.reports import ReportWriter


class QuestionnaireWriter(ReportWriter[QuestionnaireAnswer]):
    """What a patient answers. The parts are the instrument's, so that both stand or fall together."""

    name = "questionnaire_answers"
    body: ClassVar[type[Schema]] = QuestionnaireAnswerBody
    told_at = "answered_at"
    units = (Unit(("instrument", "answers"), later_arrival),)

    def __init__(self, push: Push) -> None:
        super().__init__(push)
        self._told: dict[str, QuestionnaireAnswer] = {}

    def load_parents(self, edits: Sequence[Edit]) -> Iterable[str]:
        """Read the milestones that the edits name too."""
        named = sorted({str(edit.values["milestone_id"]) for edit in edits if edit.values.get("milestone_id")})
        query = select(Milestone).where(Milestone.practice_id == self.push.practice_id, Milestone.id.in_(named))
        self._milestones = {row.id: row for row in self.push.session.scalars(query)}
        return super().load_parents(edits)

    def store(self, edit: Edit, row: QuestionnaireAnswer | None, facts: dict[str, Any], merged: Merged) -> None:
        """Store answers, or a new version of them."""
        self._refuse_impossible(facts, merged)
        former, is_new = self.former(row, merged), row is None
        if row is None:
            row = QuestionnaireAnswer(practice_id=self.push.practice_id, id=edit.id, patient_id=self.patient_of(edit))
            row.received_at, row.reported_by = self.push.now, self.push.caller.reporter
            row.proxy_consent_id = self.push.caller.consent_id
        self.write(row, facts, is_new=is_new, merged=merged, former=former)
        self._told[row.id] = row

    def finish(self) -> None:
        """Note the milestones of what was answered as achieved, patient by patient."""
        answered: dict[str, list[tuple[QuestionnaireAnswer, Milestone]]] = {}
        for row in (self._told[row_id] for row_id in sorted(self._told)):
            milestone = self._milestones.get(row.milestone_id or "")
            if milestone is not None and milestone.patient_id == row.patient_id:
                answered.setdefault(row.patient_id, []).append((row, milestone))
        for patient_id in sorted(answered):
            achieve_answered(self.push.session, self.push.caller, answered[patient_id], self.push.now)

    def _refuse_impossible(self, facts: dict[str, Any], merged: Merged) -> None:
        try:
            refuse_other_parts(facts["instrument"], facts["answers"])
        except PlanError:
            raise RefusedError("invalid") from None
        milestone_id = facts["milestone_id"]
        if milestone_id is None or "milestone_id" not in merged.changed:
            return
        milestone = self._milestones.get(milestone_id)
        if milestone is None or not is_questionnaire_of(milestone, facts["episode_id"]):
            raise RefusedError("unknown_milestone")
