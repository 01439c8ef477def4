"""On PostgreSQL the database itself keeps practices apart, should a statement forget to; keys do it on both."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from models import Patient, Practice, SyncClock, Token
from models.base import Base, table_of
from models.engine import make_engine, make_session_factory
from models.identity import TokenKind
from models.isolation import DOORS, NOBODY, Door, in_practice, reading_doors, reading_practice, see, through_doors
from models.row_security import DOOR_TABLES, find_unbound_role, secure_tables, unforced
from tests import builders
from tests.database import Databases

UNGUARDED = """
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'practice_id'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT a.attisdropped
    AND NOT (c.relrowsecurity AND c.relforcerowsecurity
      AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*'))
"""
VIEWS_OF_OWNER = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
    AND NOT coalesce(reloptions @> '{security_invoker=true}', false)
"""
# What is unique among all practices: nobody can guess a secret, and only commands name clinics.
UNIQUE_AMONG_ALL = {
    ("token", "token_hash"),
    ("enrolment_code", "code_hash"),
    ("sign_in_code", "code_hash"),
    ("message_link", "token_hash"),
    ("calendar_feed", "token_hash"),
    ("practice", "slug"),
    ("service_account", "key_hash"),
    ("passkey", "credential_id"),
}


@pytest.fixture
def practices(session: Session) -> tuple[Practice, Practice]:
    """Return two clinics with a patient each."""
    both = builders.practice(session), builders.practice(session)
    for practice in both:
        builders.patient(session, practice, mrn="SP000001")
    session.commit()
    return both


@pytest.fixture
def superuser(databases: Databases, database_url: str) -> Iterator[Connection]:
    """Yield a connection of a superuser, whose transaction is rolled back."""
    engine = make_engine(databases.superuser_of(database_url))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.postgresql_only
def test_every_table_of_practices_is_guarded_even_against_its_owner(engine: Engine) -> None:
    with engine.connect() as connection:
        unguarded, views = connection.scalars(text(UNGUARDED)).all(), connection.scalars(text(VIEWS_OF_OWNER)).all()

    assert unguarded == []
    assert views == []


@pytest.mark.postgresql_only
def test_a_new_table_or_view_that_is_not_guarded_is_noticed(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE later (practice_id varchar(64), id varchar(64))"))
        connection.execute(text("CREATE VIEW lately AS SELECT * FROM later"))
        connection.execute(text("CREATE VIEW guarded WITH (security_invoker = true) AS SELECT * FROM later"))
        before, views = connection.scalars(text(UNGUARDED)).all(), connection.scalars(text(VIEWS_OF_OWNER)).all()
        secure_tables(connection)
        after = connection.scalars(text(UNGUARDED)).all()

    assert (before, views, after) == (["later"], ["lately"], [])


@pytest.mark.postgresql_only
def test_row_security_binds_the_role_of_the_service_and_no_other(
    service_engine: Engine, engine: Engine, superuser: Connection
) -> None:
    with service_engine.connect() as service, engine.connect() as owner:
        assert find_unbound_role(service) is None
        assert "may bypass row security" in str(find_unbound_role(owner))
    assert "is a superuser" in str(find_unbound_role(superuser))


@pytest.mark.postgresql_only
def test_a_role_that_owns_a_table_or_may_become_its_owner_is_not_bound(superuser: Connection) -> None:
    superuser.execute(text("CREATE ROLE recovery_test_late_owner"))
    superuser.execute(text("CREATE ROLE recovery_test_member IN ROLE recovery_test_late_owner"))
    superuser.execute(text("GRANT USAGE, CREATE ON SCHEMA public TO recovery_test_late_owner"))
    superuser.execute(text("ALTER TABLE patient OWNER TO recovery_test_late_owner"))
    for role in ("recovery_test_late_owner", "recovery_test_member"):
        superuser.execute(text(f"SET LOCAL ROLE {role}"))
        assert "owns the tables" in str(find_unbound_role(superuser))


@pytest.mark.postgresql_only
def test_an_owner_who_may_not_bypass_is_bound_but_while_it_migrates(
    superuser: Connection, practices: tuple[Practice, Practice]
) -> None:
    superuser.execute(text("CREATE ROLE recovery_test_lone_owner"))
    superuser.execute(text("GRANT USAGE, CREATE ON SCHEMA public TO recovery_test_lone_owner"))
    for table in (*Base.metadata.tables, "alembic_version"):
        superuser.execute(text(f"ALTER TABLE {table} OWNER TO recovery_test_lone_owner"))
    superuser.execute(text("SET LOCAL ROLE recovery_test_lone_owner"))
    count = text("SELECT count(*) FROM patient")

    before = superuser.scalar(count)
    with unforced(superuser):
        during = superuser.scalar(count)

    assert (before, during, superuser.scalar(count)) == (0, 2, 0)
    assert superuser.scalars(text(UNGUARDED)).all() == []


@pytest.mark.postgresql_only
def test_a_transaction_that_names_no_practice_sees_and_changes_nothing(
    service_engine: Engine, practices: tuple[Practice, Practice]
) -> None:
    with service_engine.connect() as connection:
        rows = sum(connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in Base.metadata.tables)
        changed = connection.execute(text("UPDATE patient SET mrn = 'SP000002'")).rowcount
        with pytest.raises(ProgrammingError, match="row-level security"):
            connection.execute(text("INSERT INTO sync_clock (practice_id, revision, epoch) VALUES ('p', 1, 0)"))

    assert (rows, changed) == (0, 0)


@pytest.mark.postgresql_only
def test_a_name_ends_with_its_transaction_however_that_ends(
    service_engine: Engine, practices: tuple[Practice, Practice]
) -> None:
    first, second = practices
    make_session = make_session_factory(service_engine)
    with in_practice(make_session, first.id) as session:
        assert session.scalars(select(Patient.practice_id)).all() == [first.id]
    with pytest.raises(DBAPIError), in_practice(make_session, second.id) as session:
        session.execute(text("SELECT 1 / 0"))

    with service_engine.connect() as connection:  # the pool gives the same one again
        assert connection.scalar(text("SELECT current_setting('app.practice', true)")) == NOBODY
        assert connection.scalars(select(Patient.id)).all() == []


@pytest.mark.postgresql_only
def test_a_session_names_its_practice_again_in_each_transaction(
    service_engine: Engine, practices: tuple[Practice, Practice]
) -> None:
    first, second = practices
    with make_session_factory(service_engine)() as session:
        see(session, first.id)
        seen = [session.scalars(select(Patient.practice_id)).all()]
        session.rollback()
        seen.append(session.scalars(select(Patient.practice_id)).all())
        see(session, second.id)
        seen.append(session.scalars(select(Patient.practice_id)).all())
        with through_doors(session):
            seen.append(session.scalars(select(Patient.practice_id)).all())
        seen.append(session.scalars(select(Patient.practice_id)).all())

    assert seen == [[first.id], [first.id], [second.id], [], [second.id]]


@pytest.mark.postgresql_only
def test_through_the_doors_only_what_leads_to_a_practice_is_seen_and_none_of_it_changed(
    service_engine: Engine, session: Session, practices: tuple[Practice, Practice]
) -> None:
    delivery = builders.due_delivery(session, practices[0])
    session.commit()
    make_session = make_session_factory(service_engine)
    with reading_doors(make_session) as looking:
        seen = {table for table in Base.metadata.tables if looking.scalar(text(f"SELECT count(*) FROM {table}"))}
    with in_practice(make_session, DOORS) as writing:
        moved = writing.connection().execute(text("UPDATE sync_clock SET revision = 9")).rowcount
        locked = writing.connection().execute(text("SELECT id FROM delivery FOR UPDATE")).all()

    assert delivery.practice_id == practices[0].id
    assert seen == {"practice", "sync_clock", "delivery"}
    assert (moved, locked) == (0, [])


def test_no_door_shows_who_a_patient_is() -> None:
    told = {"name", "date_of_birth", "email", "phone", "mrn", "address", "pain", "text", "note", "instruction"}
    # A practice's name is its own, a service account's a program's, a passkey's what its holder in the clinic calls it.
    for table in map(Base.metadata.tables.__getitem__, set(DOOR_TABLES) - {"practice", "service_account", "passkey"}):
        assert not {column.name for column in table.columns if told & set(column.name.split("_"))}, table.name


def test_a_door_leads_to_the_one_practice_whose_key_it_is_or_to_none(
    service_engine: Engine, session: Session, practices: tuple[Practice, Practice]
) -> None:
    _first, second = practices
    staff = builders.staff(session, second)
    token = {"id": "token-a", "token_hash": b"hash", "kind": TokenKind.staff, "staff_id": staff.id}
    session.add(Token(practice_id=second.id, **token, made_at=builders.ENROLLED_AT, expires_at=builders.DUE_AT))
    session.commit()
    door = Door(Token.practice_id, Token.token_hash)
    count = text("SELECT count(*) FROM patient WHERE practice_id = :id")

    with make_session_factory(service_engine)() as looking:
        door.enter(looking, b"hash")
        found = [looking.scalar(count, {"id": each.id}) for each in practices]
        door.enter(looking, b"another")
        strange = [looking.scalar(count, {"id": each.id}) for each in practices]

    is_guarded = service_engine.dialect.name == "postgresql"
    assert found == ([0, 1] if is_guarded else [1, 1])
    assert strange == ([0, 0] if is_guarded else [1, 1])


def test_a_raw_row_cannot_refer_to_another_practices_patient(
    service_engine: Engine, session: Session, practices: tuple[Practice, Practice]
) -> None:
    first, second = practices
    stranger = builders.patient(session, second, id="stranger")
    session.commit()
    device = text(
        "INSERT INTO device (practice_id, id, patient_id, enrolled_at) VALUES (:practice, 'd', :patient, :at)"
    )
    told = {"patient": stranger.id, "at": "2026-03-02 15:00:00+00:00"}

    def insert(practice_id: str) -> None:
        with in_practice(make_session_factory(service_engine), first.id) as writing:
            writing.connection().execute(device, told | {"practice": practice_id})

    with pytest.raises(IntegrityError):
        insert(first.id)
    if service_engine.dialect.name == "postgresql":
        with pytest.raises(ProgrammingError, match="row-level security"):
            insert(second.id)


def test_every_reference_to_a_row_of_a_practice_names_the_practice(engine: Engine) -> None:
    look = inspect(engine)
    for name, table in Base.metadata.tables.items():
        for key in look.get_foreign_keys(name):
            of_practices = "practice_id" in Base.metadata.tables[key["referred_table"]].columns
            pairs = zip(key["constrained_columns"], key["referred_columns"], strict=True)
            assert not of_practices or ("practice_id", "practice_id") in set(pairs), (table.name, key)


def test_nothing_is_unique_among_practices_that_one_could_guess(engine: Engine) -> None:
    look = inspect(engine)
    wide = set()
    for name, table in Base.metadata.tables.items():
        unique = [[*map(str, each["column_names"])] for each in look.get_unique_constraints(name)]
        unique += [[*map(str, each["column_names"])] for each in look.get_indexes(name) if each["unique"]]
        if "practice_id" in table.columns:
            unique.append([*look.get_pk_constraint(name)["constrained_columns"]])
        wide |= {(name, ",".join(each)) for each in unique if "practice_id" not in each}

    assert wide == UNIQUE_AMONG_ALL


def test_a_row_that_another_practice_has_is_stored_as_if_it_were_not_there(
    service_engine: Engine, practices: tuple[Practice, Practice], session: Session
) -> None:
    first, second = practices
    builders.patient(session, second, id="patient-a", mrn="SP000009")
    session.commit()

    with in_practice(make_session_factory(service_engine), first.id) as writing:
        builders.patient(writing, writing.get_one(Practice, first.id), id="patient-a", mrn="SP000009")
    with reading_practice(make_session_factory(service_engine), first.id) as looking:
        stored = looking.scalars(select(Patient.id).where(Patient.practice_id == first.id)).all()
        clock = looking.get_one(SyncClock, first.id)

    assert "patient-a" in stored
    assert clock.revision > 1


@pytest.mark.postgresql_only
def test_the_service_can_neither_empty_nor_alter_a_table_nor_take_its_guards_away(service_engine: Engine) -> None:
    name = table_of(Patient).name
    for statement in (
        f"TRUNCATE {name}",
        f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {name} DISABLE TRIGGER USER",
        f"DROP POLICY of_practice ON {name}",
        "CREATE TABLE mine (id int)",
    ):
        with service_engine.connect() as connection, pytest.raises(DBAPIError, match=r"owner|permission"):
            connection.execute(text(statement))
