"""What a device asks to be stored, and what became of it."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MOST_EDITS = 500  # of one push


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One row of a push. `values` are wire columns: all of the row, or those that the device changed.

    `base` are the columns that the change started from; None: what is stored is what it started from. `is_creation`:
    the device made the row, and does not know whether it arrived before.
    """

    collection: str
    id: str
    values: dict[str, Any] = field(default_factory=dict)
    base: dict[str, Any] | None = None
    is_creation: bool = False
    is_delete: bool = False


class Outcome(StrEnum):
    """What became of an edit."""

    stored = "stored"
    unchanged = "unchanged"  # what it asks for is what is stored
    reasserted = "reasserted"  # some or all of it may not be: the device gets the row again as it is
    refused = "refused"  # a new row that cannot be: the device is told to let it go


@dataclass(slots=True)
class Applied:
    """What became of a push, edit by edit, how often values did not stand against others, and whose rows it reached."""

    outcomes: list[Outcome] = field(default_factory=list)
    conflicts: int = 0
    patient_ids: frozenset[str] = frozenset()

    def counts(self) -> dict[str, int]:
        """Return how many edits had each outcome, and the number of conflicts."""
        counted = Counter(self.outcomes)
        return {str(outcome): counted[outcome] for outcome in Outcome} | {"conflicts": self.conflicts}
