"""The rows of a record that becomes part of another: each table, and what becomes of a patient's rows in it.

One declaration: a test fails for a table that is not named. What moves belongs to the survivor afterwards, with what is
private in it sealed under the survivor's key. What would open the survivor's record to whoever held the other ends.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast

from sqlalchemy import CursorResult, Table, delete, select, update
from sqlalchemy.orm import Session

from models import DataKey, Device, Episode, KeptReply, MessageLink, Panel, Patient, ProxyConsent
from models.base import Base, table_of
from models.caseload import CareAssignment
from models.data_keys import forget_key, make_data_key
from models.private import Sealed, SealError, keys_of
from models.proxy import ConsentEnd
from models.sync import stamp
from models.triggers import synced_tables
from schedules.planning.removed_devices import remove_devices
from service.care.erasure import replies_of
from service.care.holdings import HOLDINGS, blank_values
from service.care.merging_facts import free_labels
from service.care.resealing import sealed_models
from service.errors import ConflictError, Fault


class Way(StrEnum):
    """What becomes of the rows of a record that becomes part of another."""

    moves = "moves"
    ends = "ends"  # the row goes
    stays = "stays"


WAYS: Final[Mapping[str, Way]] = {
    **dict.fromkeys(
        (
            "alert", "alert_entry", "care_assignment", "check_in", "clearance", "clinical_event", "delivery", "device",
            "emergency_access", "episode", "former_version", "inbound_message", "letter", "letter_release",
            "message_link", "milestone", "milestone_progress", "observed_fact", "opioid_taper", "plan_change",
            "proxy_consent", "push_address", "questionnaire_answer", "record_hold", "record_merge", "refused_row",
            "reminder", "reminder_ack", "restriction", "slot_entry", "surgery", "sync_conflict", "task", "visit",
            "wound_photo",
        ),
        Way.moves,
    ),
    # Secrets that were handed out for the record that is no more; its key, once nothing is sealed under it.
    **dict.fromkeys(("calendar_feed", "enrolment_code", "data_key"), Way.ends),
    # The trail stays as it was written; devices of staff learn from the panel to let the patient go.
    **dict.fromkeys(("audit_subject", "erasure", "panel"), Way.stays),
    "patient": Way.stays,  # an empty row: ids point to it, and devices learn from it to let the patient go
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records of one practice, by id."""

    practice_id: str
    survivor_id: str
    absorbed_id: str


@dataclass(frozen=True, slots=True)
class Carried:
    """How many rows of each table moved and ended, and the new labels of episodes, by id."""

    moved: Mapping[str, int]
    ended: Mapping[str, int]
    labels: Mapping[str, str]


def carry_rows(session: Session, pair: Pair, now: datetime) -> Carried:
    """Give the survivor the rows of the other record, and leave an empty row of that one.

    The merge is stored already: it lets rows of append-only tables change hands. Both patients and their deliveries are
    locked. Raises ConflictError if something private of the record does not open.
    """
    ended = _end(session, pair, now)
    make_data_key(session, pair.practice_id, pair.survivor_id)
    synced = frozenset(synced_tables())
    moving = [name for name, way in WAYS.items() if way is Way.moves]
    moved = {name: _move(session, pair, name, {}) for name in moving if name not in synced}
    # The clock is taken once everything is done that others may wait for.
    revision = {"rev": stamp(session, pair.practice_id)}
    labels = _new_labels(session, pair)
    for episode_id, label in labels.items():
        _change_row(session, pair, table_of(Episode), episode_id, revision | {"label": label})
    moved |= {name: _move(session, pair, name, revision) for name in moving if name in synced}
    moved["episode"] += len(labels)
    _leave_empty(session, pair, revision["rev"])
    return Carried(_some(moved), _some(ended), labels)


def _end(session: Session, pair: Pair, now: datetime) -> dict[str, int]:
    """End what would let somebody at the survivor's record: phones, proxies, links, codes. Return how many of each."""
    connection = session.connection()
    _drop_twice_given(session, pair)
    devices = session.scalars(
        select(Device.id).where(Device.practice_id == pair.practice_id, Device.patient_id == pair.absorbed_id)
        .where(Device.revoked_at.is_(None)).order_by(Device.id)
    ).all()  # fmt: skip
    remove_devices(session, pair.practice_id, devices, now)
    session.flush()
    consent, link = table_of(ProxyConsent), table_of(MessageLink)
    ends: dict[Table, tuple[Any, dict[str, Any]]] = {
        consent: (consent.c.ended_at.is_(None), {"ended_at": now, "ended_how": ConsentEnd.by_clinic}),
        link: (link.c.expires_at > now, {"expires_at": now}),
    }
    ended = {"device": len(devices)}
    for table, (is_open, values) in ends.items():
        ended[table.name] = _done(
            connection.execute(update(table).where(_is_theirs(table, pair), is_open).values(values))
        )
    for name in ("calendar_feed", "enrolment_code"):
        table = Base.metadata.tables[name]
        ended[name] = _done(connection.execute(delete(table).where(_is_theirs(table, pair))))
    replies = replies_of(session, pair.practice_id, frozenset({pair.absorbed_id}))
    kept = table_of(KeptReply)
    connection.execute(delete(kept).where(kept.c.practice_id == pair.practice_id, kept.c.id.in_(replies)))
    return ended


