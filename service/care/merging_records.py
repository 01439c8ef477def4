"""Use cases: what making one record of two would do is shown before it is done, and then done as it was shown.

A dry run does all of it and takes it back, so that it cannot show anything else than what is done later. Which rows go
where, `merging_rows` says; which facts stand, `merging_facts`; what stands against it, `merging_checks`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import LargeBinary, select
from sqlalchemy.orm import Session

from models import Delivery, Episode, Patient, Practice, RecordMerge, Reminder
from models.base import Base
from models.bulk import store_pending
from models.care import Reporter
from models.sync import stamp_again
from schedules.plan.errors import PlanError
from schedules.plan.vocabulary import ReminderState
from schedules.planning import plan_episode
from schedules.planning.fingerprint import fingerprint
from service.care.checks import patient_faults
from service.care.enrol import changes, clinic_today, fields_of, refuse_faults, write_fields
from service.care.merging_checks import Merge, refuse_merge
from service.care.merging_facts import Difference, find_differences, join_facts
from service.care.merging_rows import WAYS, Carried, Pair, Way, carry_rows
from service.care.records import PATIENT_MAY_CHANGE, PatientRecord
from service.care.versions import former_columns, keep_former_version
from service.errors import Fault, InvalidError, NotFoundError, StaleMergeError, from_plan

_REHEARSED = "rehearsed"
# A worker writes these as it looks at a message, without doing anything.
_LEASE = frozenset({"lease_owner", "lease_until", "lease_until_ms", "lease_boot", "fence"})


class MessageFate(StrEnum):
    """What became of a planned message whose record became part of another."""

    withdrawn = "withdrawn"
    planned_again = "planned_again"  # at another time
    added = "added"


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge does: to facts, to rows, and to messages, by the reminder's id. `kept` messages stay as planned."""

    differences: tuple[Difference, ...]
    carried: Carried
    messages: Mapping[str, MessageFate]
    kept: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a merge would do now. Whoever agreed to it agreed to what has this fingerprint."""

    merged: Merged
    fingerprint: str


def preview_merge(session: Session, practice_id: str, command: Merge, now: datetime) -> Rehearsal:
    """Return what a merge would do now. Stores nothing.

    Raises InvalidError for one record twice, or facts that are not possible together, NotFoundError for a record out
    of reach, ConflictError for what stands against it.
    """
    with session.begin_nested() as rehearsal:
        try:
            return _merge(session, practice_id, command, _REHEARSED, by=None, now=now)
        finally:
            rehearsal.rollback()
            session.expire_all()


def apply_merge(
    session: Session,
    practice_id: str,
    command: Merge,
    *,
    merge_id: str,
    agreed: str,
    by: str | None,
    now: datetime,
) -> RecordMerge:
    """Make one record of two in the session's transaction, as the dry run with the fingerprint `agreed` showed it.

    `by` is a member of staff, or None for a command. Done already under `merge_id`, it is not done again. The session
    is of no use after a refusal. Raises StaleMergeError if it would now do anything else than was shown, and as
    `preview_merge` does.
    """
    done = find_merge(session, practice_id, merge_id)
    if done is None:
        try:
            rehearsal = _merge(session, practice_id, command, merge_id, by=by, now=now)
        except NotFoundError:
            # While the locks were waited for, the same may have been done.
            done = find_merge(session, practice_id, merge_id)
            if done is None:
                raise
            return done
        if rehearsal.fingerprint != agreed:
            raise StaleMergeError(Fault("/token", "the token of a dry run from what is stored now", "one from before"))
        done = session.get_one(RecordMerge, (practice_id, merge_id))
    return done


def find_merge(session: Session, practice_id: str, merge_id: str) -> RecordMerge | None:
    """Return the merge that was done under an id, or None."""
    return session.get(RecordMerge, (practice_id, merge_id))


def lock_pair(session: Session, practice_id: str, command: Merge) -> tuple[Patient, Patient]:
    """Return both patients, the survivor first, locked to the commit with their deliveries.

    Raises InvalidError for one record twice, NotFoundError.
    """
    if command.survivor_id == command.absorbed_id:
        raise InvalidError(Fault("/absorbed_id", "another record than the one that survives", "the same"))
    ids = {"/patient_id": command.survivor_id, "/absorbed_id": command.absorbed_id}
    query = select(Patient).where(Patient.practice_id == practice_id, Patient.id.in_(ids.values()))
    query = query.order_by(Patient.id).with_for_update(key_share=True)
    found = {each.id: each for each in session.scalars(query.execution_options(populate_existing=True))}
    for pointer, patient_id in ids.items():
        if patient_id not in found or found[patient_id].deleted:
            raise NotFoundError(Fault(pointer, "a patient of this practice", "an unknown id"))
    messages = select(Delivery.id).where(Delivery.practice_id == practice_id, Delivery.patient_id.in_(ids.values()))
    session.execute(messages.order_by(Delivery.id).with_for_update()).all()
    return found[command.survivor_id], found[command.absorbed_id]


def _merge(
    session: Session, practice_id: str, command: Merge, merge_id: str, *, by: str | None, now: datetime
) -> Rehearsal:
    """Do all of it in the session's transaction, and return what was done."""
    store_pending(session)
    survivor, absorbed = lock_pair(session, practice_id, command)
    refuse_merge(session, survivor, absorbed, command)
    own, other = (PatientRecord(**fields_of(each, PatientRecord)) for each in (survivor, absorbed))
    differences = find_differences(own, other, command.choices)
    record = join_facts(own, other, command.choices)
    refuse_faults(patient_faults(record, clinic_today(session.get_one(Practice, practice_id), now)))
    pair = Pair(practice_id, survivor.id, absorbed.id)
    state, before = _state_of(session, pair), _reminders(session, pair)
    _enter(session, pair, merge_id, {"former": _text_of(own, other), "merged_by": by, "merged_at": now})
    carried = carry_rows(session, pair, now)
    _plan_again(session, pair, record, now)
    messages, kept = _compared(before, _reminders(session, pair))
    merged = Merged(differences, carried, messages, kept)
    _complete(session, pair, merge_id, merged)
    told = [asdict(command), [asdict(each) for each in differences], asdict(carried), sorted(messages.items())]
    return Rehearsal(merged, fingerprint(state, told))


