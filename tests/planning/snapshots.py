"""What is stored of plans, as values that two moments can be compared by."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import Base
from models.care import Milestone, Restriction, Surgery
from models.reminder import Decision, Delivery, Reminder
from models.report import Task

PLAN_TABLES = (Surgery, Milestone, Restriction, Reminder, Delivery, Decision, Task)
_OF_ITEMS = (Milestone, Restriction)


def rows_of(session: Session, model: type[Base], *, leave_out: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
    """Return every row of a table as it is in the database, ordered."""
    columns = [column for column in model.__table__.columns if column.name not in leave_out]
    return sorted((tuple(row) for row in session.execute(select(*columns))), key=repr)


def everything(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that a plan consists of."""
    return {model.__tablename__: rows_of(session, model) for model in PLAN_TABLES}


def items(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    """Return milestones and restrictions without the revision of their last change."""
    return {model.__tablename__: rows_of(session, model, leave_out=("rev",)) for model in _OF_ITEMS}
