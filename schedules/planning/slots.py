"""What clinicians entered for the items that depend on the person: dates of medicines, fasting times, skin wash.

An entry counts for the day of surgery that it was made for: after a move the slot is blank until it is confirmed.
Knows no text of an entry.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from models.care import Milestone, Surgery
from models.change import SlotEntry
from schedules.plan.items import FilledSlot
from schedules.plan.vocabulary import MilestoneKind
from schedules.planning.rows import find, find_all

if TYPE_CHECKING:  # the facts of an episode stand on what this module reads
    from schedules.planning.facts import Care

# What has no default day or time: a named clinician enters it (evidence 12a).
SLOT_KINDS = frozenset(
    {
        MilestoneKind.medicines_pause,
        MilestoneKind.medicines_restart,
        MilestoneKind.skin_wash,
        MilestoneKind.fasting,
    }
)
SIGNED_KINDS = frozenset({MilestoneKind.fasting})  # by anaesthesia, before anybody is told (evidence 12a)
Slots = Mapping[str, FilledSlot]


def filled_slots(session: Session, care: "Care") -> dict[int, dict[str, FilledSlot]]:
    """Return what was entered for an episode, by the stage's ordinal and the milestone's key, stale entries included.

    A slot is stale if its `for_day0` is not the stage's present day 0.
    """
    if care.is_new:
        return {}
    filled: dict[int, dict[str, FilledSlot]] = {}
    for entry in find_all(session, SlotEntry, care.episode.practice_id, patient_id=care.patient.id):
        milestone = find(session, Milestone, entry.practice_id, entry.id)
        if not entry.deleted and milestone is not None and milestone.episode_id == care.episode.id:
            filled.setdefault(milestone.occurrence, {})[milestone.key] = _slot_of(entry, milestone)
    return filled


def signed_keys(surgery: Surgery, slots: Slots) -> frozenset[str]:
    """Return the keys of a surgery's slots that are filled and signed for its present day.

    Fasting times count from the arrival time: without one they are not signed, whatever was entered.
    """
    has_arrival = surgery.arrival_at is not None
    return frozenset(
        key
        for key, slot in slots.items()
        if slot.for_day0 == surgery.surgery_on and slot.is_signed and (has_arrival or not slot.needs_arrival)
    )


def _slot_of(entry: SlotEntry, milestone: Milestone) -> FilledSlot:
    by_anaesthesia = milestone.kind in SIGNED_KINDS
    is_signed = entry.signed_by is not None or not by_anaesthesia
    return FilledSlot(entry.for_day0, entry.due_on, is_signed=is_signed, needs_arrival=by_anaesthesia)
