"""Delays after wrong passwords and codes, kept in the database, so that every web process holds them.

Three counts stand for a password: of the account from this address, of the account from anywhere, and of the address.
Delays grow and end. A stranger cannot shut anybody out: an address from which the account was once signed in to answers
for itself alone. A try is counted before it is judged, so that tries at once do not slip through.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.base import table_of
from models.private import lookup_hash
from models.sign_in import SignInThrottle

LONGEST_DELAY: Final = timedelta(minutes=15)
KEPT_FOR: Final = timedelta(hours=24)  # after the last wrong try
KNOWN_FOR: Final = timedelta(days=90)  # after the last whole sign-in from an address
FREE_OF_PAIR: Final = 5
FREE_OF_ACCOUNT: Final = 20
FREE_OF_ADDRESS: Final = 40
FREE_OF_CODES: Final = 5
_FORGOTTEN_AT_ONCE: Final = 200
_TABLE: Final = table_of(SignInThrottle)
_UPDATE: Final = (
    update(_TABLE)
    .where(_TABLE.c.practice_id == bindparam("of_practice"), _TABLE.c.id == bindparam("of_row"))
    .values(failed_tries=bindparam("tries"), waits_until=bindparam("until"), forgotten_at=bindparam("forgotten"))
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a try counts for: the rows of `allowed`, each with the wrong tries that cost no delay.

    `own`: the row that alone matters once a whole sign-in came from the address. `shared`: the row that others count
    for too. Either may be None: there is no such row.
    """

    practice_id: str
    allowed: Mapping[str, int]
    own: str | None = None
    shared: str | None = None


def counts_of_password(practice_id: str, email: str, address: str) -> Counts:
    """Return what a password for an e-mail address counts for, whether anybody has that address or not."""
    pair, account = _key(practice_id, "pair", email, address), _key(practice_id, "account", email)
    shared = _key(practice_id, "address", address)
    allowed = {pair: FREE_OF_PAIR, account: FREE_OF_ACCOUNT, shared: FREE_OF_ADDRESS}
    return Counts(practice_id, allowed, own=pair, shared=shared)


def counts_of_known(practice_id: str, staff_id: str, what: str) -> Counts:
    """Return what a try counts for of somebody who has shown who they are once: a second factor, an old password."""
    return Counts(practice_id, {_key(practice_id, what, staff_id): FREE_OF_CODES})


def take_turn(session: Session, counts: Counts, now: datetime) -> bool:
    """Count a try as wrong in advance, and return whether it is to be judged at all.

    Who must wait is not counted again: waiting ends. It is the same work either way.
    """
    _make_rows(session, counts, now)
    rows = _lock_rows(session, counts)
    known = [row for row in rows if row.id == counts.own and row.known_since is not None]
    heeded = known or rows
    may = all(row.waits_until is None or row.waits_until <= now for row in heeded)
    session.connection().execute(
        _UPDATE, [_counted(row, counts, now, counts_now=may and row in heeded) for row in rows]
    )
    return may


def clear(session: Session, counts: Counts) -> None:
    """Forget the wrong tries: this one was right. What others count for too only loses this one."""
    for row in _lock_rows(session, counts):
        left = max(0, row.failed_tries - 1) if row.id == counts.shared else 0
        values = {"failed_tries": left, "waits_until": None}
        session.execute(update(_TABLE).where(_is(counts.practice_id, row.id)).values(values))


def remember(session: Session, counts: Counts, now: datetime) -> None:
    """Note that a whole sign-in came from this address, and remove what counts no more."""
    if counts.own is not None:
        _make_rows(session, counts, now)
        values = {"known_since": now, "forgotten_at": now + KNOWN_FOR}
        session.execute(update(_TABLE).where(_is(counts.practice_id, counts.own)).values(values))
    forgotten = (
        select(_TABLE.c.id)
        .where(_TABLE.c.practice_id == counts.practice_id, _TABLE.c.forgotten_at <= now)
        .limit(_FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    session.execute(delete(_TABLE).where(_TABLE.c.practice_id == counts.practice_id, _TABLE.c.id.in_(forgotten)))


def delay_after(beyond: int) -> timedelta:
    """Return how long the next try waits after so many wrong tries more than are free: 2, 4, 8 seconds and so on.

    >>> [str(delay_after(beyond)) for beyond in (-1, 0, 1, 5, 60)]
    ['0:00:00', '0:00:02', '0:00:04', '0:01:04', '0:15:00']
    """
    if beyond < 0:
        return timedelta(0)
    return min(timedelta(seconds=2 ** (min(beyond, 20) + 1)), LONGEST_DELAY)


def _make_rows(session: Session, counts: Counts, now: datetime) -> None:
    """Have the rows, in one order, so that two who need the same never wait for each other. A stale one begins anew."""
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    fresh: dict[str, Any] = {
        "failed_tries": 0,
        "waits_until": None,
        "known_since": None,
        "forgotten_at": now + KEPT_FOR,
    }
    rows = [{"practice_id": counts.practice_id, "id": each, **fresh} for each in sorted(counts.allowed)]
    session.execute(
        make(_TABLE)
        .values(rows)
        .on_conflict_do_update(index_elements=["practice_id", "id"], set_=fresh, where=_TABLE.c.forgotten_at <= now)
    )


def _lock_rows(session: Session, counts: Counts) -> Sequence[Row[Any]]:
    query = select(_TABLE).where(_TABLE.c.practice_id == counts.practice_id, _TABLE.c.id.in_(counts.allowed))
    return session.execute(query.order_by(_TABLE.c.id).with_for_update()).all()


def _counted(row: Row[Any], counts: Counts, now: datetime, *, counts_now: bool) -> dict[str, Any]:
    """Return a row after one more try."""
    tries = row.failed_tries + (1 if counts_now else 0)
    delay = delay_after(tries - counts.allowed[row.id])
    return {
        "of_practice": row.practice_id,
        "of_row": row.id,
        "tries": tries,
        "until": now + delay if counts_now and delay else row.waits_until,
        "forgotten": max(row.forgotten_at, now + KEPT_FOR),
    }


def _is(practice_id: str, row_id: str) -> ColumnElement[bool]:
    return and_(_TABLE.c.practice_id == practice_id, _TABLE.c.id == row_id)


def _key(practice_id: str, *parts: str) -> str:
    return lookup_hash("|".join(parts), practice_id).hex()
