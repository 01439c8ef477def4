"""Use cases: a clinician enters what depends on the person (medicines, fasting, skin wash), signs it, takes it away.

An entry is for one day of surgery: after a move it is stale until it is confirmed. A patient reads neither a stale
entry nor one that waits for its signature.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Milestone, Patient, Staff, Surgery
from models.change import SlotEntry
from models.report import TaskKind
from schedules.plan.identity import plan_row_id
from schedules.plan.progress import SlotState
from schedules.plan.protocol import Text
from schedules.plan.vocabulary import Language, MilestoneKind, SurgeryStatus
from schedules.planning import plan_episode
from schedules.planning.slots import SIGNED_KINDS, SLOT_KINDS
from service.care.checks import FIRST_SURGERY_ON, PLANNING_HORIZON
from service.care.enrol import clinic_today
from service.care.reach import find_row, lock_row, practice_of
from service.care.tasks import ask_to_call
from service.errors import ConflictError, Fault, InvalidError, NotFoundError, StaleError, describe
from service.identity.principal import Principal

# Evidence 12a: "Do not stop or restart by yourself; your dates: {entered by}".
_NOT_BY_YOURSELF = Text(en="Do not stop or restart by yourself.", es="No suspenda ni reinicie por su cuenta.")
_YOUR_DATES = Text(
    en="Do not stop or restart by yourself; your dates: {entered_by}",
    es="No suspenda ni reinicie por su cuenta; sus fechas: {entered_by}",
)
_MEDICINES = (MilestoneKind.medicines_pause, MilestoneKind.medicines_restart)


@dataclass(frozen=True, slots=True)
class Slot:
    """An item that depends on the person, with what was entered for it; `day0` is its present day of surgery."""

    milestone: Milestone
    surgery: Surgery
    entry: SlotEntry | None

    @property
    def day0(self) -> date | None:
        """Return the present day of surgery, None while it is not known."""
        return self.surgery.surgery_on

    @property
    def is_stale(self) -> bool:
        """Return whether something was entered for another day of surgery."""
        return self.entry is not None and self.entry.for_day0 != self.day0

    @property
    def state(self) -> SlotState:
        """Return how the slot stands for the present day of surgery."""
        if self.entry is None or self.is_stale:
            return SlotState.blank
        needs_signature = self.milestone.kind in SIGNED_KINDS and self.entry.signed_by is None
        return SlotState.unsigned if needs_signature else SlotState.filled

    @property
    def tag(self) -> str | None:
        """Return what changes whenever the answer about it does; None before anything was entered."""
        return None if self.entry is None else f"{self.entry.rev}-{self.day0}"


def find_slot(session: Session, caller: Principal, milestone_id: str) -> Slot:
    """Return a slot that the caller reaches. Raises NotFoundError, also for an item that depends on no person."""
    milestone = find_row(session, caller, Milestone, milestone_id)
    if milestone.kind not in SLOT_KINDS:
        raise NotFoundError
    surgery = session.get_one(Surgery, (milestone.practice_id, milestone.surgery_id))
    row = _row_of(session, milestone)
    return Slot(milestone, surgery, None if row is None or row.deleted else row)


def list_slots(session: Session, milestones: Iterable[Milestone], today: date) -> list[Slot]:
    """Return those of an episode's milestones that depend on the person, with what was entered for them.

    Without the cancelled, and without what is blank for a surgery that is past, unless it may still be entered.
    """
    rows = [row for row in milestones if row.kind in SLOT_KINDS and row.cancelled_at is None]
    ids = [row.id for row in rows]
    whose = select(SlotEntry).where(SlotEntry.practice_id.in_({row.practice_id for row in rows}), SlotEntry.id.in_(ids))
    entries = {entry.id: entry for entry in session.scalars(whose) if not entry.deleted} if ids else {}
    found = [
        Slot(row, session.get_one(Surgery, (row.practice_id, row.surgery_id)), entries.get(row.id)) for row in rows
    ]
    return [each for each in found if each.entry is not None or not _is_over(each, today)]


def fill_slot(
    session: Session,
    caller: Principal,
    milestone_id: str,
    *,
    due_on: date | None,
    instruction: str | None,
    now: datetime,
    require_match: Callable[[str], None],
) -> tuple[Slot, bool]:
    """Store what a clinician enters for the present day of surgery, and plan its messages. Return whether it is new.

    The same entry again for the same day changes nothing; another one needs a new signature. Raises NotFoundError,
    ConflictError where nothing can be entered, InvalidError for a day that the
    item cannot have, and what `require_match` raises.
    """
    slot = _lock_slot(session, caller, milestone_id)
    day0 = _present_day(session, caller, slot, now)
    _refuse_entry(slot, due_on, instruction, day0)
    entry, is_new = slot.entry, slot.entry is None
    if entry is None:
        entry = _row_of(session, slot.milestone) or _new_row(session, slot.milestone)
        entry.deleted = False
    elif (entry.for_day0, entry.due_on, entry.instruction) == (day0, due_on, instruction):
        return slot, False
    else:
        require_match(str(slot.tag))
    entry.for_day0, entry.due_on, entry.instruction = day0, due_on, instruction
    entry.entered_by, entry.entered_at = caller.actor_id, now
    entry.signed_by, entry.signed_at = None, None
    plan_episode(session, slot.milestone.practice_id, slot.milestone.episode_id, now)
    return Slot(slot.milestone, slot.surgery, entry), is_new


def empty_slot(
    session: Session, caller: Principal, milestone_id: str, *, now: datetime, require_match: Callable[[str], None]
) -> Slot:
    """Take away what was entered, and plan its messages again: the item is as it was before anything was entered.

    A blank one stays as it is. Where the patient could read the entry, a task asks the clinic to call. Raises
    NotFoundError, ConflictError for a cancelled item and for a surgery that is over, and what `require_match` raises.
    """
    slot = _lock_slot(session, caller, milestone_id)
    entry = slot.entry
    if entry is None:
        return slot
    _refuse_what_is_over(session, caller, slot, now)
    require_match(str(slot.tag))
    if slot.state is SlotState.filled:
        task_id = plan_row_id(entry.practice_id, entry.id, "task", TaskKind.call_patient, 1, entry.rev)
        today = clinic_today(practice_of(session, caller), now)
        session.add(ask_to_call(slot.milestone, task_id, due_on=today, now=now))
    entry.deleted, entry.due_on, entry.instruction = True, None, None
    entry.signed_by, entry.signed_at = None, None
    plan_episode(session, slot.milestone.practice_id, slot.milestone.episode_id, now)
    return Slot(slot.milestone, slot.surgery, None)


def sign_slot(session: Session, caller: Principal, milestone_id: str, *, rev: int, now: datetime) -> Slot:
    """Sign, for anaesthesia, the entry that the caller read at revision `rev`, and plan its messages.

    Raises NotFoundError, StaleError if the entry changed since it was read, ConflictError if there is
    nothing to sign for the present day of surgery.
    """
    slot = _lock_slot(session, caller, milestone_id)
    _present_day(session, caller, slot, now)
    if slot.milestone.kind not in SIGNED_KINDS:
        raise ConflictError(Fault("", "an item that needs a signature: " + ", ".join(SIGNED_KINDS), "another one"))
    if slot.entry is None or slot.is_stale:
        raise ConflictError(Fault("", "an entry for the present day of surgery", "none"))
    if slot.entry.signed_by is not None:
        return slot
    if slot.entry.rev != rev:
        raise StaleError(Fault("/rev", str(slot.entry.rev), str(rev)))
    slot.entry.signed_by, slot.entry.signed_at = caller.actor_id, now
    plan_episode(session, slot.milestone.practice_id, slot.milestone.episode_id, now)
    return slot


def may_read_entry(slot: Slot, caller: Principal) -> bool:
    """Return whether the caller reads what was entered: staff always, a patient what holds for the present day."""
    return caller.is_staff or slot.state is SlotState.filled


def note_of(session: Session, slot: Slot) -> str | None:
    """Return the sentence that goes with the patient's own medicine dates, in the patient's language."""
    if slot.milestone.kind not in _MEDICINES:
        return None
    patient = session.get_one(Patient, (slot.milestone.practice_id, slot.milestone.patient_id))
    language = Language(patient.language)
    if slot.entry is None or slot.state is not SlotState.filled:
        return _NOT_BY_YOURSELF.in_language(language)
    return _YOUR_DATES.in_language(language).format(entered_by=name_of(session, slot.entry, slot.entry.entered_by))


def name_of(session: Session, entry: SlotEntry, staff_id: str) -> str:
    """Return the name under which a member of staff vouches for an entry."""
    return session.get_one(Staff, (entry.practice_id, staff_id)).display_name


def _row_of(session: Session, milestone: Milestone) -> SlotEntry | None:
    """Return the row of an item's entry, also where the entry was taken away."""
    return session.get(SlotEntry, (milestone.practice_id, milestone.id))


