"""What a move changes: parsed changes become surgeries as they would be stored, or faults that point at a change.

Reads, and writes nothing. Which reminders and milestones follow is not known here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Episode, Surgery
from schedules.plan.library import Library
from schedules.plan.vocabulary import ApproachClass, MoveReason, Procedure, SurgeryStatus
from schedules.planning import SurgeryChange
from schedules.planning.library import library_of
from service.care.checks import surgery_faults
from service.care.enrol import clinic_today, effective_class, fields_of, protocol_for, stored_fields
from service.care.reach import practice_of, refuse_who_treats_nobody
from service.care.records import SurgeryRecord
from service.errors import ConflictError, Fault, InvalidError, NotFoundError, describe
from service.identity.principal import Principal

_SERVED_BY = frozenset({"procedure", "approach", "approach_class", "levels"})
_NO_OPEN_PROTOCOL = (Procedure.alif, Procedure.llif)
_ASK_THE_SURGEON = (
    "a minimally invasive approach: an open {procedure} has no protocol, so ask the surgeon; "
    "where open posterior fixation was added, procedure_changed to tlif with approach open"
)


class ChangeKind(StrEnum):
    """What one change of a move does to a surgery."""

    date_set = "date_set"
    date_moved = "date_moved"
    date_cleared = "date_cleared"
    approach_changed = "approach_changed"
    levels_changed = "levels_changed"
    procedure_changed = "procedure_changed"
    stage_added = "stage_added"
    surgery_cancelled = "surgery_cancelled"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one surgery. `facts` are the fields of its record that it names, parsed."""

    kind: ChangeKind
    surgery_id: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Move:
    """Changes that are made together, and why. `reason_text` goes with the reason `other`."""

    changes: tuple[Change, ...]
    reason: MoveReason
    reason_text: str | None = None


@dataclass(frozen=True, slots=True)
class ChangedSurgery:
    """A surgery before and after a move. `was` is None for a new one; `columns` are what its row would hold then."""

    surgery_id: str
    kinds: tuple[ChangeKind, ...]
    was: Surgery | None
    record: SurgeryRecord
    columns: Mapping[str, Any]

    def for_plan(self) -> SurgeryChange:
        """Return the change as the plan engine takes it."""
        return SurgeryChange(self.surgery_id, self.columns, is_new=self.was is None)


@dataclass(slots=True)
class _Draft:
    """A surgery while its changes are laid on it, in their order. `places` are those changes in the request."""

    surgery_id: str
    was: Surgery | None
    record: SurgeryRecord
    places: list[tuple[int, Change]] = field(default_factory=list)

    def pointer(self, name: str) -> str:
        """Return where the request says `name` of this surgery, or else its last change."""
        for index, change in reversed(self.places):
            if change.kind is ChangeKind.stage_added:
                return f"/changes/{index}/surgery/{name}"
            if name in change.facts:
                return f"/changes/{index}/{name}"
        return f"/changes/{self.places[-1][0]}"


def changed_surgeries(
    session: Session, caller: Principal, episode: Episode, move: Move, now: datetime
) -> tuple[ChangedSurgery, ...]:
    """Return the surgeries of the episode that a move changes, as they would be stored.

    Raises NotFoundError for a surgery that the episode does not have, ConflictError for a change that its present state
    does not allow, InvalidError for facts that are not possible or that no protocol serves.
    """
    today = clinic_today(practice_of(session, caller), now)
    whose = {"practice_id": episode.practice_id, "episode_id": episode.id}
    stored = {row.id: row for row in session.scalars(select(Surgery).filter_by(**whose, deleted=False))}
    drafts: dict[str, _Draft] = {}
    for index, change in enumerate(move.changes):
        draft = drafts.get(change.surgery_id) or _begin(session, episode, stored, index, change)
        drafts[change.surgery_id] = draft
        if change.kind is not ChangeKind.stage_added:
            _refuse_state(draft, index, change, move.reason)
        draft.record = replace(draft.record, **_facts(draft, change))
        draft.places.append((index, change))
    _refuse_shared_stages(stored, drafts.values())
    library = library_of(session, episode.practice_id)
    for draft in drafts.values():
        refuse_who_treats_nobody(session, episode.practice_id, draft.record.surgeon_id, draft.pointer("surgeon_id"))
        _refuse_impossible(draft, today)
    return tuple(_changed(draft, library) for draft in drafts.values())


def _begin(session: Session, episode: Episode, stored: Mapping[str, Surgery], index: int, change: Change) -> _Draft:
    pointer = f"/changes/{index}/surgery_id"
    if change.kind is ChangeKind.stage_added:
        if session.get(Surgery, (episode.practice_id, change.surgery_id)) is not None:
            raise ConflictError(Fault(pointer, "an id that no surgery has", "one in use"))
        return _Draft(change.surgery_id, None, SurgeryRecord(episode_id=episode.id, **change.facts))
    row = stored.get(change.surgery_id)
    if row is None:
        raise NotFoundError(Fault(pointer, "a surgery of this episode", "an unknown id"))
    return _Draft(row.id, row, SurgeryRecord(**fields_of(row, SurgeryRecord)))


