"""Finds where a device differs from the server though it believes it has everything, and heals it.

Rows that it lacks or has otherwise get a new revision, so that every protocol brings them with the next pull. What it
should not have is named, for the app to delete.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models import RefusedRow, SyncHeal
from service.errors import Fault, TooLargeError
from service.identity.principal import Principal
from service.sync.changes import Change, changed_collections, read_now, read_page
from service.sync.collections import Collection
from service.sync.cursor import Span
from service.sync.fnv import row_digest, sum_digests
from service.sync.push import Push

MOST_ROWS: Final = 10_000  # of one comparison: a phone has a tenth of them, a large panel is pulled in pages
HEAL_EVERY: Final = timedelta(minutes=10)
Rows = dict[Collection, list[Change]]


@dataclass(frozen=True, slots=True)
class Told:
    """What a device says of a collection as a whole."""

    count: int
    digest: int


@dataclass(frozen=True, slots=True)
class Healed:
    """How many rows a device gets again with its next pull, which it should not have, and how long it has to wait.

    A wait means that nothing was stamped: the device was healed a short while ago, and that did not help.
    """

    stamped: int
    unknown: tuple[str, ...]
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One caller's device beside the server, at one moment. `span` goes from where the device stands to the present."""

    session: Session
    caller: Principal
    version: int
    span: Span

    def is_behind(self, asked: Iterable[Collection]) -> bool:
        """Return whether a pull would bring the device anything of these collections."""
        if self.span.since == 0 or self.span.is_replaced:
            return True
        asked = set(asked)
        if asked & set(changed_collections(self.session, self.caller, self.span, self.version)):
            return True
        let_go = select(RefusedRow.id).where(
            RefusedRow.practice_id == self.caller.practice_id,
            RefusedRow.actor_id == self.caller.actor_id,
            RefusedRow.refused_rev > self.span.since,
            RefusedRow.collection.in_([each.name for each in asked]),
        )
        return self.session.scalars(let_go.limit(1)).first() is not None

    def read_rows(self, asked: Iterable[Collection]) -> Rows:
        """Return all rows of these collections that the caller sees. Raises TooLargeError if they are too many."""
        found: Rows = {}
        for collection in asked:
            left, whole = MOST_ROWS - sum(map(len, found.values())), Span(0, self.span.top)
            rows = read_page(self.session, self.caller, collection, whole, self.version, after_id="", limit=left + 1)
            if len(rows) > left:
                raise TooLargeError(Fault("/collections", f"collections of up to {MOST_ROWS} rows", "more"))
            found[collection] = rows
        return found

    def differing(self, rows: Rows, told: Mapping[Collection, Told]) -> list[str]:
        """Return the names of the collections that the device has otherwise than the server."""
        seen = {each: Told(len(rows[each]), sum_digests(self._digests(each, rows[each]).values())) for each in told}
        return [collection.name for collection in told if told[collection] != seen[collection]]

    def heal(self, rows: Rows, told: Mapping[Collection, Mapping[str, int]], now: datetime) -> dict[str, Healed]:
        """Have the device get again what it lacks or has otherwise. `told` are its rows' digests by id."""
        push, healed = Push(self.session, self.caller, now), {}
        wrong = {each: self._wrong(each, rows[each], told[each]) for each in told}
        push.lock_patients(row.patient_id for each in wrong.values() for row in each if row.patient_id is not None)
        for collection, wrong_rows in wrong.items():
            reached = [row for row in wrong_rows if row.patient_id is None or row.patient_id in push.patient_ids]
            wait = _take_turn(self.session, self.caller, collection, len(reached), now=now) if reached else None
            stamped = reached if wait is None else []
            for row in stamped:
                push.reassert(collection, row.id)
            unknown = self._unknown(collection, told[collection].keys() - {row.id for row in rows[collection]})
            healed[collection.name] = Healed(len(stamped), unknown, wait)
        push.finish()
        return healed

    def _digests(self, collection: Collection, rows: Iterable[Change]) -> dict[str, int]:
        names = [column.name for column in collection.columns_of(self.version) if column.name != "rev"]
        return {row.id: row_digest(row.id, [row.document[name] for name in names]) for row in rows}

    def _wrong(self, collection: Collection, rows: list[Change], told: Mapping[str, int]) -> list[Change]:
        digests = self._digests(collection, rows)
        return [row for row in rows if told.get(row.id) != digests[row.id]]

    def _unknown(self, collection: Collection, strange: Set[str]) -> tuple[str, ...]:
        """Return the ids that the device should not have. What came while we looked is looked up again."""
        if not strange:
            return ()
        seen = read_now(self.session, self.caller, collection, strange, self.version)
        return tuple(sorted(row_id for row_id in strange if row_id not in seen or seen[row_id].is_gone))


def _take_turn(
    session: Session, caller: Principal, collection: Collection, rows: int, *, now: datetime
) -> timedelta | None:
    """Note that a device is healed; return how long it has to wait if that was done a short while ago.

    A client that counts its digests wrongly would else have its rows sent to everybody again and again.
    """
    key = {"practice_id": caller.practice_id, "actor_id": caller.actor_id, "collection": collection.name}
    make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    taken = (
        make(SyncHeal)
        .values(**key, healed_at=now, heals=1, rows=rows)
        .on_conflict_do_update(
            index_elements=list(key),
            set_={"healed_at": now, "heals": SyncHeal.heals + 1, "rows": SyncHeal.rows + rows},
            where=SyncHeal.healed_at <= now - HEAL_EVERY,
        )
        .returning(SyncHeal.heals)
    )
    if session.execute(taken).first() is not None:
        return None
    last = session.execute(select(SyncHeal.healed_at).filter_by(**key)).scalar_one()
    return last + HEAL_EVERY - now
