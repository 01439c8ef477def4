"""Migrations build exactly what the models say, triggers, checks, indexes and constraints included."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from models import Base
from models.engine import make_engine
from models.migrate import downgrade, is_current, upgrade
from models.triggers import APPEND_ONLY, synced_tables
from tests.database import Databases
from tests.storage.schema import read_functions, read_schema


@pytest.fixture
def models_engine(databases: Databases, database_kind: str) -> Iterator[Engine]:
    """Yield a database that was made from the models, not by migrations."""
    with databases.empty(database_kind) as url:
        engine = make_engine(url)
        Base.metadata.create_all(engine)
        yield engine
        engine.dispose()


def test_migrations_build_exactly_the_models(engine: Engine, models_engine: Engine) -> None:
    with engine.connect() as migrated, models_engine.connect() as modelled:
        assert read_schema(migrated) == read_schema(modelled)
        assert read_functions(migrated) == read_functions(modelled)


def test_the_comparison_sees_every_table_and_its_guards(engine: Engine) -> None:
    with engine.connect() as connection:
        schema = read_schema(connection)

    assert set(schema) == set(Base.metadata.tables)
    assert {table for table in schema if schema[table]["triggers"]} == {*synced_tables(), *APPEND_ONLY}
    assert schema["surgery"]["checks"]
    assert schema["surgery"]["unique"]
    assert schema["surgery"]["foreign_keys"]
    partial = [index for index in schema["delivery"]["indexes"] if index["name"] == "ix_delivery_claim"]
    assert "leased" in str(partial[0]["dialect_options"])


def test_autogenerate_finds_nothing_to_migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, Base.metadata) == []


def test_every_tenant_table_begins_its_keys_with_the_practice(engine: Engine) -> None:
    look = inspect(engine)

    for table in set(Base.metadata.tables) - {"practice", "sync_clock", "provider_pause", "worker_heartbeat"}:
        assert look.get_pk_constraint(table)["constrained_columns"][0] == "practice_id", table
        for key in look.get_foreign_keys(table):
            single = key["referred_table"] == "practice"
            assert single or key["constrained_columns"][0] == "practice_id", (table, key)
            assert single or key["referred_columns"][0] == "practice_id", (table, key)


def test_a_migrated_database_is_current_and_an_empty_one_is_not(engine: Engine, empty_database_url: str) -> None:
    empty = make_engine(empty_database_url)

    with engine.connect() as migrated, empty.connect() as unmigrated:
        assert is_current(migrated)
        assert not is_current(unmigrated)

    empty.dispose()


def test_migrating_twice_changes_nothing(owner_url: str, engine: Engine) -> None:
    with engine.connect() as connection:
        before = read_schema(connection)

    upgrade(owner_url)

    with engine.connect() as connection:
        assert read_schema(connection) == before


def test_migrating_down_leaves_nothing_and_up_again_everything(empty_database_url: str, engine: Engine) -> None:
    upgrade(empty_database_url)
    downgrade(empty_database_url)
    other = make_engine(empty_database_url)

    with other.connect() as connection:
        assert read_schema(connection) == {}
        assert read_functions(connection) == {}
    upgrade(empty_database_url)

    with other.connect() as connection, engine.connect() as expected:
        assert read_schema(connection) == read_schema(expected)
    other.dispose()


@pytest.mark.sqlite_only
def test_a_table_rebuilt_without_its_triggers_would_be_noticed(engine: Engine, models_engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER patient_refuse_unstamped_update"))

    with engine.connect() as migrated, models_engine.connect() as modelled:
        assert read_schema(migrated) != read_schema(modelled)