def _facts(draft: _Draft, change: Change) -> dict[str, Any]:
    """Return the fields of the surgery's record that a change sets, those that follow from it included."""
    match change.kind:
        case ChangeKind.surgery_cancelled:
            return {"status": SurgeryStatus.cancelled}
        case ChangeKind.date_cleared:
            return {"surgery_on": None, "arrival_at": None}
        case ChangeKind.date_set | ChangeKind.date_moved if draft.record.status is SurgeryStatus.planned:
            # The hospital's time was for the day that was: fasting counts from it, so it does not go along by itself.
            return {"arrival_at": None} | dict(change.facts)
        case ChangeKind.approach_changed | ChangeKind.procedure_changed:
            return {"approach_class": None} | dict(change.facts)
    return dict(change.facts)


def _refuse_state(draft: _Draft, index: int, change: Change, reason: MoveReason) -> None:
    """Raise ConflictError if the surgery, as the changes before left it, does not allow this one."""
    record, pointer = draft.record, f"/changes/{index}"
    if draft.was is None:
        raise ConflictError(Fault(f"{pointer}/surgery_id", "a stored surgery: say it all in stage_added", "a new one"))
    for holds, expected, got in _objections(record, change, reason):
        if holds:
            raise ConflictError(Fault(f"{pointer}/change", expected, got))


def _objections(record: SurgeryRecord, change: Change, reason: MoveReason) -> Iterator[tuple[bool, str, str]]:
    kind, dated = change.kind, record.surgery_on is not None
    performed = record.status is SurgeryStatus.performed
    yield record.status is SurgeryStatus.cancelled, "a surgery that still stands", "a cancelled one"
    yield kind is ChangeKind.date_set and dated, "date_moved, since the surgery has a date", kind
    yield kind is ChangeKind.date_moved and not dated, "date_set, since the surgery has no date", kind
    yield kind is ChangeKind.date_cleared and not dated, "a surgery with a date", "one without"
    ends = kind in (ChangeKind.date_cleared, ChangeKind.surgery_cancelled)
    yield performed and ends, "a surgery that is still planned", "a performed one"
    corrects = kind is not ChangeKind.date_moved or reason is MoveReason.entry_corrected
    expected = "the reason entry_corrected: the date of a performed surgery is corrected, never moved"
    yield performed and not corrects, expected, reason


def _refuse_shared_stages(stored: Mapping[str, Surgery], drafts: Iterable[_Draft]) -> None:
    taken = {row.stage for row in stored.values()}
    for draft in drafts:
        if draft.was is None and draft.record.stage in taken:
            pointer = draft.pointer("stage")
            raise ConflictError(Fault(pointer, "a stage that no other surgery has", str(draft.record.stage)))
        taken.add(draft.record.stage)


def _refuse_impossible(draft: _Draft, today: date) -> None:
    record = draft.record
    if record.status is SurgeryStatus.performed and record.surgery_on is not None and record.surgery_on > today:
        expected = f"a date up to {today}, since the surgery was performed"
        raise InvalidError(Fault(draft.pointer("surgery_on"), expected, describe(record.surgery_on)))
    _refuse(draft, surgery_faults(record, today))
    try:
        opened = effective_class(record) is ApproachClass.open
    except InvalidError as error:
        _refuse(draft, error.faults)
    else:
        if opened and record.procedure in _NO_OPEN_PROTOCOL:
            expected = _ASK_THE_SURGEON.format(procedure=record.procedure)
            raise InvalidError(Fault(draft.pointer("approach"), expected, record.approach.value))


def _refuse(draft: _Draft, faults: Sequence[Fault]) -> None:
    """Raise InvalidError with a record's faults, each pointing into the request, or naming what it says nothing of."""
    told = []
    for fault in faults:
        name = fault.pointer.strip("/")
        pointer = draft.pointer(name)
        expected = fault.expected if pointer.endswith(name) else f"{name}: {fault.expected}"
        told.append(Fault(pointer, expected, fault.got))
    if told:
        raise InvalidError(*told)


def _changed(draft: _Draft, library: Library) -> ChangedSurgery:
    """Return the draft with its columns: of a stored surgery those that differ. What serves it is pinned anew."""
    values = stored_fields(draft.record)
    differing = {name: value for name, value in values.items() if getattr(draft.was, name, None) != value}
    columns = values if draft.was is None else differing
    if not columns:
        raise InvalidError(Fault(draft.pointer(""), "a change of what is stored", "what is stored"))
    if draft.was is None or differing.keys() & _SERVED_BY:
        try:
            protocol = protocol_for(draft.record, library)
        except InvalidError as error:
            _refuse(draft, error.faults)
            raise
        columns |= {"protocol_id": protocol.id, "protocol_version": protocol.version}
        columns["protocol_digest"] = protocol.digest
    kinds = tuple(change.kind for _, change in draft.places)
    return ChangedSurgery(draft.surgery_id, kinds, draft.was, draft.record, columns)
