"""Whose caseload a patient is on, and a session that sees the rows of some patients alone.

Who sees whom is decided by `service.identity.caseload`. Here stands what no use case can forget: once a session is
limited, every row about a patient, and every patient, is as if it did not exist unless the patient is one of those. It
holds for every SELECT, UPDATE and DELETE that names mapped classes, through the session or its connection. What goes by
tables alone, or as text, reads rows of patients who were found before.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    CheckConstraint,
    Connection,
    Delete,
    Executable,
    Index,
    LargeBinary,
    Select,
    String,
    UniqueConstraint,
    Update,
    event,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column, with_loader_criteria
from sqlalchemy.sql import visitors
from sqlalchemy.sql.schema import Table

from models.base import ID_LENGTH, Base, Tenant, reference, words
from models.people import Patient
from models.prepared import Prepared, Row, driver_rows
from models.private import Sealed
from models.sets import among

EMERGENCY_MARK: Final = "emergency_access"  # of an entry of the trail: the ids of the accesses that it rests on
_SEEN: Final = "patients_seen"


class CareAssignment(Tenant, Base):
    """A patient who was given to somebody besides the coordinator and the surgeon, until it is taken back."""

    __tablename__ = "care_assignment"
    __table_args__ = (
        reference("patient"),
        reference("staff"),
        reference("staff", "assigned_by"),
        UniqueConstraint("practice_id", "patient_id", "staff_id"),
        Index(None, "practice_id", "staff_id"),
    )

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    staff_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    assigned_at: Mapped[datetime]
    assigned_by: Mapped[str] = mapped_column(String(ID_LENGTH))


class EmergencyReason(StrEnum):
    """Why somebody opened a patient outside of their caseload."""

    emergency = "emergency"
    covering = "covering"  # for a colleague who is away
    patient_asks = "patient_asks"  # the patient called, or stands there
    other = "other"


class EmergencyAccess(Tenant, Base):
    """Somebody opened a patient outside of their caseload, with a reason, for a while (break-glass).

    Somebody who sees all patients reviews it afterwards.
    """

    __tablename__ = "emergency_access"
    __table_args__ = (
        reference("patient"),
        reference("staff"),
        reference("staff", "reviewed_by"),
        Index(None, "practice_id", "staff_id", "expires_at"),
        Index(None, "practice_id", "patient_id"),
        CheckConstraint("expires_at > opened_at", name="ends_after_it_begins"),
        CheckConstraint("(reviewed_at IS NULL) = (reviewed_by IS NULL)", name="reviewed_by_somebody"),
    )

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    staff_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    reason: Mapped[EmergencyReason] = mapped_column(words(EmergencyReason))
    note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    opened_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))

    note = Sealed("note_sealed")


def limit_to(session: Session, patient_ids: Collection[str]) -> None:
    """Have the session see rows of these patients alone, and rows of none, from here on and in later transactions."""
    if _SEEN not in session.info:
        event.listen(session, "after_begin", lambda _session, _transaction, connection: _follow(session, connection))
        _follow(session, session.connection())
    session.info[_SEEN] = set(patient_ids)


def admit(session: Session, patient_id: str) -> None:
    """Have a limited session see one more patient: one whom it has just stored."""
    if is_limited(session):
        session.info[_SEEN].add(patient_id)


def is_limited(session: Session) -> bool:
    """Return whether the session sees rows of some patients alone."""
    return session.info.get(_SEEN) is not None


def rows_seen(session: Session, prepared: Prepared, parameters: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a statement, as the driver gives them, that are of patients whom the session sees."""
    if is_limited(session):
        return driver_rows(session.connection(), prepared.statement, parameters)
    return prepared.rows(session.connection(), parameters)


@contextmanager
def whole_practice(session: Session) -> Iterator[None]:
    """Have a limited session see all patients within the block: where what is unique among all must be known.

    Load no mapped row in it: the session would go on knowing it.
    """
    seen = session.info.get(_SEEN)
    if seen is None:
        yield
        return
    session.info[_SEEN] = None
    try:
        yield
    finally:
        session.info[_SEEN] = seen


def _follow(session: Session, connection: Connection) -> None:
    """Limit what goes through a connection of the session, which is another one in each of its transactions."""

    def limit(
        _connection: Connection, statement: Executable, many: Any, one: Any, _options: Any
    ) -> tuple[Executable, Any, Any]:
        return _limited(session, statement), many, one

    event.listen(connection, "before_execute", limit, retval=True)


def _limited(session: Session, statement: Executable) -> Executable:
    """Return a statement that finds, changes and removes rows of the patients alone whom the session sees."""
    seen = session.info[_SEEN]
    if seen is None or not isinstance(statement, Select | Update | Delete):
        return statement
    named = {each.name for each in visitors.iterate(statement) if isinstance(each, Table)}
    limited: Executable = statement
    for model, whose in _columns_of_patients():
        if model.__tablename__ in named:
            is_seen = among(session.connection(), whose, sorted(seen))
            is_seen = is_seen | whose.is_(None) if whose.nullable else is_seen
            limited = limited.options(with_loader_criteria(model, is_seen, include_aliases=True))
    return limited


@cache
def _columns_of_patients() -> tuple[tuple[Any, InstrumentedAttribute[str]], ...]:
    """Return every class of rows about a patient with the column that says whose they are."""
    models = [mapper.class_ for mapper in Base.registry.mappers]
    return (
        (Patient, Patient.id),
        *((model, model.patient_id) for model in models if "patient_id" in model.__table__.c),
    )
