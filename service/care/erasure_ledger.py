"""The ledger of erasures: who was erased and when, kept outside of the database, so that no old copy brings them back.

A file of one line an erasure, only ever added to. It holds no id of a patient but a keyed hash: whoever has the file
alone learns how many were erased, and when.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from models.private import lookup_hash


class LedgerError(Exception):
    """The ledger cannot be written, or a line of it cannot be read. The message says which."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One erasure. `patient` is the keyed hash of the patient's id."""

    practice_id: str
    patient: str
    erased_at: datetime


def entry_of(practice_id: str, patient_id: str, erased_at: datetime) -> LedgerEntry:
    """Return the entry of a patient's erasure."""
    return LedgerEntry(practice_id, hash_of(practice_id, patient_id), erased_at)


def hash_of(practice_id: str, patient_id: str) -> str:
    """Return by what the ledger knows a patient. It stays the same when the key is replaced."""
    return lookup_hash(f"erasure|{patient_id.encode().hex()}", practice_id).hex()


def add_to_ledger(path: Path, entry: LedgerEntry) -> None:
    """Add an entry, and return once it is on the disk. Raises LedgerError."""
    told = {"practice_id": entry.practice_id, "patient": entry.patient, "erased_at": entry.erased_at.isoformat()}
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, json.dumps(told).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise LedgerError(f"expected a ledger of erasures that can be written, got {type(error).__name__}") from None


def read_ledger(path: Path) -> list[LedgerEntry]:
    """Return all entries; none if there is no ledger yet. Raises LedgerError for a line that is no entry."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerError(f"expected a ledger of erasures that can be read, got {type(error).__name__}") from None
    return list(_entries(lines))


def _entries(lines: Iterable[str]) -> Iterable[LedgerEntry]:
    for number, line in enumerate(lines, 1):
        try:
            told = json.loads(line)
            erased_at = datetime.fromisoformat(told["erased_at"])
            yield LedgerEntry(str(told["practice_id"]), str(told["patient"]), erased_at)
        except (ValueError, KeyError, TypeError):
            raise LedgerError(f"expected an erasure in line {number} of the ledger, got something else") from None
