"""A file that only its key opens, and in which every change is noticed: of a bit, of the order, of its end.

In front stand in clear a mark, the version of the form, a salt and what tells one key from another. The rest is cut
into pieces of one size, each sealed by AES-256-GCM under a key of this file alone. A piece's nonce counts it and says
whether it is the last one, so that none can be left out, swapped or cut off. Knows nothing of what it holds.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service.backup.errors import BackupError

FORMAT = 1
PIECE_BYTES = 1 << 20
_MARK = b"recovery backup\n"
_SALT_BYTES, _KEY_MARK_BYTES, _TAG_BYTES = 16, 8, 16
_HEAD_BYTES = len(_MARK) + 1 + _SALT_BYTES + _KEY_MARK_BYTES


def write_sealed(path: Path, key: bytes, content: Iterable[bytes]) -> None:
    """Write `content`, sealed, to a new file at `path` for its owner alone. The file appears whole, or not at all.

    Raises BackupError if there is a file already, and lets through whatever `content` raises.
    """
    if path.exists():
        raise BackupError(f"expected a new file, got one that exists: {path}")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    with suppress(FileNotFoundError):
        unfinished.unlink()  # of a process that was killed
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            _seal_into(file, key, content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    finally:
        with suppress(FileNotFoundError):
            unfinished.unlink()
    sync_folder(path.parent)


def read_sealed(path: Path, key: bytes) -> Iterator[bytes]:
    """Yield what was sealed in the file at `path`. Only once it has ended is it known that nothing was cut off.

    Raises BackupError for a file that is no backup, is of another version or another key, or was changed.
    """
    try:
        with path.open("rb") as file:
            yield from _opened(file, key)
    except OSError as error:
        raise BackupError(f"expected a readable backup, got {type(error).__name__}") from None


def sync_folder(folder: Path) -> None:
    """Have a change of names in `folder` survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _seal_into(file: BinaryIO, key: bytes, content: Iterable[bytes]) -> None:
    salt = os.urandom(_SALT_BYTES)
    head = _MARK + bytes([FORMAT]) + salt + _derived(key, salt, b"mark", _KEY_MARK_BYTES)
    cipher = AESGCM(_derived(key, salt, b"pieces", 32))
    file.write(head)
    waiting, number = bytearray(), 0
    for part in content:
        waiting += part
        # The last piece is sealed as such, so one is kept back until it is known whether more comes.
        while len(waiting) > PIECE_BYTES:
            file.write(cipher.encrypt(_nonce(number, is_last=False), bytes(waiting[:PIECE_BYTES]), head))
            del waiting[:PIECE_BYTES]
            number += 1
    file.write(cipher.encrypt(_nonce(number, is_last=True), bytes(waiting), head))


def _opened(file: BinaryIO, key: bytes) -> Iterator[bytes]:
    head = file.read(_HEAD_BYTES)
    cipher = _cipher_of(head, key)
    piece, number = file.read(PIECE_BYTES + _TAG_BYTES), 0
    while True:
        following = file.read(PIECE_BYTES + _TAG_BYTES)
        try:
            yield cipher.decrypt(_nonce(number, is_last=not following), piece, head)
        except InvalidTag:
            raise BackupError("expected a whole backup, got one that was changed or cut off") from None
        if not following:
            return
        piece, number = following, number + 1


def _cipher_of(head: bytes, key: bytes) -> AESGCM:
    if len(head) < _HEAD_BYTES or not head.startswith(_MARK):
        raise BackupError("expected a backup of this service, got another file")
    version, rest = head[len(_MARK)], head[len(_MARK) + 1 :]
    if version != FORMAT:
        raise BackupError(f"expected a backup of format {FORMAT}, got format {version}")
    salt, mark = rest[:_SALT_BYTES], rest[_SALT_BYTES:]
    if mark != _derived(key, salt, b"mark", _KEY_MARK_BYTES):
        raise BackupError("expected a backup made with this BACKUP_KEY, got one made with another key")
    return AESGCM(_derived(key, salt, b"pieces", 32))


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _derived(key: bytes, salt: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=b"backup/" + purpose).derive(key)
