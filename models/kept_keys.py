"""The unwrapped data keys that a process keeps, by their random ids. Knows nothing of databases."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEPT: Final = 10_000  # keys a process; some 30 MB


@dataclass(frozen=True, slots=True)
class OwnedKey:
    """A data key, and whose it is: a patient's, or without one the practice's own."""

    key: AESGCM
    patient_id: str | None


class KeptKeys:
    """Unwrapped keys by id, the latest used last; the one that was not used for longest makes room."""

    def __init__(self) -> None:
        self._keys: OrderedDict[bytes, OwnedKey] = OrderedDict()
        self._lock = Lock()

    def find(self, key_id: bytes) -> OwnedKey | None:
        """Return a key; None if it is not kept."""
        with self._lock:
            key = self._keys.get(key_id)
            if key is not None:
                self._keys.move_to_end(key_id)
            return key

    def put(self, key_id: bytes, key: OwnedKey) -> None:
        """Keep a key."""
        with self._lock:
            self._keys[key_id] = key
            if len(self._keys) > KEPT:
                self._keys.popitem(last=False)

    def drop(self, key_id: bytes) -> None:
        """Keep a key no longer."""
        with self._lock:
            self._keys.pop(key_id, None)

    def clear(self) -> None:
        """Keep none."""
        with self._lock:
            self._keys.clear()
