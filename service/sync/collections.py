"""What is synchronised: each collection with its table, its columns by schema version, and who may write what.

A schema only grows: columns are added with the version that has them, never renamed, never changed in type. Raise
`SCHEMA_VERSION` with each addition, and stamp the rows whose columns it fills.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

from sqlalchemy import Column, Table

from models import (
    CheckIn,
    Clearance,
    Episode,
    Milestone,
    MilestoneProgress,
    ObservedFact,
    Patient,
    QuestionnaireAnswer,
    Reminder,
    ReminderAck,
    Restriction,
    SafetyCard,
    Surgery,
)
from models.base import OfPatient, Synced
from models.private import Sealed
from service.care.records import PATIENT_MAY_CHANGE
from service.sync.columns import WireColumn, kind_of

SCHEMA_VERSION: Final = 5
OLDEST_VERSION: Final = 1  # what is older is answered 426


@dataclass(frozen=True)
class Collection:
    """One collection. `written` are the columns that a device may write, `creates` whether it may add rows.

    `of_patient` is the column that says whose a row is; None: every device of the practice sees it.
    """

    name: str
    model: type[Synced]
    columns: tuple[WireColumn, ...]
    written: frozenset[str] = frozenset()
    creates: bool = False
    table: Table = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", self.model.__table__)  # type: ignore[attr-defined]  # every model has one

    @cached_property
    def of_patient(self) -> Column[Any] | None:
        """Return the column that says whose a row is."""
        if self.model is Patient:
            return self.table.c.id
        return self.table.c.patient_id if issubclass(self.model, OfPatient) else None

    @cached_property
    def by_name(self) -> Mapping[str, WireColumn]:
        """Return the columns by name."""
        return {column.name: column for column in self.columns}

    def may_lack(self, column: WireColumn) -> bool:
        """Return whether a device's row may be without a column: it is optional, or a new row gets it from us."""
        return column.optional or (self.creates and column.name not in self.written)

    def columns_of(self, version: int) -> tuple[WireColumn, ...]:
        """Return the columns that clients of a schema version have, `rev` last; none: they lack the collection."""
        return _columns_of(self, version)

    def __hash__(self) -> int:
        return hash(self.name)


@lru_cache(maxsize=256)
def _columns_of(collection: Collection, version: int) -> tuple[WireColumn, ...]:
    return tuple(column for column in collection.columns if column.since <= version)


def _columns(model: type[Synced], names_by_version: Mapping[int, str]) -> Iterator[WireColumn]:
    table: Table = model.__table__  # type: ignore[attr-defined]  # every model has one
    for since, names in names_by_version.items():
        for name in names.split():
            described = model.__dict__.get(name)
            sealed = described if isinstance(described, Sealed) else None
            stored = table.c[sealed.column if sealed is not None else name]
            kind = kind_of(table.c.id if sealed is not None else stored)
            yield WireColumn(
                name, kind, bool(stored.nullable), since, stored, sealed.opened if sealed is not None else None
            )


def _collection(
    name: str,
    model: type[Synced],
    names: str | Mapping[int, str],
    *,
    written: str = "",
    creates: bool = False,
) -> Collection:
    by_version = {1: names} if isinstance(names, str) else names
    first = min(by_version)
    common = {first: "patient_id"} if issubclass(model, OfPatient) else {}
    columns = (*_columns(model, common), *_columns(model, by_version), *_columns(model, {first: "rev"}))
    return Collection(name, model, columns, frozenset(written.split()), creates)


_PAIN = "pain pain_back pain_leg pain_neck pain_arm"
_CHECK_IN = f"episode_id reported_at {_PAIN} walking_minutes steps took_opioid note"
_OF_THE_DAY = "opioid_doses temperature_tenths_c wound_signs sleep mood confidence"
_ANSWERS = "episode_id milestone_id instrument answered_at answers"
_BOUND = "binding_procedure binding_stage grade sources text cancelled_at cancel_reason"
COLLECTIONS: Final[Mapping[str, Collection]] = {
    collection.name: collection
    for collection in (
        _collection(
            "patients",
            Patient,
            "given_name family_name language country time_zone units channels opted_out opted_out_categories "
            "quiet_from quiet_until reminders_paused_at details_consent_at died_on work_class wants_contact_sport",
            written=" ".join(PATIENT_MAY_CHANGE),
        ),
        _collection("episodes", Episode, {1: "label status workers_comp enrolled_at", 5: "exercises"}),
        _collection(
            "surgeries",
            Surgery,
            "episode_id stage procedure approach approach_class levels surgery_on dated_at status setting site "
            "arrival_at discharged_on brace_ordered protocol_id protocol_version",
        ),
        _collection(
            "milestones",
            Milestone,
            "episode_id surgery_id key kind occurrence phase earliest_days target_days latest_days eligible_days "
            "earliest_on target_on latest_on eligible_on not_before_days not_before_on binds superseded_on "
            f"superseded_by lifts owner note past_policy {_BOUND}",
        ),
        _collection(
            "milestone_progress",
            MilestoneProgress,
            "achieved_on skip_reason note reported_by reported_at",
            written="achieved_on skip_reason note",
            creates=True,
        ),
        _collection(
            "restrictions",
            Restriction,
            "episode_id surgery_id kind occurrence sequence from_days through_days from_on through_on eligible_days "
            f"eligible_on lifted_by lifted_by_occurrence condition limit_lb limit_minutes {_BOUND}",
        ),
        _collection("clearances", Clearance, "episode_id milestone_id cleared_on work_class revoked_on"),
        _collection(
            "observations",
            ObservedFact,
            "episode_id surgery_id what observed_at recorded_at reported_by",
            written="episode_id surgery_id what observed_at",
            creates=True,
        ),
        _collection(
            "reminders",
            Reminder,
            {
                1: "episode_id milestone_id key repeat generation category phase scheduled_on due_at useful_until "
                "state reason sent_at acknowledged_at snoozed_until digest_in",
                2: "text correction",
            },
        ),
        _collection(
            "reminder_acks",
            ReminderAck,
            "reminder_id acknowledged_at received_at reported_by",
            written="reminder_id acknowledged_at",
            creates=True,
        ),
        _collection(
            "check_ins",
            CheckIn,
            {1: f"{_CHECK_IN} received_at reported_by", 3: "red_flags", 4: _OF_THE_DAY, 5: "exercises"},
            written=f"{_CHECK_IN} red_flags {_OF_THE_DAY} exercises",
            creates=True,
        ),
        _collection(
            "questionnaire_answers",
            QuestionnaireAnswer,
            {2: f"{_ANSWERS} received_at reported_by"},
            written=_ANSWERS,
            creates=True,
        ),
        _collection(
            "safety_cards",
            SafetyCard,
            {
                1: "name phone country time_zone emergency_numbers not_monitored red_flags monitored_until",
                2: "words",
            },
        ),
    )
}  # fmt: skip


def wire_values(collection: Collection, row: Synced, names: Iterable[str]) -> dict[str, Any]:
    """Return columns of a loaded row as they go over the wire."""
    return {name: collection.by_name[name].to_wire(getattr(row, name)) for name in names}


@lru_cache(maxsize=64)
def served(version: int) -> tuple[Collection, ...]:
    """Return the collections that clients of a schema version have."""
    return tuple(collection for collection in COLLECTIONS.values() if collection.columns_of(version))
