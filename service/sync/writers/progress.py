"""What people report of milestones: reached, skipped, or taken back; messages about them are withdrawn."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, ClassVar

from marshmallow import Schema
from sqlalchemy import select

from models import Milestone, MilestoneProgress, Surgery
from schedules.plan.vocabulary import SkipReason
from schedules.planning import plan_episode
from service.api.fields import CivilDate, Text, Word
from service.care.enrol import clinic_today
from service.care.progress import PATIENT_REASONS, follow_reports, may_report, refuse_day
from service.care.reach import practice_of
from service.errors import ServiceError
from service.sync.edits import Edit
from service.sync.merge import Loss, Merged, Unit, Values
from service.sync.push import Push
from service.sync.writers.base import RefusedError, Writer

_CLINICS_REASONS = frozenset(SkipReason) - frozenset(PATIENT_REASONS)


class ProgressBody(Schema):
    """What a device reports of a milestone."""

    achieved_on = CivilDate(load_default=None, allow_none=True)
    skip_reason = Word(SkipReason, load_default=None, allow_none=True)
    note = Text(2000, "a note", load_default=None, allow_none=True)


def _rank(values: Values) -> int:
    """Reached stands over skipped by the clinic, that over skipped by the patient, that over nothing reported."""
    if values["achieved_on"] is not None:
        return 3
    if values["skip_reason"] is None:
        return 0
    return 2 if values["skip_reason"] in _CLINICS_REASONS else 1


def takes_new(stored: Values, new: Values) -> bool:
    """Return whether a report stands against another: the higher one, of two days the earlier, else the later word.

    Whatever the order in which devices come, the day and the reason end the same.
    """
    if _rank(stored) != _rank(new):
        return _rank(new) > _rank(stored)
    if stored["achieved_on"] != new["achieved_on"]:
        return str(new["achieved_on"]) < str(stored["achieved_on"])
    return True


class ProgressWriter(Writer[MilestoneProgress]):
    """Progress has the id of its milestone, which must be the patient's and stand."""

    name = "milestone_progress"
    body: ClassVar[type[Schema]] = ProgressBody
    units = (Unit(("achieved_on", "skip_reason", "note"), takes_new),)

    def __init__(self, push: Push) -> None:
        super().__init__(push)
        self._reported: dict[str, list[Milestone]] = {}

    def load_parents(self, edits: Sequence[Edit]) -> Iterable[str]:
        """Read the milestones and their surgeries."""
        query = select(Milestone).where(
            Milestone.practice_id == self.push.practice_id, Milestone.id.in_(sorted({edit.id for edit in edits}))
        )
        self._milestones = {row.id: row for row in self.push.session.scalars(query) if not row.deleted}
        # Held, so that each is read once for all milestones.
        of_them = sorted({row.surgery_id for row in self._milestones.values()})
        surgeries = select(Surgery).where(Surgery.practice_id == self.push.practice_id, Surgery.id.in_(of_them))
        self._surgeries = self.push.session.scalars(surgeries).all()
        self._practice = practice_of(self.push.session, self.push.caller)
        return {row.patient_id for row in self._milestones.values()}

    def patient_of(self, edit: Edit) -> str | None:
        """Return whose milestone it is."""
        milestone = self._milestones.get(edit.id)
        return None if milestone is None else milestone.patient_id

    def refuse(self, edit: Edit, row: MilestoneProgress | None) -> None:
        """Refuse a report on what lifts a restriction, or was cancelled meanwhile: that one is kept as lost."""
        milestone = self._milestones[edit.id]
        if not may_report(self.push.caller, milestone):
            raise RefusedError("lifts_a_restriction")
        if milestone.cancelled_at is not None:
            told = {name: edit.values[name] for name in self.written if edit.values.get(name) is not None}
            loss = Loss({"cancel_reason": milestone.cancel_reason}, told, is_of_device=True)
            self.push.lose(self.collection, edit.id, milestone.patient_id, loss, None)
            raise RefusedError("cancelled")
        by_clinic = row is not None and row.skip_reason in _CLINICS_REASONS
        if not self.push.caller.is_staff and (by_clinic or edit.values.get("skip_reason") in _CLINICS_REASONS):
            raise RefusedError("the_clinics_reason")

    def store(self, edit: Edit, row: MilestoneProgress | None, facts: dict[str, Any], merged: Merged) -> None:
        """Store what is reported."""
        milestone = self._milestones[edit.id]
        achieved_on = self._day(milestone, facts["achieved_on"])
        skip_reason = facts["skip_reason"] if achieved_on is None else None
        is_open = achieved_on is None and skip_reason is None
        if row is None:
            row = MilestoneProgress(practice_id=milestone.practice_id, id=milestone.id, patient_id=milestone.patient_id)
            self.push.session.add(row)
            self.rows[row.id] = row
        row.achieved_on, row.skip_reason = achieved_on, skip_reason
        row.note = None if is_open else facts["note"]
        row.reported_by, row.reported_at = self.push.caller.reporter, self.push.now
        reason = "reopened" if is_open else "skipped" if achieved_on is None else "achieved"
        self._reported.setdefault(reason, []).append(milestone)

    def finish(self) -> None:
        """Withdraw the messages about what was reported, patient by patient, and plan again what was taken back."""
        for reason, milestones in sorted(self._reported.items()):
            for patient_id in sorted({milestone.patient_id for milestone in milestones}):
                theirs = [milestone for milestone in milestones if milestone.patient_id == patient_id]
                if reason == "reopened":
                    for episode_id in sorted({milestone.episode_id for milestone in theirs}):
                        plan_episode(self.push.session, self.push.practice_id, episode_id, self.push.now)
                else:
                    follow_reports(self.push.session, theirs, self.push.now, reason=reason)

    def _day(self, milestone: Milestone, day: date | None) -> date | None:
        """Return the day of a report; one ahead of the clinic's calendar is today, since the phone's clock is wrong."""
        if day is None:
            return None
        today = clinic_today(self._practice, self.push.now)
        if day > today:
            self.push.reassert(self.collection, milestone.id)
        try:
            refuse_day(self.push.session, milestone, min(day, today), today)
        except ServiceError:
            raise RefusedError("impossible_day") from None
        return min(day, today)
