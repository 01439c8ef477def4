"""Use case: a patient is erased. The key is destroyed, rows are removed or blanked, and nothing is sent any more.

What the law has a clinic keep stands against it: a hold is named and refuses, unless the caller says why it does not
count. What happens to which table is declared in `service.care.holdings`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, CursorResult, Table, and_, delete, func, insert, select, update
from sqlalchemy.orm import Session

from models import CheckIn, DataKey, Device, Episode, Erasure, KeptReply, Patient, Practice, Surgery, Token, journal
from models.audit import ActorKind, AuditAction
from models.base import Base, Synced, table_of
from models.bulk import store_pending
from models.data_keys import forget_key
from models.erasure import ErasureReason
from models.private import keys_of
from models.sync import stamp
from schedules.plan.replan import Answer
from schedules.plan.vocabulary import EpisodeStatus
from schedules.planning import withdraw
from service.care.enrol import clinic_today
from service.care.erasure_ledger import LedgerEntry, entry_of, hash_of
from service.care.holdings import HOLDINGS, Fate, Found, Holding, blank_values, rows_of
from service.care.holds import is_on_hold
from service.care.merged_ids import absorbed_ids
from service.care.reach import lock_patient
from service.errors import ConflictError, Fault, HeldError

_OPEN = (EpisodeStatus.active, EpisodeStatus.paused)


class Hold(StrEnum):
    """What stands against an erasure."""

    workers_comp_open = "workers_comp_open"
    retention_not_set = "retention_not_set"  # the clinic has not said for how long its law has it keep records
    retention_not_over = "retention_not_over"
    on_hold = "on_hold"  # somebody of the clinic said so; no reason overrides it: end the hold first


class OverrideReason(StrEnum):
    """Why a hold does not count."""

    never_our_patient = "never_our_patient"
    ordered_by_authority = "ordered_by_authority"
    record_kept_elsewhere = "record_kept_elsewhere"


@dataclass(frozen=True, slots=True)
class Erase:
    """That somebody is to be erased, and why."""

    reason: ErasureReason
    override_reason: OverrideReason | None = None


@dataclass(frozen=True, slots=True)
class TableErasure:
    """How many rows of a table are removed or blanked."""

    table: str
    fate: Fate
    rows: int


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did, or would do."""

    holds: tuple[Hold, ...]
    tables: tuple[TableErasure, ...]


def preview_erasure(session: Session, patient: Patient, now: datetime) -> Erased:
    """Return what would stand against the erasure of a patient, and what would go."""
    key = (patient.practice_id, patient.id)
    return Erased(find_holds(session, patient, now), tuple(_count(session, *key)))


def erase_patient(
    session: Session, patient: Patient, command: Erase, now: datetime, *, enter: Callable[[LedgerEntry], None]
) -> Erased:
    """Erase a patient in the session's transaction. `enter` puts it into the ledger, once all else is done.

    Commit right after: what stands in the ledger is carried out by `reapply` if the commit fails.

    Raises HeldError for a hold that is not overridden, ConflictError while a message is on its way, NotFoundError if
    somebody else has erased the patient.
    """
    lock_patient(session, patient.practice_id, patient.id)
    holds = find_holds(session, patient, now)
    if Hold.on_hold in holds:
        raise HeldError(Fault("", "a record that nobody has put on hold: end the hold first", Hold.on_hold.value))
    if holds and command.override_reason is None:
        raise HeldError(*(Fault("/override_reason", "why this does not count", each.value) for each in holds))
    answers = withdraw(session, patient.practice_id, patient.id, now=now, reason=EpisodeStatus.withdrawn.value)
    if Answer.in_flight in answers.values():
        raise ConflictError(Fault("", "a patient with no message on its way: try again in a minute", "one on its way"))
    merged = absorbed_ids(session, patient.practice_id, patient.id)
    done = tuple(_erase(session, patient.practice_id, patient.id, command.reason, now))
    for patient_id in (patient.id, *merged):  # an older copy of the database has them apart
        enter(entry_of(patient.practice_id, patient_id, now))
    return Erased(holds, done)