def _drop_twice_given(session: Session, pair: Pair) -> None:
    """Let go of assignments to who has the survivor already."""
    table = table_of(CareAssignment)
    theirs = select(table.c.staff_id).where(
        table.c.practice_id == pair.practice_id, table.c.patient_id == pair.survivor_id
    )
    session.connection().execute(delete(table).where(_is_theirs(table, pair), table.c.staff_id.in_(theirs)))


def _move(session: Session, pair: Pair, name: str, also: Mapping[str, Any]) -> int:
    table = Base.metadata.tables[name]
    if not _sealed_of(table):
        values = {"patient_id": pair.survivor_id, **also}
        return _done(session.connection().execute(update(table).where(_is_theirs(table, pair)).values(values)))
    ids = session.connection().scalars(select(table.c.id).where(_is_theirs(table, pair)).order_by(table.c.id)).all()
    for row_id in ids:  # one after the other: pictures are large
        _change_row(session, pair, table, row_id, also)
    return len(ids)


def _change_row(session: Session, pair: Pair, table: Table, row_id: str, also: Mapping[str, Any]) -> None:
    is_it = _is_theirs(table, pair), table.c.id == row_id
    values = {"patient_id": pair.survivor_id, **also, **dict(_sealed_anew(session, pair, table, row_id))}
    session.connection().execute(update(table).where(*is_it).values(values))


def _sealed_anew(session: Session, pair: Pair, table: Table, row_id: str) -> Iterator[tuple[str, bytes]]:
    """Yield the private columns of a row under the survivor's key."""
    columns = _sealed_of(table)
    if not columns:
        return
    query = select(*(table.c[each.column] for each in columns))
    row = session.connection().execute(query.where(_is_theirs(table, pair), table.c.id == row_id)).one()
    keys = keys_of(session, pair.practice_id, row)
    place = {"practice_id": pair.practice_id, "row_id": row_id}
    for column, sealed in zip(columns, row, strict=True):
        if sealed is None:
            continue
        try:
            text = column.opened(sealed, keys, **place) or ""
        except SealError:
            told = "a record whose private values open with the keys that this service has"
            raise ConflictError(Fault("/absorbed_id", told, f"one of {table.name} that does not")) from None
        yield column.column, column.closed(session, text, patient_id=pair.survivor_id, **place)


def _sealed_of(table: Table) -> tuple[Sealed, ...]:
    return next((columns for model, columns in sealed_models().items() if table_of(model) is table), ())


def _new_labels(session: Session, pair: Pair) -> dict[str, str]:
    table = table_of(Episode)
    query = select(table.c.patient_id, table.c.id, table.c.label).where(
        table.c.practice_id == pair.practice_id, table.c.patient_id.in_((pair.survivor_id, pair.absorbed_id))
    )
    rows = session.connection().execute(query).all()
    own = frozenset(label for patient_id, _, label in rows if patient_id == pair.survivor_id)
    return free_labels(own, {row_id: label for patient_id, row_id, label in rows if patient_id == pair.absorbed_id})


def _leave_empty(session: Session, pair: Pair, revision: int) -> None:
    """Empty the row of the record that is no more, destroy its key, and have devices of staff let it go."""
    connection, patient, panel = session.connection(), table_of(Patient), table_of(Panel)
    key = table_of(DataKey)
    for key_id in connection.scalars(select(key.c.id).where(_is_theirs(key, pair))).all():
        connection.execute(delete(key).where(_is_theirs(key, pair), key.c.id == key_id))
        forget_key(session, pair.practice_id, pair.absorbed_id, key_id)
    values = blank_values(patient, HOLDINGS["patient"]) | {"rev": revision, "deleted": True}
    is_it = patient.c.practice_id == pair.practice_id, patient.c.id == pair.absorbed_id
    connection.execute(update(patient).where(*is_it).values(values))
    left = update(panel).where(_is_theirs(panel, pair), panel.c.active).values(active=False, changed_rev=revision)
    connection.execute(left)


def _is_theirs(table: Table, pair: Pair) -> Any:
    return (table.c.practice_id == pair.practice_id) & (table.c.patient_id == pair.absorbed_id)


def _some(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def _done(result: Any) -> int:
    return cast("CursorResult[Any]", result).rowcount
