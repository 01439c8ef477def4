"""Appends to the audit trail: who did what to whose data, authenticated entry by entry."""

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.audit import ActorKind, AuditAction, AuditEntry, AuditSubject
from models.base import table_of
from models.ids import new_id
from models.sets import insert_rows

_key: bytes | None = None


def set_key(key: bytes) -> None:
    """Authenticate this process's entries with `key` (32 bytes). Raises ValueError for another length."""
    global _key  # noqa: PLW0603 - one key a process, set once at start-up
    if len(key) != 32:
        raise ValueError(f"expected a key of 32 bytes, got {len(key)}")
    _key = key


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
    insert_rows(session.connection(), table_of(AuditEntry), entries)
    insert_rows(session.connection(), table_of(AuditSubject), subjects)
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
    told = {**row, "happened_at": row["happened_at"].isoformat(), "patients": sorted(patient_ids)}
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return _mac(canonical.encode())


def link(previous: bytes, sequence: int, mac: bytes) -> bytes:
    """Return the digest of the chain's link `sequence`: it binds an entry, by its MAC, to all links before it.

    `previous` is the digest of the link before, empty for the first. Raises LookupError if no key was set.
    """
    return _mac(previous + sequence.to_bytes(8, "big") + mac)


def _mac(told: bytes) -> bytes:
    if _key is None:
        raise LookupError("expected set_key() before the audit trail is written")
    return hmac.new(_key, told, hashlib.sha256).digest()
