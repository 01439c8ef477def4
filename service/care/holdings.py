"""What is held on a patient: each table, how a patient's rows are found in it, and what export and erasure do with it.

One declaration for both, so that neither can forget a table: a test fails for one that is not named here. What the
columns of blanked rows become follows from their types, but for those that are named. docs/privacy.md shows it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Enum,
    Integer,
    LargeBinary,
    Table,
    func,
    null,
    or_,
    select,
)

from models.base import Base, UtcDateTime
from models.report import TaskState
from schedules.plan.vocabulary import EpisodeStatus, ReminderState, SurgeryStatus

EPOCH_DAY: Final = date(1970, 1, 1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Of every blanked row these stay: who it was is not told by them once the patient's own row is blank.
SKELETON: Final = frozenset(
    {"practice_id", "id", "patient_id", "episode_id", "surgery_id", "milestone_id", "reminder_id"}
)
_LONGEST_STAND_IN: Final = 40


class Fate(StrEnum):
    """What erasure does with a patient's rows in a table."""

    removed = "removed"
    blanked = "blanked"  # a tombstone stays: ids alone, which tell devices to let the row go
    kept = "kept"


class Found(StrEnum):
    """How a patient's rows are found."""

    by_patient = "patient_id"
    by_delivery = "delivery_id"
    by_subject = "reminder_id, alert_id or access_id"
    by_device = "device_id"
    by_actor = "actor_id"  # the patient's device
    by_entry = "entry_id"  # of the audit trail
    by_content = "content"  # opened, since nothing else tells whose it is


@dataclass(frozen=True, slots=True)
class Holding:
    """One table. `not_exported` is why it is no part of an export; None: it is one. `why` says why rows are kept."""

    fate: Fate
    found: Found = Found.by_patient
    not_exported: str | None = None
    why: str = ""
    keeps: frozenset[str] = frozenset()
    becomes: Mapping[str, Any] = field(default_factory=dict)


def _removed(found: Found = Found.by_patient, *, not_exported: str | None = None) -> Holding:
    return Holding(Fate.removed, found, not_exported)


def _blanked(*keeps: str, **becomes: Any) -> Holding:
    return Holding(Fate.blanked, keeps=frozenset(keeps), becomes=becomes)


def stand_in(table: Table) -> ColumnElement[str]:
    """Return what stands where a unique text must: it follows from the row's id alone."""
    return func.substr(table.c.id, 1, _LONGEST_STAND_IN)


_BOOKKEEPING = "book-keeping of delivery without a fact about the person: decisions and attempts tell what was sent"
_HASHED = "a hashed secret"
_OF_DEVICE = "revisions that a device has: the rows themselves are exported"

HOLDINGS: Final[Mapping[str, Holding]] = {
    "patient": _blanked(
        mrn=stand_in, country="ZZ", time_zone="UTC", channels=[], opted_out=[], opted_out_categories=[]
    ),
    "episode": _blanked(label=stand_in, status=EpisodeStatus.withdrawn),
    "surgery": _blanked("stage", levels=[], status=SurgeryStatus.cancelled),
    "milestone": _blanked("occurrence", key=stand_in, sources=[]),
    "milestone_progress": _blanked(),
    "restriction": _blanked("kind", "occurrence", "sequence", sources=[]),
    "clearance": _blanked("cleared_by", "rule_id"),
    "observed_fact": _blanked(),
    "reminder": _blanked("repeat", key=stand_in, state=ReminderState.cancelled),
    "reminder_ack": _blanked(),
    "check_in": _blanked(),
    "questionnaire_answer": _blanked(),
    "opioid_taper": _blanked("entered_by", steps=[]),
    "wound_photo": _blanked(),
    "visit": _blanked(),
    "clinical_event": _blanked(),
    "task": _blanked(state=TaskState.withdrawn),
    "plan_change": _blanked("changed_by"),
    "slot_entry": _blanked("entered_by"),
    "former_version": _removed(),
    "sync_conflict": _removed(),
    "refused_row": _removed(),
    "inbound_message": _removed(),
    "message_link": _removed(),
    "calendar_feed": _removed(not_exported=_HASHED),
    "letter_release": _removed(),
    "letter": _removed(),
    "push_address": _removed(),
    "proxy_consent": _removed(),
    "delivery": _removed(),
    "delivery_attempt": _removed(Found.by_delivery),
    "receipt": _removed(Found.by_delivery),
    "decision": _removed(Found.by_subject),
    "alert": _removed(),
    "alert_entry": _removed(),
    "dead_address": _removed(Found.by_delivery, not_exported=_BOOKKEEPING),
    "record_hold": _removed(),
    "record_merge": _removed(),
    "enrolment_code": _removed(not_exported=_HASHED),
    "data_key": _removed(not_exported="the key itself"),
    "kept_reply": _removed(Found.by_content, not_exported="copies of answers for a day; what they show is exported"),
    "device_change": _removed(Found.by_device, not_exported=_OF_DEVICE),
    "device_pull": _removed(Found.by_device, not_exported=_OF_DEVICE),
    "device_wake": _removed(Found.by_device, not_exported=_OF_DEVICE),
    "sync_heal": _removed(Found.by_actor, not_exported=_OF_DEVICE),
    "device": Holding(Fate.kept, why="revoked: the app learns from it to delete what it stores"),
    "token": Holding(
        Fate.kept, Found.by_device, not_exported=_HASHED, why="revoked hashes: an app learns from them to delete"
    ),
    "care_assignment": _removed(not_exported="which staff see the patient: the access log tells who looked"),
    "emergency_access": _removed(),
    "panel": Holding(
        Fate.kept, not_exported="which staff's devices hold the patient: episodes name their coordinator",
        why="ids: devices of staff learn from it to let the patient go",
    ),
    "audit_subject": Holding(Fate.kept, not_exported="told by the access log", why="ids: the trail stays provable"),
    "audit_entry": Holding(
        Fate.kept, Found.by_entry, not_exported="told by the access log", why="ids and codes: the trail stays provable"
    ),
    "erasure": Holding(Fate.kept, not_exported="of a patient who is no more", why="that the patient was erased"),
}  # fmt: skip
_OF_CLINIC = "the clinic's own: no row of a patient"
_COUNTS = "counts and marks of the service: no patient"
# Tables that hold nothing on a patient, and why.
OF_NO_PATIENT: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("practice", "staff", "staff_credential", "recovery_code", "sign_in_code", "sign_in_throttle"),
        _OF_CLINIC,
    ),
    **dict.fromkeys(
        ("safety_card", "service_account", "on_call_shift", "staff_address", "passkey", "used_challenge"),
        _OF_CLINIC,
    ),
    **dict.fromkeys(
        ("sign_in_provider", "staff_identity", "saved_view", "alert_answering"),
        _OF_CLINIC,
    ),
    **dict.fromkeys(("protocol_version", "protocol_signature", "clearance_rule", "card_version"), _OF_CLINIC),
    **dict.fromkeys(("sync_clock", "wake_mark", "wake_tally", "decision_tally", "tally_mark", "audit_mark"), _COUNTS),
    **dict.fromkeys(("worker_heartbeat", "provider_pause"), _COUNTS),
    "self_audit": "counts, and ids of plans and reminders",
    "audit_seal": "digests of entries",
}


