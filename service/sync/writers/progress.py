"""What people report of milestones: reached, skipped, or taken back; messages about them are withdrawn."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, ClassVar

from marshmallow import Schema
from sqlalchemy import select

from models import Milestone, MilestoneProgress, Surgery
from models.merging import LostBy
from schedules.plan.vocabulary import SkipReason
from schedules.planning import plan_episode
from service.api.fields import CivilDate, Text, Word
from service.care.enrol import clinic_today
from service.care.progress import PATIENT_REASONS, can_be_reached, follow_reports, may_report, refuse_day
from service.care.reach import practice_of
from service.errors import ServiceError
from service.sync.edits import Edit
from service.sync.merge import SOMETHING_ELSE, Loss, Merged, Unit, Values
from service.sync.push import Push
from service.sync.writers.base import RefusedError, Writer

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
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
    """Return whether a report stands against another: the higher one, of two days the earlier, else who says more.

    It puts all reports in one order, so that whatever the order in which devices come, they end the same.
    """
    if _rank(stored) != _rank(new):
        return _rank(new) > _rank(stored)
    if stored["achieved_on"] != new["achieved_on"]:
        return str(new["achieved_on"]) < str(stored["achieved_on"])
    return _words(new) > _words(stored)


def _words(values: Values) -> tuple[str, int, str]:
    note = str(values["note"] or "")
    return str(values["skip_reason"] or ""), len(note), note


def _unmix(values: dict[str, Any], started: Values) -> bool:
    """Leave one of two states in `values`: the one that is new. Return whether the device told both."""
    whole = {**started, **values}
    if whole["achieved_on"] is None or whole["skip_reason"] is None:
        return False
    told_both = values.get("achieved_on") is not None and values.get("skip_reason") is not None
    values["achieved_on" if whole["achieved_on"] == started["achieved_on"] else "skip_reason"] = None
    return told_both


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
        self._today = clinic_today(practice_of(self.push.session, self.push.caller), self.push.now)
        return {row.patient_id for row in self._milestones.values()}

    def patient_of(self, edit: Edit) -> str | None:
        """Return whose milestone it is."""
        milestone = self._milestones.get(edit.id)
        return None if milestone is None else milestone.patient_id

    def understand(self, edit: Edit, row: MilestoneProgress | None, stored: Values) -> Edit:
        """Return the edit with a day that can be and one state, and with an unknown base where it had another.

        Some clients merge by themselves and tell no base. Where both states stand in their row one is another's word;
        and where the other role has reported, nobody knows whether the patient had seen it.
        """
        values = dict(edit.values)
        self._refit_day(edit.id, values, stored)
        is_mixed = _unmix(values, {**stored, **(edit.base or {})})
        self._drop_note(edit, row, values, stored)
        if row is None or edit.base is not None:
            return replace(edit, values=values)
        is_of_other = row.reported_by is not self.push.caller.reporter and not self.push.caller.is_staff
        if not is_mixed and not is_of_other:
            return replace(edit, values=values)
        return replace(edit, values={**stored, **values}, base=dict.fromkeys(self.written, SOMETHING_ELSE))

    def _refit_day(self, milestone_id: str, values: dict[str, Any], stored: Values) -> None:
        """Put today in the place of a day ahead of the clinic's calendar, since the phone's clock is wrong."""
        today, told = self._today.isoformat(), values.get("achieved_on")
        if isinstance(told, str) and _DAY.fullmatch(told) and told > today:
            values["achieved_on"] = stored["achieved_on"] or today
            self.push.reassert(self.collection, milestone_id)

    def _drop_note(self, edit: Edit, row: MilestoneProgress | None, values: dict[str, Any], stored: Values) -> None:
        """Take the note out of what reports nothing, and keep it as lost if it is new."""
        whole = {**stored, **values}
        if whole["note"] is None or whole["achieved_on"] is not None or whole["skip_reason"] is not None:
            return
        if row is None:
            raise RefusedError("note_alone")
        if whole["note"] != stored["note"]:
            loss = Loss({"note": None}, {"note": whole["note"]}, is_of_device=True)
            self.push.lose(self.collection, edit.id, row.patient_id, loss)
        values["note"] = None
        self.push.reassert(self.collection, edit.id)

    def refuse(self, edit: Edit, row: MilestoneProgress | None) -> None:
        """Refuse a report on what lifts a restriction, or was cancelled meanwhile: that one is kept as lost."""
        milestone = self._milestones[edit.id]
        if not may_report(self.push.caller, milestone):
            raise RefusedError("lifts_a_restriction")
        if edit.values.get("achieved_on") is not None and not can_be_reached(milestone):
            raise RefusedError("asks_for_check_ins")
        if milestone.cancelled_at is not None:
            raise RefusedError("cancelled", against={"cancel_reason": milestone.cancel_reason})
        by_clinic = row is not None and row.skip_reason in _CLINICS_REASONS
        if not self.push.caller.is_staff and (by_clinic or edit.values.get("skip_reason") in _CLINICS_REASONS):
            raise RefusedError("the_clinics_reason")

    def store(self, edit: Edit, row: MilestoneProgress | None, facts: dict[str, Any], merged: Merged) -> None:
        """Store what is reported, and keep what was."""
        milestone, achieved_on, skip_reason = self._milestones[edit.id], facts["achieved_on"], facts["skip_reason"]
        self._refuse_day(milestone, achieved_on)
        is_open = achieved_on is None and skip_reason is None
        if row is None:
            row = MilestoneProgress(practice_id=milestone.practice_id, id=milestone.id, patient_id=milestone.patient_id)
            self.push.session.add(row)
            self.rows[row.id] = row
        else:
            self._keep_former(edit, row, merged)
        row.achieved_on, row.skip_reason = achieved_on, skip_reason
        row.note = facts["note"]
        row.reported_by, row.reported_at = self.push.caller.reporter, self.push.now
        reason = "reopened" if is_open else "skipped" if achieved_on is None else "achieved"
        self._reported.setdefault(reason, []).append(milestone)

    def _keep_former(self, edit: Edit, row: MilestoneProgress, merged: Merged) -> None:
        """Keep what was reported before; if it was the other role's word, list it."""
        former = self.columns_of(row)
        if not any(former.values()):
            return
        self.push.replace(row, former)
        knew = edit.base is not None and merged.changed <= edit.base.keys()
        if not knew and row.reported_by is not self.push.caller.reporter:
            loss = Loss({name: merged.values[name] for name in former}, former, is_of_device=False)
            self.push.lose(self.collection, row.id, row.patient_id, loss, LostBy(row.reported_by))

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

    def _refuse_day(self, milestone: Milestone, day: date | None) -> None:
        """Refuse a day before the surgery."""
        if day is None:
            return
        try:
            refuse_day(self.push.session, milestone, day, self._today)
        except ServiceError:
            raise RefusedError("impossible_day") from None
