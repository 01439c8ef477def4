"""What every job does for each practice or row: its turn, whatever becomes of the others."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from models.isolation import reading_doors
from models.practice import Practice

Key = TypeVar("Key")


def nothing() -> None:
    """Do nothing between two practices or rows."""


def for_each(ids: Iterable[str], job: Callable[[str], None]) -> None:
    """Do the job for every practice or row, whatever becomes of the others. Raises the first error in the end."""
    errors = attempt_each(ids, job)
    if errors:
        raise errors[0]


def attempt_each(
    ids: Iterable[Key], job: Callable[[Key], None], between: Callable[[], None] = nothing
) -> list[Exception]:
    """Do the job for every practice or row, and after each what is to be done `between`. Return what was raised."""
    errors: list[Exception] = []
    for each_id in ids:
        try:
            job(each_id)
        except Exception as error:  # noqa: BLE001 - the caller's to raise, once the others had their turn
            errors.append(error)
        between()
    return errors


def practice_ids(make_session: sessionmaker[Session]) -> list[str]:
    """Return the ids of all practices, in an order that no database's language changes."""
    with reading_doors(make_session) as session:
        return sorted(session.scalars(select(Practice.id)))
