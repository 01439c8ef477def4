"""Private columns: contact data and free text, sealed with AES-256-GCM under a key of the patient's own.

What belongs to no patient is sealed under a key of the practice's. A sealed value names its key and is bound to its
practice, table, column and row, so it cannot be moved to another place and still open. Values of version 1, from before
there were such keys, stay readable: they are under a master key itself. A keyed hash beside a value finds the row again
by the exact e-mail address or phone number. Merging compares plaintext.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, overload

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import event
from sqlalchemy.orm import Session, object_session

from models.data_keys import (
    ID_BYTES,
    KEY_BYTES,
    NONCE_BYTES,
    Keys,
    SealError,
    derive,
    find_data_key,
    forget_made,
    load_keys,
    make_data_key,
    prepare_keys,
    set_masters,
)

__all__ = [
    "Keys",
    "SealError",
    "Sealed",
    "keys_of",
    "link_token",
    "lookup_hash",
    "make_data_key",
    "prepare_keys",
    "seal",
    "seal_under",
    "unseal",
]

UNDER_MASTER: Final = b"\x01"
UNDER_DATA_KEY: Final = b"\x02"
NO_KEYS: Final[Keys] = {}
_TOKEN_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class _Masters:
    """What follows from the master keys: `seals` the latest first; hashes and links stay with the oldest."""

    seals: tuple[AESGCM, ...]
    lookup: bytes
    link: bytes


_keys: _Masters | None = None


def set_key(key: bytes, *, former: Iterable[bytes] = ()) -> None:
    """Use the master `key` (32 bytes) for this process. What `former` ones sealed, the latest first, still opens.

    Hashes by which rows are found, and the secrets of links, follow from the oldest key that is given, so that they
    stay as they are when a new one takes its place. Raises ValueError for another length.
    """
    global _keys  # noqa: PLW0603 - the keys of a process, set once at start-up by the app, the worker or a command
    keys = (key, *former)
    for each in keys:
        if len(each) != KEY_BYTES:
            raise ValueError(f"expected a key of 32 bytes, got {len(each)}")
    seals = tuple(AESGCM(derive(each, b"seal")) for each in keys)
    _keys = _Masters(seals, lookup=derive(keys[-1], b"lookup"), link=derive(keys[-1], b"link"))
    set_masters(keys)


def seal(text: str, place: str) -> bytes:
    """Return `text` sealed for `place` under the master key: for what is handed out and not stored.

    Raises SealError if no key was set.
    """
    nonce = os.urandom(NONCE_BYTES)
    return UNDER_MASTER + nonce + _current().seals[0].encrypt(nonce, text.encode(), place.encode())


def unseal(sealed: bytes, place: str, keys: Keys = NO_KEYS) -> str:
    """Return the text that was sealed for `place` (practice/table/column/row). `keys` are those of `keys_of`.

    Raises SealError if the key, the place or the bytes are not those of the sealing.
    """
    if sealed[:1] == UNDER_DATA_KEY:
        key_id, sealed = sealed[1 : 1 + ID_BYTES], sealed[ID_BYTES:]
        tried: tuple[AESGCM, ...]
        key = keys.get(key_id)
        if key is None:
            raise SealError("expected the data key of a sealed value, got none: it was destroyed, or not asked for")
        tried, bound = (key,), key_id + place.encode()
    elif sealed[:1] == UNDER_MASTER:
        tried, bound = _current().seals, place.encode()
    else:
        raise SealError("expected a sealed value of version 1 or 2")
    nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    for each in tried:
        try:
            return each.decrypt(nonce, body, bound).decode()
        except (InvalidTag, ValueError):  # the latter for a nonce that was cut off
            continue
    raise SealError("expected a value sealed by this key for this place")


def keys_of(session: Session, practice_id: str, sealed: Iterable[bytes | None]) -> Keys:
    """Return the data keys that some sealed values of a practice need, by one query at most."""
    return _keys_of(session, practice_id, sealed)


def lookup_hash(text: str, practice_id: str) -> bytes:
    """Return the keyed hash by which an e-mail address or phone number is found again within a practice."""
    normal = "".join(text.split()).casefold()
    return hmac.new(_current().lookup, f"{practice_id}\0{normal}".encode(), hashlib.sha256).digest()


def link_token(identity: str) -> str:
    """Return the secret of the link that belongs to `identity`: 128 bits in base64url, the same at every call."""
    digest = hmac.new(_current().link, identity.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_TOKEN_BYTES]).rstrip(b"=").decode()


def _keys_of(session: Session | None, practice_id: str, sealed: Iterable[bytes | None]) -> Keys:
    ids = {bytes(each[1 : 1 + ID_BYTES]) for each in sealed if each is not None and each[:1] == UNDER_DATA_KEY}
    if not ids:
        return NO_KEYS
    return load_keys(session, practice_id, ids)


def _seal_for(session: Session, text: str, place: str, owner: tuple[str, str | None]) -> bytes:
    found = find_data_key(session, *owner)
    if found is None:
        return seal(text, place)
    return seal_under(*found, text, place)


def seal_under(key_id: bytes, key: AESGCM, text: str, place: str) -> bytes:
    """Return the text sealed for `place` under a data key."""
    nonce = os.urandom(NONCE_BYTES)
    return UNDER_DATA_KEY + key_id + nonce + key.encrypt(nonce, text.encode(), key_id + place.encode())


def _current() -> _Masters:
    if _keys is None:
        raise SealError("expected set_key() before private columns are used")
    return _keys


@dataclass(frozen=True, slots=True)
class Lookup:
    """The column that holds the keyed hash of a sealed one."""

    column: str


class Sealed:
    """A model attribute that reads and writes plaintext through its sealed byte column.

    Add the row to its session and set `practice_id`, `id` and `patient_id` first: they are part of the seal, and the
    session knows the keys.
    """

    def __init__(self, column: str, lookup: Lookup | None = None) -> None:
        self.column = column
        self.lookup = lookup

    def __set_name__(self, owner: type, name: str) -> None:
        self._table: str = owner.__tablename__  # type: ignore[attr-defined]  # of a model

    @overload
    def __get__(self, row: None, owner: type) -> "Sealed": ...
    @overload
    def __get__(self, row: object, owner: type) -> str | None: ...
    def __get__(self, row: object | None, owner: type) -> "Sealed | str | None":
        if row is None:
            return self
        sealed: bytes | None = getattr(row, self.column)
        if sealed is None:
            return None
        keys = _keys_of(object_session(row), self._practice_id(row), (sealed,))
        return unseal(bytes(sealed), self._place(row), keys)

    def __set__(self, row: object, text: str | None) -> None:
        if text == self.__get__(row, type(row)):
            return
        setattr(row, self.column, None if text is None else self._sealed(row, text))
        if self.lookup is not None:
            hashed = None if text is None else lookup_hash(text, self._practice_id(row))
            setattr(row, self.lookup.column, hashed)

    def opened(self, sealed: bytes | None, keys: Keys, *, practice_id: str, row_id: str) -> str | None:
        """Return the plaintext of a value that was read as a column, without the row's object."""
        return None if sealed is None else unseal(bytes(sealed), self.place(practice_id, row_id), keys)

    def closed(self, session: Session, text: str, *, practice_id: str, patient_id: str | None, row_id: str) -> bytes:
        """Return the sealed value of a row that is written as columns, without its object."""
        return _seal_for(session, text, self.place(practice_id, row_id), (practice_id, patient_id))

    def place(self, practice_id: str, row_id: str) -> str:
        """Return what a value is bound to."""
        return f"{practice_id}/{self._table}/{self.column}/{row_id}"

    def _sealed(self, row: Any, text: str) -> bytes:
        place, session = self._place(row), object_session(row)
        if session is None:
            raise SealError("expected a row of a session before its private columns are set")
        return _seal_for(session, text, place, (self._practice_id(row), self._patient_id(row)))

    def _place(self, row: Any) -> str:
        if row.id is None:
            raise SealError("expected a row with practice_id and id before its private columns are set")
        return self.place(self._practice_id(row), row.id)

    def _patient_id(self, row: Any) -> str | None:
        """Return whose key it is: the patient's whom the row is about, or None for the practice's own."""
        owner = "id" if self._table == "patient" else "patient_id"
        patient_id: str | None = getattr(row, owner, None)
        if patient_id is None and owner in row.__table__.c and not row.__table__.c[owner].nullable:
            raise SealError("expected a row with patient_id before its private columns are set")
        return patient_id

    @staticmethod
    def _practice_id(row: Any) -> str:
        if row.practice_id is None:
            raise SealError("expected a row with practice_id before its private columns are set")
        return str(row.practice_id)


@event.listens_for(Session, "after_commit")
def _forget_after_commit(session: Session) -> None:
    forget_made(session)


@event.listens_for(Session, "after_soft_rollback")
def _forget_after_rollback(session: Session, _previous: object) -> None:
    forget_made(session)
