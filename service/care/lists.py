"""Lists that are read in pieces: the rows of a query in an order, from the one after a known row on.

Knows nothing of what is listed, nor who may see it: the query says that.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

Row = TypeVar("Row")


def rows_after(
    session: Session,
    query: Select[Row],
    place: tuple[Any, ...],
    *,
    practice_id: str,
    after: str | None,
    limit: int,
    latest_first: bool = False,
) -> Sequence[Row]:
    """Return up to `limit` rows of `query` in the order of `place`, from the one after the id `after` on.

    `place` ends with the rows' id. An id that the practice does not have begins the list.
    """
    if after is not None:
        listed = place[-1].class_
        last = session.execute(
            select(*place).where(listed.practice_id == practice_id, listed.id == after)
        ).one_or_none()
        if last is not None:
            beyond = tuple_(*place) < tuple(last) if latest_first else tuple_(*place) > tuple(last)
            query = query.where(beyond)
    order = [each.desc() for each in place] if latest_first else place
    return session.scalars(query.order_by(*order).limit(limit)).all()
