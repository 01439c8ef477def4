"""Check-ins and observations: a device adds them, and who made one may change it; every version is kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import orjson
from marshmallow import Schema, ValidationError
from sqlalchemy import select

from models import CheckIn, Episode, FormerVersion, ObservedFact, Surgery
from schedules.plan.exercises import EXERCISE_OF_KEY
from service.api.check_ins import SETS, CheckInBody
from service.api.observations import ObservationBody
from service.care.observations import may_tell
from service.care.report_alerts import flags_in, raise_from_reports
from service.sync.collections import wire_values
from service.sync.columns import columns_of_text, milliseconds
from service.sync.edits import Edit, Outcome
from service.sync.merge import Merged, Values
from service.sync.push import Push
from service.sync.writers.base import RefusedError, Row, Writer

# A phone's clock may be wrong. What it says of a report is data; days ahead of ours, ours is put in its place.
CLOCK_ERROR = timedelta(days=2)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


class ReportWriter(Writer[Row]):
    """Reports hang on an episode, which never changes."""

    told_at: ClassVar[str]  # the column with the phone's time

    def load_parents(self, edits: Sequence[Edit]) -> Iterable[str]:
        """Read the episodes that the edits name, and of those that name none, whose their stored rows are."""
        model: Any = self.collection.model
        practice_id, session = self.push.practice_id, self.push.session
        # Of every edit: of two of one row, as PowerSync sends them, the first alone may name the episode.
        told = {edit.values.get("episode_id") for edit in edits}
        wanted = sorted(each for each in told if isinstance(each, str))
        episodes = select(Episode.id, Episode.patient_id).where(Episode.practice_id == practice_id)
        self._patients: dict[str, str] = dict(session.execute(episodes.where(Episode.id.in_(wanted))).all())
        ids = sorted({edit.id for edit in edits})
        stored = select(model.patient_id).where(model.practice_id == practice_id, model.id.in_(ids))
        return {*self._patients.values(), *session.scalars(stored)}

    def patient_of(self, edit: Edit) -> str | None:
        """Return whose report it is: of the row that is stored, or was just made, else of the episode that it names."""
        row: Any = self.rows.get(edit.id)
        return self._patients.get(str(edit.values.get("episode_id"))) if row is None else str(row.patient_id)

    def understand(self, edit: Edit, row: Any, stored: Values) -> Edit:
        """Return the edit without a time that cannot be, since the phone's clock is wrong: what is stored stays."""
        told_at = edit.values.get(self.told_at)
        if row is None or not self._is_impossible(told_at):
            return edit
        self.push.reassert(self.collection, edit.id)
        return replace(edit, values=edit.values | {self.told_at: stored[self.told_at]})

    def _is_impossible(self, told_at: Any) -> bool:
        latest = milliseconds(self.push.now + CLOCK_ERROR)
        return isinstance(told_at, int | float) and not milliseconds(_EARLIEST) <= told_at <= latest

    def load_first_versions(self, ids: Sequence[str]) -> None:
        """Read the former versions of these rows in one statement."""
        self._first: dict[str, dict[str, Any]] = {}
        query = select(FormerVersion).where(
            FormerVersion.practice_id == self.push.practice_id,
            FormerVersion.collection == self.name,
            FormerVersion.row_id.in_(ids),
        )
        for version in self.push.session.scalars(query.order_by(FormerVersion.id)) if ids else ():
            self._first[version.row_id] = columns_of_text(version.content) | self._first.get(version.row_id, {})

    def first_version(self, row: Row) -> dict[str, Any]:
        """Return what a report said when it was made: what it says now, but for what was changed since."""
        return wire_values(self.collection, row, self.written) | self._first.get(row.id, {})

    def write(self, row: Any, facts: dict[str, Any], *, is_new: bool, merged: Merged, former: dict[str, Any]) -> None:
        """Write the facts; what an older row said before is kept, and the time that a phone told wrongly."""
        if is_new:
            self.push.session.add(row)
            self.rows[row.id] = row
        told_at = merged.values[self.told_at]
        if self._is_impossible(told_at):
            former, facts[self.told_at] = {self.told_at: told_at}, self.push.now
            self.push.reassert(self.collection, row.id)
        for name, value in facts.items():
            setattr(row, name, value)
        if former:
            self.push.replace(row, former)

    def former(self, row: Any, merged: Merged) -> dict[str, Any]:
        """Return what a stored row says that an edit changes."""
        return {} if row is None else wire_values(self.collection, row, sorted(merged.changed))

    def refuse(self, edit: Edit, row: Any) -> None:
        """Refuse a change by who did not report it, or to another episode."""
        if row is None:
            return
        if row.reported_by is not self.push.caller.reporter and not self.push.is_restoring:
            raise RefusedError("not_yours")
        consent_id = self.push.caller.consent_id
        if consent_id is not None and getattr(row, "proxy_consent_id", None) != consent_id:
            raise RefusedError("not_yours")
        if edit.values.get("episode_id", row.episode_id) != row.episode_id:
            raise RefusedError("episode_never_changes")