def reapply(session: Session, ledger: Iterable[LedgerEntry], now: datetime) -> dict[str, list[str]]:
    """Erase again whoever the ledger names and the database still has. Return their ids by practice.

    For a database that was restored from an older copy, before anything is served or sent from it; harmless otherwise,
    and harmless twice. Holds do not count: they were looked at when it was done first. The caller commits.
    """
    by_practice: dict[str, dict[str, datetime]] = {}
    for entry in ledger:
        by_practice.setdefault(entry.practice_id, {})[entry.patient] = entry.erased_at
    found: dict[str, list[str]] = {}
    for practice_id, entries in sorted(by_practice.items()):
        query = select(Patient.id).where(Patient.practice_id == practice_id, Patient.deleted.is_(False))
        for patient_id in session.scalars(query.order_by(Patient.id)).all():
            erased_at = entries.get(hash_of(practice_id, patient_id))
            if erased_at is not None:
                withdraw(session, practice_id, patient_id, now=now, reason=EpisodeStatus.withdrawn.value)
                list(_erase(session, practice_id, patient_id, ErasureReason.restored_backup, erased_at))
                found.setdefault(practice_id, []).append(patient_id)
        if practice_id in found:
            act = journal.Act(
                ActorKind.command, None, AuditAction.write, "flask privacy reapply", patient_ids=found[practice_id]
            )
            journal.append(session, practice_id, act, now)
    return found


def find_holds(session: Session, patient: Patient, now: datetime) -> tuple[Hold, ...]:
    """Return what stands against the erasure of a patient."""
    practice = session.get_one(Practice, patient.practice_id)
    holds = [Hold.on_hold] if is_on_hold(session, patient) else []
    whose = {"practice_id": patient.practice_id, "patient_id": patient.id}
    episodes = session.scalars(select(Episode).filter_by(**whose)).all()
    if any(episode.workers_comp and episode.status in _OPEN for episode in episodes):
        holds.append(Hold.workers_comp_open)
    if practice.records_kept_years is None:
        holds.append(Hold.retention_not_set)
    elif _last_care(session, whose, episodes) > _years_before(clinic_today(practice, now), practice.records_kept_years):
        holds.append(Hold.retention_not_over)
    return tuple(holds)


def is_over(session: Session, patient: Patient, now: datetime) -> bool:
    """Return whether a record is no longer needed: the clinic's years are over, and nothing stands against erasing it.

    A patient of whom no care is told, or whose episode is open, is never erased by the calendar. Neither is anybody
    where the clinic says 0 years: that no law has it keep records does not say that it wants them gone.
    """
    years = session.get_one(Practice, patient.practice_id).records_kept_years
    episodes = session.scalars(select(Episode).filter_by(practice_id=patient.practice_id, patient_id=patient.id)).all()
    is_cared_for = not episodes or any(episode.status in _OPEN for episode in episodes)
    return bool(years) and not is_cared_for and not find_holds(session, patient, now)


def _last_care(session: Session, whose: dict[str, str], episodes: Sequence[Episode]) -> date:
    """Return the last day of which the record tells care: a surgery, a check-in or an enrolment."""
    days = [episode.enrolled_at.date() for episode in episodes]
    surgery_on = session.scalar(select(func.max(Surgery.surgery_on)).filter_by(**whose))
    reported_at = session.scalar(select(func.max(CheckIn.received_at)).filter_by(**whose))
    days += [] if surgery_on is None else [surgery_on]
    days += [] if reported_at is None else [reported_at.date()]
    return max(days, default=date.min)


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)


def _tables(*fates: Fate) -> list[tuple[Table, Holding]]:
    named = [(Base.metadata.tables[name], holding) for name, holding in HOLDINGS.items()]
    return [(table, holding) for table, holding in named if holding.fate in fates]


