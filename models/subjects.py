"""What a message of the worker's book is about. Knows the columns that say so, and not what the messages say."""

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, or_


class Subject(StrEnum):
    """What a delivery or decision is about, as the column that names it. One of them is set in each row."""

    reminder = "reminder_id"
    alert = "alert_id"  # a call of a person, or of the clinic's phone
    notice = "access_id"  # an admin is told that somebody opened a patient outside of their caseload


ONE_SUBJECT = " + ".join(f"CASE WHEN {each} IS NULL THEN 0 ELSE 1 END" for each in Subject) + " = 1"


def subject_of(row: Any) -> Subject:
    """Return what a row of the book is about."""
    return next(each for each in Subject if getattr(row, each) is not None)


def same_subject(one: Any, other: Any) -> ColumnElement[bool]:
    """Return the condition that rows of two classes or subqueries are about the same."""
    return or_(*(getattr(one, each) == getattr(other, each) for each in Subject))


def id_of_subject(rows: Any) -> ColumnElement[str]:
    """Return the id of what each row of a class is about."""
    return func.coalesce(*(getattr(rows, each) for each in Subject), "")
