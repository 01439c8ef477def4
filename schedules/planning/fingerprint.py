"""One hash over everything that a diff follows from: whoever agreed to a diff agreed to that state, and to no other.

Signatures under protocols are not in it: they change who answers for a figure, not what happens.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, is_dataclass

from sqlalchemy.orm import Session

from models.base import OfPatient
from models.care import MilestoneProgress, Surgery
from models.change import SlotEntry
from models.clearance import Clearance, ObservedFact
from schedules.planning.facts import Care
from schedules.planning.messages import Messages
from schedules.planning.rows import find_all
from schedules.planning.stored import StoredCare

_REPORTED = (Surgery, MilestoneProgress, Clearance, ObservedFact, SlotEntry)
_SETTINGS = (
    "time_zone", "country", "closed_on", "holiday_calendar", "opioid_free_hours", "workers_comp_percent", "work_table",
    "check_in_rhythms",
)  # fmt: skip


def fingerprint(state: Mapping[str, object], told: Iterable[object]) -> str:
    """Return 64 hexadecimal digits over a state and what was told of it, the same on any database."""
    facts = {**state, "told": list(told)}
    return hashlib.sha256(json.dumps(facts, default=_plain, separators=(",", ":")).encode()).hexdigest()


def state_of(session: Session, care: Care, stored: StoredCare, messages: Messages) -> dict[str, object]:
    """Return all that is stored and that a plan made again follows from.

    It differs once anything relevant does: a row of the patient's plans or of what was reported, a setting of the
    clinic, a protocol's content, a message that was claimed or sent meanwhile.
    """
    practice_id, patient_id = care.episode.practice_id, care.patient.id
    rows: list[OfPatient] = [care.episode, *_plan_rows(stored)]
    for model in _REPORTED:
        rows += find_all(session, model, practice_id, patient_id=patient_id)
    deliveries = [each for known in messages.deliveries.values() for each in known]
    return {
        "practice": [practice_id, *(getattr(care.practice, name) for name in _SETTINGS)],
        "patient": [patient_id, care.patient.rev],
        "rows": sorted([type(row).__name__, row.id, row.rev] for row in rows),
        "deliveries": sorted([each.id, each.state.value, each.fence] for each in deliveries),
        "protocols": sorted([*pin, protocol.digest] for pin, protocol in care.protocols.items()),
    }


def _plan_rows(stored: StoredCare) -> Iterable[OfPatient]:
    for beside in stored.beside:
        yield beside.episode
    for rows in (stored.rows, *(each.rows for each in stored.beside)):
        yield from rows.milestones.values()
        yield from rows.restrictions.values()
        yield from rows.reminders.values()


def _plain(value: object) -> object:
    return astuple(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
