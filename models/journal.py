"""Appends to the audit trail: who did what to whose data, authenticated entry by entry.

A key that was replaced still proves what was written under it. It is told which key of this process proves something:
0 is the present one, 1 the one before it, and so on.
"""

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from models.audit import ActorKind, AuditAction, AuditEntry, AuditSubject
from models.base import table_of
from models.ids import new_id
from models.sets import insert_rows

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_keys: tuple[bytes, ...] = ()


def set_key(key: bytes, *, former: Iterable[bytes] = ()) -> None:
    """Authenticate this process's entries with `key`. What `former` keys wrote, the latest first, is still known.

    Raises ValueError for a key that is not 32 bytes long.
    """
    global _keys  # noqa: PLW0603 - the keys of a process, set once at start-up
    keys = (key, *former)
    for each in keys:
        if len(each) != 32:
            raise ValueError(f"expected a key of 32 bytes, got {len(each)}")
    _keys = keys


@dataclass(frozen=True, slots=True)
class Act:
    """What an entry says. `about` holds ids and codes only; `patient_ids` are those shown or changed."""

    actor_kind: ActorKind
    actor_id: str | None
    action: AuditAction
    route: str
    status: int | None = None
    about: dict[str, Any] = field(default_factory=dict)
    patient_ids: Iterable[str] = ()


def append(session: Session, practice_id: str, act: Act, now: datetime) -> str:
    """Append an entry in the session's transaction, so that it stands or falls with what it tells. Return its id.

    Raises LookupError if no key was set.
    """
    (entry_id,) = append_all(session, practice_id, [act], now)
    return entry_id


def append_all(session: Session, practice_id: str, acts: Iterable[Act], now: datetime) -> list[str]:
    """Append an entry for each act, as `append` does for one. Return their ids.

    Raises LookupError if no key was set.
    """
    entries, subjects = [], []
    for act in acts:
        patient_ids = sorted(set(act.patient_ids))
        row = _row_of(practice_id, act, now)
        entries.append(row | {"mac": entry_mac(row, patient_ids)})
        subjects += [{"practice_id": practice_id, "entry_id": row["id"], "patient_id": each} for each in patient_ids]
    connection = session.connection()
    insert_rows(connection, table_of(AuditEntry), entries)
    insert_rows(connection, table_of(AuditSubject), subjects)
    return [entry["id"] for entry in entries]


def _row_of(practice_id: str, act: Act, now: datetime) -> dict[str, Any]:
    return {
        "practice_id": practice_id,
        "id": new_id(now),
        "happened_at": now,
        "actor_kind": act.actor_kind,
        "actor_id": act.actor_id,
        "action": act.action,
        "route": act.route,
        "status": act.status,
        "about": act.about,
    }


def entry_mac(row: dict[str, Any], patient_ids: Iterable[str]) -> bytes:
    """Return the HMAC-SHA256 of an entry's columns (without `mac`) and the patients it names.

    Raises LookupError if no key was set.
    """
    return _mac(_present_key(), _canonical(row, patient_ids))


def key_of_entry(mac: bytes, row: dict[str, Any], patient_ids: Iterable[str]) -> int | None:
    """Return which key proves an entry's columns and the patients it names; None if none does."""
    return _key_of(mac, _canonical(row, patient_ids))


def link(previous: bytes, sequence: int, mac: bytes, sealed_at: datetime) -> bytes:
    """Return the digest of the chain's link `sequence`: it binds an entry, by its MAC, to all links before it.

    `previous` is the digest of the link before, empty for the first. Raises LookupError if no key was set.
    """
    return _mac(_present_key(), _link(previous, sequence, mac, sealed_at))


def key_of_link(digest: bytes, previous: bytes, sequence: int, mac: bytes, sealed_at: datetime) -> int | None:
    """Return which key proves a link; None if none does."""
    # Until they bound their time too, links were made without it.
    for told in (_link(previous, sequence, mac, sealed_at), previous + sequence.to_bytes(8, "big") + mac):
        if (key := _key_of(digest, told)) is not None:
            return key
    return None


def anchor_mac(told: str) -> bytes:
    """Return the HMAC-SHA256 of what an anchor outside of the database tells. Raises LookupError if no key was set."""
    return _mac(_present_key(), _anchor(told))


def key_of_anchor(mac: bytes, told: str) -> int | None:
    """Return which key proves an anchor; None if none does."""
    return _key_of(mac, _anchor(told))


def _canonical(row: dict[str, Any], patient_ids: Iterable[str]) -> bytes:
    told = {**row, "happened_at": _text(row["happened_at"]), "patients": sorted(patient_ids)}
    return _CANONICAL.encode(told).encode()


# What is bound differs from the first byte on, so that nothing passes for something else.
def _link(previous: bytes, sequence: int, mac: bytes, sealed_at: datetime) -> bytes:
    return b"link\0" + previous + sequence.to_bytes(8, "big") + mac + _text(sealed_at).encode()


def _anchor(told: str) -> bytes:
    return b"anchor\0" + told.encode()


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()


def _present_key() -> bytes:
    if not _keys:
        raise LookupError("expected set_key() before the audit trail is written")
    return _keys[0]


def _key_of(mac: bytes, told: bytes) -> int | None:
    for index, key in enumerate(_keys):
        if hmac.compare_digest(_mac(key, told), mac):
            return index
    return None


def _mac(key: bytes, told: bytes) -> bytes:
    return hmac.digest(key, told, "sha256")