def _plan_again(session: Session, pair: Pair, record: PatientRecord, now: datetime) -> None:
    """Write the survivor's facts, and plan all of the survivor's episodes by them: of what several say, one speaks."""
    session.expire_all()
    stamp_again(session, pair.practice_id)
    survivor = session.get_one(Patient, (pair.practice_id, pair.survivor_id))
    if settings := PATIENT_MAY_CHANGE.intersection(changes(survivor, record)):
        keep_former_version(session, survivor, former_columns(survivor, settings), now, by=Reporter.staff)
    write_fields(survivor, record)
    whose = {"practice_id": pair.practice_id, "patient_id": pair.survivor_id}
    try:
        for episode_id in session.scalars(select(Episode.id).filter_by(**whose).order_by(Episode.id)).all():
            plan_episode(session, pair.practice_id, episode_id, now)
    except PlanError as error:
        raise from_plan(error, {error.where: "/absorbed_id"}.items()) from None
    store_pending(session)


def _enter(session: Session, pair: Pair, merge_id: str, told: dict[str, Any]) -> None:
    """Store the merge: from here on rows of append-only tables may change hands."""
    row = RecordMerge(practice_id=pair.practice_id, id=merge_id, patient_id=pair.survivor_id)
    session.add(row)
    row.absorbed_id, row.choices, row.moved, row.answers = pair.absorbed_id, {}, {}, {}
    for name, value in told.items():
        setattr(row, name, value)
    session.flush()


def _complete(session: Session, pair: Pair, merge_id: str, merged: Merged) -> None:
    row = session.get_one(RecordMerge, (pair.practice_id, merge_id))
    row.choices = {each.fact.value: each.stands.value for each in merged.differences}
    row.moved = {name: dict(value) for name, value in asdict(merged.carried).items()}
    row.answers = {reminder_id: fate.value for reminder_id, fate in sorted(merged.messages.items())}
    session.flush()


_Messages = Mapping[str, tuple[ReminderState, int, datetime]]


def _reminders(session: Session, pair: Pair) -> _Messages:
    query = select(Reminder.id, Reminder.state, Reminder.generation, Reminder.due_at).where(
        Reminder.practice_id == pair.practice_id, Reminder.patient_id.in_((pair.survivor_id, pair.absorbed_id))
    )
    return {row.id: (row.state, row.generation, row.due_at) for row in session.execute(query)}


def _compared(before: _Messages, after: _Messages) -> tuple[dict[str, MessageFate], int]:
    """Return what became of messages that changed, and how many stay as they were planned."""
    fates, kept = {}, 0
    for reminder_id, now_so in sorted(after.items()):
        was = before.get(reminder_id)
        is_planned = now_so[0] is ReminderState.planned
        if was == now_so:
            kept += is_planned
        elif is_planned:
            is_new = was is None or was[0] is not ReminderState.planned
            fates[reminder_id] = MessageFate.added if is_new else MessageFate.planned_again
        elif was is not None and was[0] is ReminderState.planned:
            fates[reminder_id] = MessageFate.withdrawn
    return fates, kept


def _state_of(session: Session, pair: Pair) -> dict[str, object]:
    """Return what is stored of both: of private values it says no more than that their row did not change."""
    rows: dict[str, object] = {}
    for name in [*sorted(name for name, way in WAYS.items() if way is not Way.stays), "patient"]:
        table = Base.metadata.tables[name]
        owner = table.c.id if name == "patient" else table.c.patient_id
        told = [each for each in table.c if not isinstance(each.type, LargeBinary) and each.name not in _LEASE]
        query = select(*told).where(
            table.c.practice_id == pair.practice_id, owner.in_((pair.survivor_id, pair.absorbed_id))
        )
        rows[name] = [[str(value) for value in row] for row in session.connection().execute(query.order_by(table.c.id))]
    return {"rows": rows, "pair": [pair.practice_id, pair.survivor_id, pair.absorbed_id]}


def _text_of(own: PatientRecord, other: PatientRecord) -> str:
    return orjson.dumps({"survivor": asdict(own), "absorbed": asdict(other)}).decode()
