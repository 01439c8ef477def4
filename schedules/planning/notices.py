"""Has the clinic's admins told by e-mail that somebody opened a patient outside of their caseload (break-glass).

The notices stand in the worker's book, written in the transaction that opens the patient: there is none of them without
an access, and no access without them.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.caseload import EmergencyAccess
from models.people import Staff, StaffRole
from models.reminder import DecisionKind, Delivery
from schedules.plan.urgency import Urgency
from schedules.planning.reminders import FIRST_STEP, delivery_id
from schedules.planning.story import step_of, tell

# An access is looked into afterwards: a mail server that is away over a holiday does not make it forgotten.
NOTICE_IS_USEFUL_FOR: Final = timedelta(days=7)


def give_notice(session: Session, access: EmergencyAccess, now: datetime) -> None:
    """Write a notice of an access, in the session's transaction, for each admin who works here now."""
    admins = select(Staff.id).where(
        Staff.practice_id == access.practice_id,
        Staff.role == StaffRole.practice_admin,
        Staff.disabled_at.is_(None),
    )
    for number, staff_id in enumerate(session.scalars(admins.order_by(Staff.id)), start=1):
        notice = Delivery(
            practice_id=access.practice_id,
            id=delivery_id(access.id, generation=number, step=FIRST_STEP),
            patient_id=access.patient_id,
            access_id=access.id,
            staff_id=staff_id,
            generation=number,
            step=FIRST_STEP,
            urgency=Urgency.usual,
            due_at=now,
            useful_until=now + NOTICE_IS_USEFUL_FOR,
            next_attempt_at=now,
        )
        session.add(notice)
        tell(session, step_of(notice), DecisionKind.planned, now=now)
