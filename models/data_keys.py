"""Data keys: one for each patient and one for each practice, each wrapped by a master key of the settings.

What is sealed under a patient's key is gone for good once the row of the key is: in this database, and in a copy of it
from which the row is taken too. A process keeps some unwrapped keys, by their random ids, so that a pull asks for none
twice; which key a patient has is kept only once it was read as committed.
"""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Engine, Index, LargeBinary, String, bindparam, insert, or_, select, text
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from models.base import ID_LENGTH, Base, Tenant, reference, table_of
from models.kept_keys import KEPT, KeptKeys, OwnedKey
from models.prepared import Prepared
from models.sets import ByList, is_among

KEY_BYTES: Final = 32
ID_BYTES: Final = 16
NONCE_BYTES: Final = 12
_NAME_BYTES: Final = 8

Keys = Mapping[bytes, AESGCM]  # by the bytes of their id
_Owner = tuple[str, str | None]  # practice, and patient: without one it is the practice's own


class SealError(Exception):
    """A sealed value does not open with the keys in use, or no key was set."""


class DataKey(Tenant, Base):
    """A wrapped key. `id` is random; `wrapped_by` names the master key. Without a patient it is the practice's own."""

    __tablename__ = "data_key"
    __table_args__ = (
        reference("patient"),
        Index(
            "ix_data_key_patient",
            "practice_id",
            "patient_id",
            unique=True,
            sqlite_where=text("patient_id IS NOT NULL"),
            postgresql_where=text("patient_id IS NOT NULL"),
        ),
        Index(
            "ix_data_key_practice",
            "practice_id",
            unique=True,
            sqlite_where=text("patient_id IS NULL"),
            postgresql_where=text("patient_id IS NULL"),
        ),
    )

    patient_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    wrapped_by: Mapped[str] = mapped_column(String(2 * _NAME_BYTES))


@dataclass(frozen=True, slots=True)
class _Master:
    name: str
    wrap: AESGCM


_masters: tuple[_Master, ...] = ()
_kept = KeptKeys()
# Whose key is which, for each database that this process knows.
_owners: WeakKeyDictionary[Engine, dict[_Owner, bytes]] = WeakKeyDictionary()
_MADE_HERE: Final = "data_keys_made"
_WITHOUT: Final = "owners_without_data_key"

_OF_OWNER = Prepared(
    select(DataKey.id, DataKey.patient_id, DataKey.wrapped, DataKey.wrapped_by).where(
        DataKey.practice_id == bindparam("practice_id"),
        or_(
            DataKey.patient_id == bindparam("patient_id"),
            DataKey.patient_id.is_(None) & bindparam("patient_id", type_=String()).is_(None),
        ),
    )
)


def _by(column: InstrumentedAttribute[Any]) -> ByList:
    mine = DataKey.practice_id == bindparam("practice_id")
    query = select(DataKey.id, DataKey.patient_id, DataKey.wrapped, DataKey.wrapped_by).where(mine)
    return ByList(lambda dialect: query.where(is_among(dialect, column, "values")))


_BY_ID, _BY_PATIENT = _by(DataKey.id), _by(DataKey.patient_id)


def set_masters(keys: Iterable[bytes]) -> None:
    """Wrap new keys with the first of the master `keys`; the others, the latest first, still unwrap."""
    global _masters  # noqa: PLW0603 - the keys of a process, set once at start-up
    _masters = tuple(_Master(derive(key, b"name", _NAME_BYTES).hex(), AESGCM(derive(key, b"wrap"))) for key in keys)
    _kept.clear()


def present_master() -> str:
    """Return the name of the master key that wraps now. Raises SealError if none was set."""
    return _present().name


