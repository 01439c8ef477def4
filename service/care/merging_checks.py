"""What stands against making one record of two. Nobody overrides it: it is settled in the records first."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Delivery, Episode, Patient, Surgery, SyncConflict
from models.panel import OPEN_STATUSES
from schedules.plan.message_facts import Standing
from schedules.plan.vocabulary import Procedure, SurgeryStatus
from schedules.planning.messages import load_messages
from service.care.holds import is_on_hold
from service.care.merging_facts import Fact, Side
from service.errors import ConflictError, Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """That one record becomes part of another. `choices` say whose value stands where the two differ.

    `are_birth_dates_confirmed`: somebody says that it is one person although the dates of birth differ.
    """

    survivor_id: str
    absorbed_id: str
    choices: Mapping[Fact, Side] = field(default_factory=dict)
    are_birth_dates_confirmed: bool = False


def refuse_merge(session: Session, survivor: Patient, absorbed: Patient, command: Merge) -> None:
    """Raise ConflictError with all that stands against a merge. Both patients and their deliveries are locked."""
    faults = [*_of_people(survivor, absorbed, command), *_of_records(session, survivor, absorbed)]
    if faults:
        raise ConflictError(*faults)


def _of_people(survivor: Patient, absorbed: Patient, command: Merge) -> Iterator[Fault]:
    if survivor.date_of_birth != absorbed.date_of_birth and not command.are_birth_dates_confirmed:
        told = "true, since the dates of birth differ"
        yield Fault("/confirm_birth_dates", told, "false")
    if survivor.died_on != absorbed.died_on:
        yield Fault("/absorbed_id", "the same day of death in both records, or none in either", "different ones")


def _of_records(session: Session, survivor: Patient, absorbed: Patient) -> Iterator[Fault]:
    for pointer, patient in (("/patient_id", survivor), ("/absorbed_id", absorbed)):
        if is_on_hold(session, patient):
            yield Fault(pointer, "a record that nobody has put on hold: end the hold first", "one on hold")
        if _is_message_on_its_way(session, patient):
            yield Fault(pointer, "a patient with no message on its way: try again in a minute", "one on its way")
    if count := _count_open_conflicts(session, absorbed):
        told = "a record whose settings have no open conflict: settle it first"
        yield Fault("/absorbed_id", told, f"{count} open")
    for one, other in find_same_surgeries(_open_surgeries(session, survivor), _open_surgeries(session, absorbed)):
        told = f"no two open episodes with one procedure on one day: end or cancel {one} or {other} first"
        yield Fault("/absorbed_id", told, "two")


Surgeries = Mapping[str, frozenset[tuple[Procedure, date | None]]]  # by the episode's id


def find_same_surgeries(own: Surgeries, other: Surgeries) -> list[tuple[str, str]]:
    """Return the pairs of episodes, one of each record, that have a procedure on the same day, or without one."""
    pairs = ((one, each) for one in own for each in other if not own[one].isdisjoint(other[each]))
    return sorted(pairs)


def _open_surgeries(session: Session, patient: Patient) -> Surgeries:
    query = (
        select(Episode.id, Surgery.procedure, Surgery.surgery_on)
        .join(Surgery, (Surgery.practice_id == Episode.practice_id) & (Surgery.episode_id == Episode.id))
        .where(Episode.practice_id == patient.practice_id, Episode.patient_id == patient.id)
        .where(Episode.status.in_(OPEN_STATUSES), Surgery.status != SurgeryStatus.cancelled)
        .where(Episode.deleted.is_(False), Surgery.deleted.is_(False))
    )
    found: defaultdict[str, set[tuple[Procedure, date | None]]] = defaultdict(set)
    for episode_id, procedure, surgery_on in session.execute(query):
        found[episode_id].add((procedure, surgery_on))
    return {episode_id: frozenset(surgeries) for episode_id, surgeries in found.items()}


def _is_message_on_its_way(session: Session, patient: Patient) -> bool:
    """Return whether a worker is about to write what became of a message, under the record that it knows."""
    messages = load_messages(session, patient.practice_id, patient.id, lock=True)
    deliveries = select(Delivery).filter_by(practice_id=patient.practice_id, patient_id=patient.id)
    return any(messages.standing(each) is Standing.on_its_way for each in session.scalars(deliveries))


def _count_open_conflicts(session: Session, patient: Patient) -> int:
    of_settings = {"practice_id": patient.practice_id, "collection": "patients", "row_id": patient.id}
    query = select(func.count()).select_from(SyncConflict).filter_by(**of_settings)
    return session.scalar(query.where(SyncConflict.resolution.is_(None))) or 0
