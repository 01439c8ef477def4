"""What changed for a caller since a place in the practice's changes: rows that came or changed, and rows that went.

A patient's device sees the patient's own rows, a member of staff those of the patients on their panel. A patient who
joins a panel comes whole, at the revision of joining; one who leaves goes whole, as rows without content.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Collection as Names
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from models.prepared import Prepared, Row, driver_rows
from models.private import NO_KEYS, keys_of
from service.identity.principal import Principal
from service.sync import statements
from service.sync.collections import Collection, served
from service.sync.cursor import Span
from service.sync.proxies import sees


class Change(NamedTuple):
    """One row as a caller sees it now. `revision` is when it came to be so for this caller.

    `document` holds every column of the caller's schema version; of a row that `is_gone` they are blank.
    """

    id: str
    revision: int
    is_gone: bool
    patient_id: str | None
    document: dict[str, Any]


def changed_collections(session: Session, caller: Principal, span: Span, version: int) -> tuple[Collection, ...]:
    """Return the collections that have changes in a span, found in one statement."""
    collections = served(version)
    query = statements.probe(version, _kind_of(caller), span.since == 0)
    (row,) = query.rows(session.connection(), _parameters(caller, span))
    has_changed = zip(collections, row, strict=True)
    return tuple(each for each, changed in has_changed if changed and sees(caller, each.name))


def read_changes(session: Session, caller: Principal, collection: Collection, span: Span, version: int) -> list[Change]:
    """Return all changes of a collection in a span, in the order of revision and id."""
    query = statements.all_of(collection, version, _kind_of(caller), span.since == 0)
    return _read(session, collection, version, query, _parameters(caller, span))


def read_page(
    session: Session, caller: Principal, collection: Collection, span: Span, version: int, *, after_id: str, limit: int
) -> list[Change]:
    """Return up to `limit` changes that follow the row `after_id` at revision `span.since`, in that order.

    A client that starts anew after an epoch holds rows still, so that it is told which of them went.
    """
    is_first = span.since == 0 and not span.is_replaced
    query = statements.page_of(collection, version, _kind_of(caller), is_first)
    told = _parameters(caller, span) | {"after_id": after_id, "limit": limit}
    return _read(session, collection, version, query, told)


def read_now(
    session: Session, caller: Principal, collection: Collection, ids: Names[str], version: int
) -> dict[str, Change]:
    """Return the rows of these ids as the caller sees them now, by id. What the caller does not see is left out."""
    if not sees(caller, collection.name):
        return {}
    query, connection = statements.of_ids(collection, version, _kind_of(caller)), session.connection()
    told = {"practice_id": caller.practice_id, "who": caller.patient_id or caller.actor_id, "ids": list(ids)}
    rows = driver_rows(connection, query, told)
    changes = _changes(session, rows, collection, version, practice_id=caller.practice_id)
    return {change.id: change for change in changes}


def blank(collection: Collection, row_id: str, version: int) -> dict[str, Any]:
    """Return what a row without content looks like: every column, and nothing in it."""
    return {"id": row_id} | {column.name: column.blank for column in collection.columns_of(version)}


def _kind_of(caller: Principal) -> str:
    return "staff" if caller.is_staff else "patient"


def _parameters(caller: Principal, span: Span) -> dict[str, Any]:
    who = caller.patient_id or caller.actor_id
    return {"practice_id": caller.practice_id, "who": who, "since": span.since, "top": span.top.revision}


def _read(
    session: Session, collection: Collection, version: int, query: Prepared, parameters: Mapping[str, Any]
) -> list[Change]:
    rows = query.rows(session.connection(), parameters)
    return _changes(session, rows, collection, version, practice_id=parameters["practice_id"])


def _changes(
    session: Session, rows: Sequence[Row], collection: Collection, version: int, *, practice_id: str
) -> list[Change]:
    form, changes = _form_of(collection, version, session.get_bind().dialect.name), []
    sealed = (row[statements.ID + place] for place, _ in form.private for row in rows)
    keys = keys_of(session, practice_id, sealed) if form.private else NO_KEYS
    for row in rows:
        revision, is_gone, patient_id, row_id = row[: statements.FIRST_COLUMN]
        if is_gone:
            document = blank(collection, row_id, version) | {"rev": revision}
        else:
            values = list(row[statements.ID :])
            for place, decode in form.decoders:
                if values[place] is not None:
                    values[place] = decode(values[place])
            for place, opened in form.private:
                values[place] = opened(values[place], keys, practice_id=practice_id, row_id=row_id)
            document = dict(zip(form.names, values, strict=True))
        changes.append(Change(row_id, revision, bool(is_gone), patient_id, document))
    return changes


@dataclass(frozen=True, slots=True)
class _Form:
    """What a row becomes: its names, `id` first, and what makes the values at some places those of the wire."""

    names: tuple[str, ...]
    decoders: tuple[tuple[int, Callable[[Any], Any]], ...]
    private: tuple[tuple[int, Callable[..., str | None]], ...]


@lru_cache(maxsize=256)
def _form_of(collection: Collection, version: int, driver: str) -> _Form:
    columns = collection.columns_of(version)
    decoders = ((place, each.decoder(driver)) for place, each in enumerate(columns, start=1) if not each.opened)
    return _Form(
        names=("id", *(column.name for column in columns)),
        decoders=tuple((place, decode) for place, decode in decoders if decode is not None),
        private=tuple((place, each.opened) for place, each in enumerate(columns, start=1) if each.opened is not None),
    )