def _count(session: Session, practice_id: str, patient_id: str) -> Iterable[TableErasure]:
    for table, holding in _tables(Fate.removed, Fate.blanked):
        is_theirs = _is_theirs(session, table, holding, practice_id, patient_id)
        query = select(func.count()).select_from(table).where(is_theirs)
        yield TableErasure(table.name, holding.fate, session.scalar(query) or 0)


def _erase(
    session: Session, practice_id: str, patient_id: str, reason: ErasureReason, now: datetime
) -> Iterable[TableErasure]:
    """Do it, and yield what was done to each table."""
    for row in session.dirty:
        if isinstance(row, Synced):
            session.expire(row)  # it is blanked below, and no row gets a revision twice
    store_pending(session)
    connection = session.connection()
    told = {"practice_id": practice_id, "patient_id": patient_id, "erased_at": now, "reason": reason}
    connection.execute(insert(table_of(Erasure)).values(told))
    _end_devices(session, practice_id, patient_id, now)
    key_ids = session.scalars(select(DataKey.id).filter_by(practice_id=practice_id, patient_id=patient_id)).all()
    # Those that are found through a delivery go before the deliveries do.
    removed = sorted(_tables(Fate.removed), key=lambda each: each[1].found is Found.by_patient)
    for table, holding in removed:
        done = connection.execute(delete(table).where(_is_theirs(session, table, holding, practice_id, patient_id)))
        yield TableErasure(table.name, Fate.removed, _done(done))
    for key_id in key_ids:
        forget_key(session, practice_id, patient_id, key_id)
    revision = stamp(session, practice_id)
    for table, holding in _tables(Fate.blanked):
        values = blank_values(table, holding) | {"rev": revision, "deleted": True}
        changed = update(table).where(rows_of(table, practice_id, patient_id))
        yield TableErasure(table.name, Fate.blanked, _done(connection.execute(changed.values(values))))
    session.expire_all()


def _end_devices(session: Session, practice_id: str, patient_id: str, now: datetime) -> None:
    """Revoke the patient's devices and tokens: an app learns from that to delete what it stores."""
    connection, device, token = session.connection(), table_of(Device), table_of(Token)
    is_theirs = rows_of(device, practice_id, patient_id), device.c.revoked_at.is_(None)
    connection.execute(update(device).where(*is_theirs).values(revoked_at=now))
    are_theirs = rows_of(token, practice_id, patient_id), token.c.revoked_at.is_(None)
    connection.execute(update(token).where(*are_theirs).values(revoked_at=now))


def replies_of(session: Session, practice_id: str, patient_ids: frozenset[str]) -> list[str]:
    """Return the ids of the kept replies that show one of these patients: each tells inside whom it shows."""
    query = select(KeptReply.id, KeptReply.reply_sealed).where(
        KeptReply.practice_id == practice_id, KeptReply.reply_sealed.is_not(None)
    )
    rows = session.execute(query).all()
    keys = keys_of(session, practice_id, (row.reply_sealed for row in rows))
    opened = (
        (row.id, KeptReply.reply.opened(row.reply_sealed, keys, practice_id=practice_id, row_id=row.id)) for row in rows
    )
    return [
        reply_id
        for reply_id, text in opened
        if not patient_ids.isdisjoint(orjson.loads(text or "{}").get("patient_ids", ()))
    ]


def _is_theirs(
    session: Session, table: Table, holding: Holding, practice_id: str, patient_id: str
) -> ColumnElement[bool]:
    if holding.found is not Found.by_content:
        return rows_of(table, practice_id, patient_id)
    return and_(
        table.c.practice_id == practice_id, table.c.id.in_(replies_of(session, practice_id, frozenset({patient_id})))
    )


def _done(result: Any) -> int:
    return cast("CursorResult[Any]", result).rowcount
