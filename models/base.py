"""The declarative base, its column types, and what every tenant table has in common.

Every tenant table has `PRIMARY KEY (practice_id, id)` and composite foreign keys only: a plain unique id would let one
practice learn of another's row.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, Final, TypedDict

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    String,
    Table,
    Text,
    Time,
    literal_column,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.types import TypeDecorator

ID_LENGTH = 64


class _Deferred(TypedDict):
    deferrable: bool
    initially: str


NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# Checked at the commit: a transaction may write its rows in any order, as a push from a phone does.
DEFERRED: Final[_Deferred] = {"deferrable": True, "initially": "DEFERRED"}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant. Stored in UTC; SQLite forgets the zone, so it is put back on reading.

    Raises ValueError for a naive value.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("expected an aware datetime, got a naive one")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Return what reads the driver's value. SQLite's is text, which is read in one step: pages read thousands."""
        return _read_utc if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _read_utc(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text + "+00:00")


class Base(DeclarativeBase):
    """All tables. Flask-SQLAlchemy and the worker share this metadata."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: UtcDateTime,
        date: Date,
        time: Time,
        str: Text,
        list[str]: JSON,
        list[dict[str, Any]]: JSON,
        dict[str, Any]: JSON,
        dict[str, str]: JSON,
        dict[str, dict[str, str]]: JSON,
    }


def words(vocabulary: type[StrEnum], name: str | None = None) -> Enum:
    """Return a column type that holds one of a vocabulary's words, guarded by a CHECK called `name`."""
    return Enum(
        vocabulary,
        name=name or vocabulary.__name__.lower(),
        native_enum=False,
        create_constraint=True,
        length=40,
        values_callable=lambda words: [word.value for word in words],
    )


def said(word: StrEnum) -> ColumnElement[str]:
    """Return a word for a condition that a partial index has too: it stands in the statement's own text.

    Of a parameter a database cannot know, before it has it, that the index holds what is wanted.
    """
    return literal_column(f"'{word.value}'")


def table_of(model: type[Base]) -> Table:
    """Return the table of a model, which is typed as anything that can be selected from."""
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - every model here has one
    return table


class Tenant:
    """A row that belongs to one practice. `id` is text, made by whoever creates the row."""

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), ForeignKey("practice.id", **DEFERRED), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)


class Synced(Tenant):
    """A row that devices see: it carries the practice's revision of its last change (see `models.sync`).

    Rows are never removed; `deleted` marks a tombstone.
    """

    rev: Mapped[int] = mapped_column(BigInteger)
    deleted: Mapped[bool] = mapped_column(default=False)


class OfPatient(Synced):
    """A synced row about one patient."""

    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH))

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        return of_patient()


def reference(table: str, column: str | None = None) -> ForeignKeyConstraint:
    """Return the composite foreign key of `column` (default: `<table>_id`) to a tenant table."""
    local = column or f"{table}_id"
    return ForeignKeyConstraint(["practice_id", local], [f"{table}.practice_id", f"{table}.id"], **DEFERRED)


def of_patient(*more: Any) -> tuple[Any, ...]:
    """Return the table arguments of a synced row about one patient: its key and the indexes that pulls use."""
    return (
        reference("patient"),
        Index(None, "practice_id", "patient_id", "rev", "id"),
        Index(None, "practice_id", "rev", "id"),
        *more,
    )
