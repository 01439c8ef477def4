"""What reports and settings said before a change: kept each time, sealed, and listed for who may read the row."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import FormerVersion, Patient
from models.base import OfPatient, Synced
from models.bulk import insert_at_commit
from models.care import Reporter
from models.ids import new_id
from service.sync.collections import COLLECTIONS, Collection, wire_values
from service.sync.columns import text_of_columns

_OF_MODEL: Final[Mapping[type[Synced], Collection]] = {each.model: each for each in COLLECTIONS.values()}


def former_columns(row: OfPatient | Patient, names: Iterable[str]) -> dict[str, Any]:
    """Return columns of a row as they stand now, as they go over the wire: read them before they are changed."""
    return wire_values(_OF_MODEL[type(row)], row, names)


def keep_former_version(
    session: Session, row: OfPatient | Patient, former: Mapping[str, Any], now: datetime, *, by: Reporter
) -> None:
    """Keep what a row said, column by column as on the wire, before it was changed in the name of `by`."""
    version_id = new_id(now)
    patient_id = row.id if isinstance(row, Patient) else row.patient_id
    whose = {"practice_id": row.practice_id, "patient_id": patient_id}
    content = FormerVersion.content.closed(session, text_of_columns(former), **whose, row_id=version_id)
    place = whose | {"id": version_id}
    told = {"collection": _OF_MODEL[type(row)].name, "row_id": row.id, "replaced_at": now, "replaced_by": by}
    insert_at_commit(session, FormerVersion, place | told | {"content_sealed": content})


def list_former_versions(
    session: Session,
    model: type[OfPatient | Patient],
    row: OfPatient | Patient,
    *,
    after: str | None,
    limit: int,
) -> Sequence[FormerVersion]:
    """Return up to `limit` former versions, the latest first, from the one after the id `after` on.

    They are of the row of `model` that has the id of `row`.
    """
    collection = _OF_MODEL[model].name
    query = select(FormerVersion).filter_by(practice_id=row.practice_id, collection=collection, row_id=row.id)
    if after is not None:
        query = query.where(FormerVersion.id < after)
    return session.scalars(query.order_by(FormerVersion.id.desc()).limit(limit)).all()