def _new_row(session: Session, milestone: Milestone) -> SlotEntry:
    row = SlotEntry(practice_id=milestone.practice_id, id=milestone.id, patient_id=milestone.patient_id)
    session.add(row)
    return row


def _lock_slot(session: Session, caller: Principal, milestone_id: str) -> Slot:
    """Return a slot to be written, its patient locked to the commit."""
    find_slot(session, caller, milestone_id)
    lock_row(session, caller, Milestone, milestone_id)
    slot = find_slot(session, caller, milestone_id)
    for row in (slot.surgery, _row_of(session, slot.milestone)):
        if row is not None:
            session.refresh(row)
    return find_slot(session, caller, milestone_id)


def _present_day(session: Session, caller: Principal, slot: Slot, now: datetime) -> date:
    """Return the day of surgery that an entry is for. Raises ConflictError where nothing can be entered."""
    _refuse_what_is_over(session, caller, slot, now)
    if slot.day0 is None:
        raise ConflictError(Fault("", "a surgery with a date", "one without"))
    return slot.day0


def _refuse_what_is_over(session: Session, caller: Principal, slot: Slot, now: datetime) -> None:
    if slot.milestone.cancelled_at is not None or slot.surgery.status is SurgeryStatus.cancelled:
        raise ConflictError(Fault("", "a milestone that stands", "a cancelled one"))
    if _is_over(slot, clinic_today(practice_of(session, caller), now)):
        raise ConflictError(Fault("", "a surgery that is still ahead", f"one on {slot.day0}"))


def _is_over(slot: Slot, today: date) -> bool:
    is_past = slot.day0 is not None and slot.day0 < today
    return is_past and slot.milestone.kind != MilestoneKind.medicines_restart


def _refuse_entry(slot: Slot, due_on: date | None, instruction: str | None, day0: date) -> None:
    kind = MilestoneKind(slot.milestone.kind)
    if kind is MilestoneKind.fasting:
        if due_on is not None:
            raise InvalidError(Fault("/due_on", "nothing: it is told on the evening before", describe(due_on)))
        if instruction is None:
            raise InvalidError(Fault("/instruction", "the hospital's times for eating and drinking", "nothing"))
        return
    first_on, last_on = FIRST_SURGERY_ON, day0
    if kind is MilestoneKind.medicines_restart:
        first_on, last_on = day0, day0 + PLANNING_HORIZON
    if due_on is None or not first_on <= due_on <= last_on:
        raise InvalidError(Fault("/due_on", f"a date from {first_on} to {last_on}", describe(due_on)))
