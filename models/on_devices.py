"""Which tables patients' devices hold, and whose rows in them changed: who is told of changes asks here.

Which columns go over the wire, and what a device may write, is the business of `service.sync`.
"""

from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Column, CompoundSelect, String, Table, bindparam, cast, null, select, union

from models.base import Base, table_of
from models.care import Episode, Milestone, MilestoneProgress, Restriction, Surgery
from models.clearance import Clearance, ObservedFact
from models.people import Patient
from models.reminder import Reminder
from models.report import CheckIn, QuestionnaireAnswer, ReminderAck
from models.safety import SafetyCard

ON_DEVICES: Final[tuple[type[Base], ...]] = (
    Patient,
    Episode,
    Surgery,
    Milestone,
    MilestoneProgress,
    Restriction,
    Clearance,
    ObservedFact,
    Reminder,
    ReminderAck,
    CheckIn,
    QuestionnaireAnswer,
    SafetyCard,
)


def owner_of(table: Table) -> Column[Any] | None:
    """Return the column that says whose a row is; None: every device of the practice holds it."""
    return table.c.id if table is table_of(Patient) else table.c.get("patient_id")


@lru_cache(maxsize=1)
def changes() -> CompoundSelect[str | None, int]:
    """Return what reads patient and revision of each change in `practice_id` over `since`, up to `top`.

    Without a patient it is a change of what everybody sees.
    """
    return union(*(_changes_in(table_of(model)) for model in ON_DEVICES))


def _changes_in(table: Table) -> Any:
    owner = owner_of(table)
    whose = cast(null(), String) if owner is None else owner
    is_new = table.c.rev > bindparam("since"), table.c.rev <= bindparam("top")
    return select(whose, table.c.rev).where(table.c.practice_id == bindparam("practice_id"), *is_new)
