"""Keeps up to where a device was given changes, so that nobody wakes it for what it has.

It costs one statement in the transaction of the request's audit entry, and only where the answer gives rows: one that
gives none says nothing new of the device. An answer that is lost on its way is the app's own to ask for again.
"""

from functools import cache
from typing import Final

from sqlalchemy import Insert, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.base import table_of
from models.wake import EVERY_TABLE, DevicePull
from service.api.scope import caller, scope, settings

_KEY: Final = ("practice_id", "device_id", "table_name")


def note_pull(revision: int, table: str = EVERY_TABLE) -> None:
    """Have it kept with this request that its caller, if a device, was given a table's changes up to `revision`."""
    who = caller()
    if not who.is_device or not settings().wakes_devices:
        return

    def keep(session: Session) -> None:
        connection = session.connection()
        row = {"practice_id": who.practice_id, "device_id": who.actor_id, "table_name": table, "revision": revision}
        connection.execute(_kept(connection.dialect.name), row)

    scope().leaves.append(keep)


@cache
def _kept(dialect: str) -> Insert:
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    pull = table_of(DevicePull)
    new = make(pull).values({name: bindparam(name) for name in (*_KEY, "revision")})
    grows = new.excluded.revision > pull.c.revision
    return new.on_conflict_do_update(index_elements=_KEY, set_={"revision": new.excluded.revision}, where=grows)
