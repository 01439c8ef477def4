"""What differs between messages to patients, calls about alerts and notices to admins, in one table.

What a message says, and whether it still stands, is elsewhere: `facts` and `message` for reminders, `calls` with
`call_message` and `notice_message` for what staff are told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from models.reminder import Delivery
from models.subjects import Subject, subject_of
from schedules.delivery.book import Held

LAST_RETRY_AFTER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for messages about one kind of subject.

    `route` and `names` are for their entries in the audit trail. What goes `to_staff` is touched by nothing that is a
    patient's, goes to addresses of staff, never goes on after silence, and is not held after a restore.
    """

    route: str
    names: tuple[str, ...]
    to_staff: bool
    last_retry_after: timedelta = LAST_RETRY_AFTER


RULES: Final[Mapping[Subject, Rules]] = MappingProxyType(
    {
        Subject.reminder: Rules("worker.send", ("reminder_id",), to_staff=False),
        # Who is to be told of an alert is needed now: the repeats of such a call never get rare.
        Subject.alert: Rules(
            "worker.call", ("alert_id", "staff_id"), to_staff=True, last_retry_after=timedelta(minutes=2)
        ),
        Subject.notice: Rules("worker.notice", ("access_id", "staff_id"), to_staff=True),
    }
)


def rules_of(delivery: Held | Delivery) -> Rules:
    """Return what holds for a delivery."""
    return RULES[subject_of(delivery)]


def goes_to_staff(delivery: Held | Delivery) -> bool:
    """Return whether a delivery tells a member of staff, not a patient."""
    return rules_of(delivery).to_staff
