"""Row security on PostgreSQL: what the database itself refuses, should a statement forget its practice.

Every table with rows of practices has a policy that admits those of the practice whom the transaction names, and holds
for the tables' owner too. A door can be looked through, and not written through, by a transaction that names no
practice but the doors (see `models.isolation`). Superusers, and roles that may bypass row security, are bound by none
of it: the service refuses to run as one where patients reach it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, MetaData, event, text

from models.base import Base
from models.isolation import DOORS, SETTING

POLICY: Final = "of_practice"
DOOR_POLICY: Final = "door"
# What leads to a practice: hashes of secrets, what is due where, how far clocks and counts are. No name, no contact and
# no plain text of a patient: `message_link` holds what a message said, sealed by a key that the database has not.
DOOR_TABLES: Final = (
    "calendar_feed",
    "dead_address",
    "decision",
    "decision_tally",
    "delivery",
    "delivery_attempt",
    "device_wake",
    "enrolment_code",
    "message_link",
    "passkey",
    "practice",
    "receipt",
    "self_audit",
    "service_account",
    "sign_in_code",
    "sync_clock",
    "sync_heal",
    "token",
    "wake_mark",
    "wake_tally",
)
# The setting is empty, not absent, on a connection whose earlier transaction named a practice.
_NAMED = f"nullif(current_setting('{SETTING}', true), '')"
_OF_PRACTICES = """
    SELECT c.relname, a.attname FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
    AND (a.attname = 'practice_id' OR c.relname = 'practice' AND a.attname = 'id')
    AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = :policy)
    ORDER BY c.relname
"""
_FORCED = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relrowsecurity AND c.relforcerowsecurity = :forced
    ORDER BY c.relname
"""
_ROLE = """
    SELECT current_user, bool_or(r.rolsuper) AS is_superuser, bool_or(r.rolbypassrls) AS may_bypass,
    EXISTS (
        SELECT FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relrowsecurity
        AND pg_has_role(c.relowner, 'MEMBER')
    ) AS owns_tables
    FROM pg_roles r WHERE pg_has_role(r.oid, 'MEMBER')
"""


def secure_tables(connection: Connection) -> None:
    """Put row security on every table of practices that has none yet. SQLite has none to put.

    A migration that makes such a table calls it in the end.
    """
    if connection.dialect.name != "postgresql":
        return
    _check_what_waits(connection)
    for table, column in connection.execute(text(_OF_PRACTICES), {"policy": POLICY}).all():
        connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        connection.exec_driver_sql(f"CREATE POLICY {POLICY} ON {table} USING ({column} = {_NAMED})")
        if table in DOOR_TABLES:
            through = f"current_setting('{SETTING}', true) = '{DOORS}'"
            connection.exec_driver_sql(f"CREATE POLICY {DOOR_POLICY} ON {table} FOR SELECT USING ({through})")


def lay_open_tables(connection: Connection) -> None:
    """Take row security from every table again."""
    _check_what_waits(connection)
    for table in connection.scalars(text(_FORCED), {"forced": True}).all():
        connection.exec_driver_sql(f"DROP POLICY {POLICY} ON {table}")
        connection.exec_driver_sql(f"DROP POLICY IF EXISTS {DOOR_POLICY} ON {table}")
        connection.exec_driver_sql(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")


@contextmanager
def unforced(connection: Connection) -> Iterator[None]:
    """Let the owner of the tables work on the rows of all practices, in the transaction that is open.

    Who may bypass row security needs nothing for it. For others the tables are locked to the commit.
    """
    if may_see_all(connection):
        yield
        return
    for table in connection.scalars(text(_FORCED), {"forced": True}).all():
        connection.exec_driver_sql(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    yield
    _check_what_waits(connection)
    for table in connection.scalars(text(_FORCED), {"forced": False}).all():
        connection.exec_driver_sql(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def may_see_all(connection: Connection) -> bool:
    """Return whether the role of this connection sees the rows of all practices at once."""
    if connection.dialect.name != "postgresql":
        return True
    role = _role(connection)
    return bool(role.may_bypass or role.is_superuser)


def find_unbound_role(connection: Connection) -> str | None:
    """Return in a line why row security does not bind the role of this connection; None if it does, and on SQLite."""
    if connection.dialect.name != "postgresql":
        return None
    role = _role(connection)
    whys = {
        "is a superuser": role.is_superuser,
        "may bypass row security": role.may_bypass,
        "owns the tables": role.owns_tables,
    }
    why = next((told for told, holds in whys.items() if holds), None)
    if why is None:
        return None
    return f"DATABASE_URL signs in as {role.current_user}, which {why}: give the service the role of an application"


def _check_what_waits(connection: Connection) -> None:
    """Check now what is checked at the commit: until then no table whose rows were changed can be altered."""
    connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    connection.exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")


def _role(connection: Connection) -> Any:
    return connection.execute(text(_ROLE)).one()


@event.listens_for(Base.metadata, "after_create")
def _secure_all(_metadata: MetaData, connection: Connection, **_: Any) -> None:
    secure_tables(connection)
