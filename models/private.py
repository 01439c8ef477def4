"""Private columns: contact data and free text, sealed with AES-256-GCM under the practice's key.

A sealed value is bound to its practice, table, column and row, so it cannot be moved to another place and still open.
A keyed hash beside it finds the row again by the exact e-mail address or phone number. Merging compares plaintext.
"""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass
from typing import Any, overload

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"
_NONCE_BYTES = 12
_TOKEN_BYTES = 16


class SealError(Exception):
    """A sealed value does not open with the key in use, or no key was set."""


@dataclass(frozen=True, slots=True)
class _Keys:
    seal: AESGCM
    lookup: bytes
    link: bytes


_keys: _Keys | None = None


def set_key(key: bytes) -> None:
    """Use `key` (32 bytes) for every private column of this process.

    Raises ValueError for another length.
    """
    global _keys  # noqa: PLW0603 - one key a process, set once at start-up by the app, the worker or a command
    if len(key) != 32:
        raise ValueError(f"expected a key of 32 bytes, got {len(key)}")
    _keys = _Keys(seal=AESGCM(_derive(key, b"seal")), lookup=_derive(key, b"lookup"), link=_derive(key, b"link"))


def seal(text: str, place: str) -> bytes:
    """Return `text` sealed for `place` (practice/table/column/row).

    Raises SealError if no key was set.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + _current().seal.encrypt(nonce, text.encode(), place.encode())


def unseal(sealed: bytes, place: str) -> str:
    """Return the text that was sealed for `place`.

    Raises SealError if the key, the place or the bytes are not those of the sealing.
    """
    if sealed[:1] != _VERSION:
        raise SealError("expected a sealed value of version 1")
    nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        return _current().seal.decrypt(nonce, body, place.encode()).decode()
    except InvalidTag:
        raise SealError("expected a value sealed by this key for this place") from None


def lookup_hash(text: str, practice_id: str) -> bytes:
    """Return the keyed hash by which an e-mail address or phone number is found again within a practice."""
    normal = "".join(text.split()).casefold()
    return hmac.new(_current().lookup, f"{practice_id}\0{normal}".encode(), hashlib.sha256).digest()


def link_token(identity: str) -> str:
    """Return the secret of the link that belongs to `identity`: 128 bits in base64url, the same at every call."""
    digest = hmac.new(_current().link, identity.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_TOKEN_BYTES]).rstrip(b"=").decode()


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"private columns/" + purpose).derive(key)


def _current() -> _Keys:
    if _keys is None:
        raise SealError("expected set_key() before private columns are used")
    return _keys


@dataclass(frozen=True, slots=True)
class Lookup:
    """The column that holds the keyed hash of a sealed one."""

    column: str


class Sealed:
    """A model attribute that reads and writes plaintext through its sealed byte column.

    Set `practice_id` and `id` of the row first: they are part of the seal.
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
        return None if sealed is None else unseal(bytes(sealed), self._place(row))

    def __set__(self, row: object, text: str | None) -> None:
        if text == self.__get__(row, type(row)):
            return
        setattr(row, self.column, None if text is None else seal(text, self._place(row)))
        if self.lookup is not None:
            hashed = None if text is None else lookup_hash(text, self._practice_id(row))
            setattr(row, self.lookup.column, hashed)

    def opened(self, sealed: bytes | None, *, practice_id: str, row_id: str) -> str | None:
        """Return the plaintext of a value that was read as a column, without the row's object."""
        return None if sealed is None else unseal(bytes(sealed), f"{practice_id}/{self._table}/{self.column}/{row_id}")

    def closed(self, text: str, *, practice_id: str, row_id: str) -> bytes:
        """Return the sealed value of a row that is written as columns, without its object."""
        return seal(text, f"{practice_id}/{self._table}/{self.column}/{row_id}")

    def _place(self, row: Any) -> str:
        if row.id is None:
            raise SealError("expected a row with practice_id and id before its private columns are set")
        return f"{self._practice_id(row)}/{self._table}/{self.column}/{row.id}"

    @staticmethod
    def _practice_id(row: Any) -> str:
        if row.practice_id is None:
            raise SealError("expected a row with practice_id before its private columns are set")
        return str(row.practice_id)
