"""Passwords of staff: hashed by argon2id, compared in the same time whether there is one or not.

No transaction may be open while a password is hashed: it takes a tenth of a second. Two at a time, since each takes
64 MiB; who comes third waits.
"""

import threading
from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError

# RFC 9106, section 4, the second recommended option: 3 passes over 64 MiB in 4 lanes. What grows here grows in the
# database at each person's next sign-in.
_HASHER: Final = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
_AT_ONCE: Final = 2
_room = threading.BoundedSemaphore(_AT_ONCE)


def hash_password(password: str) -> str:
    """Return what is stored of a password: the hash with its parameters and its salt."""
    with _room:
        return _HASHER.hash(password)


def is_password(stored: str | None, password: str) -> bool:
    """Return whether a password is the stored one. Without a stored one: False, after the same work."""
    with _room:
        try:
            _HASHER.verify(stored or _nobodys_hash(), password)
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Return whether a password was hashed with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _HASHER.hash("nobody's password")