def blank_values(table: Table, holding: Holding) -> dict[str, Any]:
    """Return what each column of a blanked row becomes. `rev` and `deleted` are not among them."""
    values: dict[str, Any] = {}
    for column in table.columns:
        if column.name in SKELETON | holding.keeps or column.name in ("rev", "deleted"):
            continue
        told = holding.becomes[column.name] if column.name in holding.becomes else _blank(column)
        values[column.name] = told(table) if callable(told) else told
    return values


def _blank(column: Column[Any]) -> Any:
    if column.nullable:
        return null()  # also where None would be a JSON null
    if isinstance(column.type, Enum):
        return column.type.enums[0]
    return next(value for kind, value in _BLANKS if isinstance(column.type, kind))


_BLANKS: Final[tuple[tuple[Any, Any], ...]] = (
    (JSON, {}),
    (Boolean, False),
    (Integer, 0),
    (Date, EPOCH_DAY),
    ((DateTime, UtcDateTime), EPOCH),
    (LargeBinary, b""),
    (object, ""),
)


def rows_of(table: Table, practice_id: str, patient_id: str) -> ColumnElement[bool]:
    """Return the condition that a row of a table with a `Holding` is a patient's. Not for what is found by content."""
    of_practice = table.c.practice_id == practice_id
    return of_practice & _CONDITIONS[HOLDINGS[table.name].found](table, practice_id, patient_id)


def _by_patient(table: Table, _practice_id: str, patient_id: str) -> ColumnElement[bool]:
    column: Column[Any] = table.c.id if table.name == "patient" else table.c.patient_id
    return column == patient_id


def _through(column: str, other: str, key: str = "id") -> Callable[[Table, str, str], ColumnElement[bool]]:
    def condition(table: Table, practice_id: str, patient_id: str) -> ColumnElement[bool]:
        named = Base.metadata.tables[other]
        ids = select(named.c[key]).where(named.c.practice_id == practice_id, named.c.patient_id == patient_id)
        return table.c[column].in_(ids)

    return condition


def _by_subject(table: Table, practice_id: str, patient_id: str) -> ColumnElement[bool]:
    named = {"reminder_id": "reminder", "alert_id": "alert", "access_id": "emergency_access"}
    through = (_through(column, other) for column, other in named.items())
    return or_(*(condition(table, practice_id, patient_id) for condition in through))


_CONDITIONS: Final[Mapping[Found, Callable[[Table, str, str], ColumnElement[bool]]]] = {
    Found.by_patient: _by_patient,
    Found.by_delivery: _through("delivery_id", "delivery"),
    Found.by_subject: _by_subject,
    Found.by_device: _through("device_id", "device"),
    Found.by_actor: _through("actor_id", "device"),
    Found.by_entry: _through("id", "audit_subject", "entry_id"),
}
