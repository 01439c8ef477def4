"""The clinic with which databases of tests begin is what a test would store, and nobody's but the test's own."""

from contextlib import ExitStack

from flask import Flask
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models import Patient
from models.base import Base
from models.engine import begin_reads, make_session_factory
from tests.api.conftest import Clinic, make_clinic, store_clinic
from tests.database import Databases, engines_of


def counted(engine: Engine) -> dict[str, int]:
    """Return how many rows each table has."""
    with make_session_factory(engine)() as session:
        begin_reads(session)
        tables = Base.metadata.sorted_tables
        return {table.name: session.scalars(select(func.count()).select_from(table)).one() for table in tables}


def test_it_is_what_a_test_would_store(
    clinic: Clinic, engine: Engine, databases: Databases, database_kind: str
) -> None:
    with databases.migrated(database_kind) as url, engines_of(databases, url) as other:
        with make_session_factory(other)() as session:
            made = make_clinic(session)

        assert counted(engine) == counted(other)
    assert {name: type(row) for name, row in vars(clinic).items()} == {
        name: type(row) for name, row in vars(made).items()
    }


def test_who_reads_its_names_begins_no_transaction_in_the_way_of_others(
    app: Flask, clinic: Clinic, session: Session
) -> None:
    names = [person.email for person in (clinic.coordinator, clinic.clinician, clinic.patient, clinic.other_patient)]

    assert None not in names
    assert not session.in_transaction()


def test_what_one_test_changes_no_other_finds(databases: Databases, database_kind: str) -> None:
    with ExitStack() as stack:
        urls = [stack.enter_context(databases.migrated(database_kind, store_clinic)) for _ in range(2)]
        first, second = (stack.enter_context(engines_of(databases, url)) for url in urls)
        before = counted(second)
        with make_session_factory(first)() as session:
            make_clinic(session)

        assert counted(second) == before
        assert counted(first)[Patient.__tablename__] == 2 * before[Patient.__tablename__]