def derive(key: bytes, purpose: bytes, length: int = KEY_BYTES) -> bytes:
    """Return the key for one purpose that follows from a master key."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=b"private columns/" + purpose).derive(key)


def make_data_key(session: Session, practice_id: str, patient_id: str | None = None) -> None:
    """Make the key of a patient, or of the practice, unless there is one. Call it before anything is sealed for it.

    Its row is written now, so that it stands or falls with what is sealed under it. Who makes keys of several patients
    in one transaction has them locked.
    """
    if find_data_key(session, practice_id, patient_id) is not None:
        return
    columns, key = new_data_key(practice_id, patient_id)
    session.connection().execute(insert(table_of(DataKey)).values(columns))
    key_id = bytes.fromhex(columns["id"])
    _made_by(session)[practice_id, patient_id] = (key_id, key)
    _kept.put(key_id, OwnedKey(key, patient_id))


def new_data_key(practice_id: str, patient_id: str | None) -> tuple[dict[str, Any], AESGCM]:
    """Return a new key, and the columns of its row, which is yet to be written. Raises SealError without a master."""
    key_id, key = os.urandom(ID_BYTES).hex(), os.urandom(KEY_BYTES)
    wrapped = {"wrapped": _wrap(practice_id, key_id, patient_id, key), "wrapped_by": _present().name}
    return {"practice_id": practice_id, "id": key_id, "patient_id": patient_id, **wrapped}, AESGCM(key)


def find_data_key(session: Session, practice_id: str, patient_id: str | None) -> tuple[bytes, AESGCM] | None:
    """Return id and key of a patient, or of the practice; None if it has none: then it is sealed as before them.

    Raises SealError if it was wrapped by a master key that is not given.
    """
    owner = (practice_id, patient_id)
    if (made := _made_by(session).get(owner)) is not None:
        return made
    known = _known(session)
    key_id = known.get(owner)
    if key_id is not None and (kept := _kept.find(key_id)) is not None:
        return key_id, kept.key
    if owner in _without(session):
        return None
    rows = _OF_OWNER.rows(session.connection(), {"practice_id": practice_id, "patient_id": patient_id})
    if not rows:
        return None
    ((found, _, wrapped, wrapped_by),) = rows
    key = AESGCM(_unwrap(practice_id, found, patient_id, bytes(wrapped), wrapped_by))
    key_id = known[owner] = bytes.fromhex(found)
    _kept.put(key_id, OwnedKey(key, patient_id))
    return key_id, key


def prepare_keys(session: Session, practice_id: str, patient_ids: Collection[str]) -> None:
    """Ask by one query at most for the keys of patients for whom something is sealed next, one after the other.

    Who has none is known as such to the end of the transaction.
    """
    known = _known(session)
    owners = {(practice_id, patient_id) for patient_id in patient_ids} - set(_made_by(session))
    unknown = [owner for owner in owners if owner not in known or _kept.find(known[owner]) is None]
    if not unknown:
        return
    rows = _rows(session, practice_id, _BY_PATIENT, [str(patient_id) for _, patient_id in unknown])
    known.update(((practice_id, owned.patient_id), key_id) for key_id, owned in _unwrapped(practice_id, rows).items())
    # Of one whose key does not unwrap, who seals hears so.
    _without(session).update(set(unknown) - {(practice_id, row.patient_id) for row in rows})


def load_keys(session: Session | None, practice_id: str, key_ids: Iterable[bytes]) -> dict[bytes, AESGCM]:
    """Return keys by id: those that this process keeps, and the others by one query. What cannot be had is left out.

    Without a session only kept ones are found.
    """
    kept = {key_id: owned for key_id in set(key_ids) if (owned := _kept.find(key_id)) is not None}
    if session is not None:
        missing = [key_id.hex() for key_id in set(key_ids) - set(kept)]
        kept |= _unwrapped(practice_id, _rows(session, practice_id, _BY_ID, missing)) if missing else {}
        made, known = _made_by(session), _known(session)
        # Who seals for these patients next need not ask for their keys; of one that may yet not stand, he does.
        known.update(
            ((practice_id, owned.patient_id), key_id)
            for key_id, owned in kept.items()
            if (practice_id, owned.patient_id) not in made
        )
    return {key_id: owned.key for key_id, owned in kept.items()}


def _rows(session: Session, practice_id: str, query: ByList, values: Collection[str]) -> Sequence[Any]:
    return query.rows(session.connection(), {"practice_id": practice_id, "values": values})


def _unwrapped(practice_id: str, rows: Iterable[Any]) -> dict[bytes, OwnedKey]:
    """Return keys by id, and keep them."""
    found = {}
    for row in rows:
        with suppress(SealError):  # one that does not unwrap is the trouble of what it sealed, and of nothing else
            key = AESGCM(_unwrap(practice_id, row.id, row.patient_id, bytes(row.wrapped), row.wrapped_by))
            found[bytes.fromhex(row.id)] = OwnedKey(key, row.patient_id)
    for key_id, owned in found.items():
        _kept.put(key_id, owned)
    return found


def _made_by(session: Session) -> dict[_Owner, tuple[bytes, AESGCM]]:
    return cast("dict[_Owner, tuple[bytes, AESGCM]]", session.info.setdefault(_MADE_HERE, {}))


def _without(session: Session) -> set[_Owner]:
    return cast("set[_Owner]", session.info.setdefault(_WITHOUT, set()))


def _known(session: Session) -> dict[_Owner, bytes]:
    known = _owners.setdefault(session.get_bind().engine, {})
    if len(known) >= KEPT:
        known.clear()
    return known


def forget_key(session: Session, practice_id: str, patient_id: str, key_id: str) -> None:
    """Let this process forget a key whose row is taken away."""
    _kept.drop(bytes.fromhex(key_id))
    _known(session).pop((practice_id, patient_id), None)
    _made_by(session).pop((practice_id, patient_id), None)


def rewrap(row: DataKey) -> None:
    """Wrap a key with the present master key. Raises SealError if the one that wrapped it is not given."""
    key = _unwrap(row.practice_id, row.id, row.patient_id, bytes(row.wrapped), row.wrapped_by)
    row.wrapped, row.wrapped_by = _wrap(row.practice_id, row.id, row.patient_id, key), _present().name


def forget_made(session: Session) -> None:
    """Forget which keys the session has made, and who has none: its transaction has ended."""
    session.info.pop(_MADE_HERE, None)
    session.info.pop(_WITHOUT, None)


def _wrap(practice_id: str, key_id: str, patient_id: str | None, key: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _present().wrap.encrypt(nonce, key, _place(practice_id, key_id, patient_id))


def _unwrap(practice_id: str, key_id: str, patient_id: str | None, wrapped: bytes, wrapped_by: str) -> bytes:
    place = _place(practice_id, key_id, patient_id)
    for master in _masters:
        if master.name == wrapped_by:
            try:
                return master.wrap.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], place)
            except InvalidTag:
                raise SealError("expected a data key as it was wrapped for its owner, got a changed one") from None
    raise SealError("expected the master key that wrapped a data key: give it as SEAL_KEY or in SEAL_FORMER_KEYS")


def _place(practice_id: str, key_id: str, patient_id: str | None) -> bytes:
    return f"{practice_id}/data_key/{key_id}/{patient_id or ''}".encode()


def _present() -> _Master:
    if not _masters:
        raise SealError("expected set_key() before private columns are used")
    return _masters[0]