class CheckInWriter(ReportWriter[CheckIn]):
    """What a patient reports of a day."""

    name = "check_ins"
    body: ClassVar[type[Schema]] = CheckInBody
    told_at = "reported_at"

    def __init__(self, push: Push) -> None:
        super().__init__(push)
        self._told: dict[str, CheckIn] = {}
        self._said: dict[str, set[str]] = {}

    def understand(self, edit: Edit, row: CheckIn | None, stored: Values) -> Edit:
        """Return the edit with what it ticks, and takes back, done to what is stored: two phones may tick in one."""
        meant = super().understand(edit, row, stored)
        started = stored if meant.base is None else {**stored, **meant.base}
        told, was, there = (_ticked(each.get("exercises")) for each in (meant.values, started, stored))
        if told is None:
            return meant
        done = (there or set()) - ((was or set()) - told) | (told - (was or set()))
        in_order = [key for key in EXERCISE_OF_KEY if key in done]
        values = meant.values | {"exercises": self.collection.by_name["exercises"].to_wire(in_order)}
        base = None if meant.base is None else meant.base | {"exercises": stored["exercises"]}
        return replace(meant, values=values, base=base)

    def apply(self, edit: Edit) -> Outcome:
        """Apply one edit, and note the red flags in it, whatever becomes of the rest: somebody said them."""
        outcome = super().apply(edit)
        patient_id, flags = self._reached(edit, self.rows.get(edit.id)), flags_in(edit.values)
        if patient_id is not None and flags and not edit.is_delete:
            self._said.setdefault(edit.id, set()).update(flags)
            self._told.setdefault(edit.id, self.rows.get(edit.id) or self._unstored(edit, patient_id))
        return outcome

    def finish(self) -> None:
        """Raise what asks for a person in what was stored, or said."""
        rows = [self._told[row_id] for row_id in sorted(self._told)]
        raise_from_reports(self.push.session, self.push.practice_id, rows, self.push.now, said=self._said)

    def store(self, edit: Edit, row: CheckIn | None, facts: dict[str, Any], merged: Merged) -> None:
        """Store a check-in, or a new version of one."""
        former, is_new = self.former(row, merged), row is None
        if row is None:
            row = CheckIn(practice_id=self.push.practice_id, id=edit.id, patient_id=self.patient_of(edit))
            row.received_at, row.reported_by = self.push.now, self.push.caller.reporter
            row.proxy_consent_id = self.push.caller.consent_id
        self.write(row, facts, is_new=is_new, merged=merged, former=former)
        self._told[row.id] = row

    def _settled(self, values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
        """Return wire values in the form that equal ones share: of two lists of the same words too."""
        settled = super()._settled(values, names)
        return settled | {name: self._in_order(name, settled[name]) for name in settled.keys() & SETS}

    def _in_order(self, name: str, told: Any) -> Any:
        """Return a list of words in the order of its vocabulary; what is none as it came."""
        try:
            words = self._check.fields[name].deserialize(orjson.loads(told))
        except (orjson.JSONDecodeError, ValidationError):
            return told
        return self.collection.by_name[name].to_wire(words)

    def _unstored(self, edit: Edit, patient_id: str) -> CheckIn:
        """Return what stands for a check-in that could not be stored, for the alert that its flags raise."""
        row = CheckIn(practice_id=self.push.practice_id, id=edit.id, patient_id=patient_id)
        row.episode_id, row.reported_at = str(edit.values.get("episode_id")), self.push.now
        return row


def _ticked(text: Any) -> set[str] | None:
    """Return the keys of exercises in a wire value; None for what is not a list of them, which no one can tick."""
    try:
        keys = orjson.loads(text) if isinstance(text, str) else None
    except orjson.JSONDecodeError:
        return None
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in EXERCISE_OF_KEY for key in keys):
        return None
    return set(keys)


class ObservationWriter(ReportWriter[ObservedFact]):
    """Clinical facts; a patient tells of opioids and sedatives only."""

    name = "observations"
    body: ClassVar[type[Schema]] = ObservationBody
    told_at = "observed_at"

    def load_parents(self, edits: Sequence[Edit]) -> Iterable[str]:
        """Read the surgeries that the edits name too."""
        named = sorted({str(edit.values["surgery_id"]) for edit in edits if edit.values.get("surgery_id")})
        surgeries = select(Surgery.id, Surgery.episode_id).where(
            Surgery.practice_id == self.push.practice_id, Surgery.id.in_(named), Surgery.deleted.is_(False)
        )
        self._surgeries: dict[str, str] = dict(self.push.session.execute(surgeries).all())
        return super().load_parents(edits)

    def store(self, edit: Edit, row: ObservedFact | None, facts: dict[str, Any], merged: Merged) -> None:
        """Store a fact, or a new version of one."""
        if not may_tell(self.push.caller, facts["what"]) or (
            row is not None and not may_tell(self.push.caller, row.what)
        ):
            raise RefusedError("not_yours_to_tell")
        surgery_id = facts.get("surgery_id") if "surgery_id" in merged.changed else None
        if surgery_id is not None and self._surgeries.get(surgery_id) != facts["episode_id"]:
            raise RefusedError("unknown_surgery")
        former, is_new = self.former(row, merged), row is None
        if row is None:
            row = ObservedFact(practice_id=self.push.practice_id, id=edit.id, patient_id=self.patient_of(edit))
            row.reported_by = self.push.caller.reporter
        row.recorded_at = self.push.now
        row.recorded_by = self.push.caller.actor_id if self.push.caller.is_staff else None
        self.write(row, facts, is_new=is_new, merged=merged, former=former)
