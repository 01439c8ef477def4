"""What a test's engines share: how a statement is written, and nothing of what it ran with or what it found."""

from contextlib import ExitStack

from sqlalchemy import Engine, select
from sqlalchemy.engine.interfaces import CacheStats

from models import Practice
from models.engine import make_engine, make_session_factory
from tests import builders
from tests.database import Databases, engines_of


def _names(engine: Engine, name: str) -> tuple[list[str], CacheStats]:
    """Return the stored practices of a name, and whether the statement that asks for them was there already."""
    with engine.connect() as connection:
        found = connection.execute(select(Practice.name).where(Practice.name == name))
        return list(found.scalars()), found.context.cache_hit


def test_engines_of_a_kind_share_a_statement_and_each_answers_from_its_own_database(
    databases: Databases, database_kind: str
) -> None:
    with ExitStack() as stack:
        urls = [stack.enter_context(databases.migrated(database_kind)) for _ in range(2)]
        first, second = (stack.enter_context(engines_of(databases, url)) for url in urls)
        with make_session_factory(second)() as session:
            name = builders.practice(session).name
            session.commit()

        none, _ = _names(first, name)
        one, was_there = _names(second, name)

        assert (none, one) == ([], [name])
        assert was_there is CacheStats.CACHE_HIT


def test_a_statement_of_another_kind_of_database_is_not_taken(databases: Databases) -> None:
    with databases.migrated("sqlite") as url, databases.migrated("postgresql") as other:
        engines = [make_engine(url), make_engine(databases.owner_of(other))]

        found = [_names(engine, "nobody of another kind") for engine in engines for _ in range(2)]
        for engine in engines:
            engine.dispose()

        assert [names for names, _ in found] == [[]] * 4
        assert (found[1][1], found[3][1]) == (CacheStats.CACHE_HIT, CacheStats.CACHE_HIT)
