"""Databases for tests: a migrated SQLite file and a migrated PostgreSQL database, new for each test and gone after it.

A test that asks for `database_url` (or for `engine`, `session`, `settings`, which stand on it) runs once on each
database; the markers `sqlite_only` and `postgresql_only` name one. `database_kind` tells which one runs.

What needs SQLAlchemy is imported where it is used: the plan engine's tests run without it.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import pytest

from config import Settings
from tests.clock import FixedClock
from tests.memory import made_folder
from tests.needs import need

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from tests.postgres import PostgresServer, PostgresUnavailableError

    Fill = Callable[[Session], None]

KINDS = ("sqlite", "postgresql")
SEAL_KEY = bytes(range(32))
AUDIT_KEY = bytes(range(32, 64))
_SERVICE_ENGINES: WeakKeyDictionary[Engine, Engine] = WeakKeyDictionary()


class Databases:
    """Makes migrated and empty databases of both kinds in `folder`, and drops what it made.

    `durable`: a PostgreSQL that is started for them keeps its data on disk.
    """

    def __init__(self, folder: Path, stack: contextlib.ExitStack, *, durable: bool = False) -> None:
        self._folder = folder
        self._stack = stack
        self._durable = durable
        self._postgres: PostgresServer | PostgresUnavailableError | None = None
        self._templates: dict[tuple[str, Fill | None], str] = {}
        self._count = 0

    @contextlib.contextmanager
    def empty(self, kind: str) -> Iterator[str]:
        """Yield the URL of a database without a table."""
        if kind == "postgresql":
            with self._postgres_database() as url:
                yield url
        else:
            with self._sqlite_folder() as folder:
                yield f"sqlite:///{folder}/empty.sqlite3"

    @contextlib.contextmanager
    def prepared(self, kind: str) -> Iterator[str]:
        """Yield the URL, for the service's role, of a database that has its roles and no table: a new machine's."""
        with self.empty(kind) as url:
            if kind == "postgresql":
                self._postgres_server().make_roles(url)
            yield self._postgres_server().as_app(url) if kind == "postgresql" else url

    @contextlib.contextmanager
    def migrated(self, kind: str, fill: Fill | None = None) -> Iterator[str]:
        """Yield the URL of a database with all tables and no row: a copy of one that was migrated once.

        With `fill` it has the rows that this stores: a copy of one that was filled once.
        On PostgreSQL it is the URL of the role that the service works as, which row security binds.
        """
        template = self._template(kind, fill)
        if kind == "postgresql":
            with self._postgres_database(template) as url:
                yield self._postgres_server().as_app(url)
        else:
            with self._sqlite_folder() as folder:
                shutil.copyfile(template, folder / "test.sqlite3")
                yield f"sqlite:///{folder}/test.sqlite3"

    @contextlib.contextmanager
    def copy_of(self, url: str) -> Iterator[str]:
        """Yield the URL of a copy of the database at `url`, to which nobody may be connected."""
        if url.startswith("sqlite"):
            with self._sqlite_folder() as folder:
                shutil.copyfile(_settled_file(url), folder / "copy.sqlite3")
                yield f"sqlite:///{folder}/copy.sqlite3"
        else:
            with self._postgres_database(url) as copy:
                # For the same role: one that was not migrated here has no other.
                yield self._postgres_server().as_app(copy) if owner_url_of(url) != url else copy

    def owner_of(self, url: str) -> str:
        """Return the URL of the same database for who migrates it and sees the rows of all practices."""
        return url if url.startswith("sqlite") else self._postgres_server().as_owner(url)

    def superuser_of(self, url: str) -> str:
        """Return the URL of the same PostgreSQL database for whom no rule binds."""
        return self._postgres_server().as_superuser(url)

    def _template(self, kind: str, fill: Fill | None) -> str:
        """Return the original of `kind`, migrated and filled: a file's path, or a database's URL."""
        if (kind, fill) not in self._templates:
            url = self._migrated_anew(kind) if fill is None else self._filled(kind, fill)
            self._templates[kind, fill] = url if kind == "postgresql" else _settled_file(url)
        return self._templates[kind, fill]

    def _migrated_anew(self, kind: str) -> str:
        from models.migrate import upgrade

        url = self._stack.enter_context(self.prepared(kind))
        upgrade(self.owner_of(url))
        return url

    def _filled(self, kind: str, fill: Fill) -> str:
        from models.engine import make_session_factory

        url = self._stack.enter_context(self.migrated(kind))
        with engines_of(self, url) as engine, make_session_factory(engine)() as session:
            fill(session)
        return url

    @contextlib.contextmanager
    def _postgres_database(self, template: str | None = None) -> Iterator[str]:
        server = self._postgres_server()
        url = server.create_database(template)
        try:
            yield url
        finally:
            server.drop_database(url)

    def _postgres_server(self) -> PostgresServer:
        from tests.postgres import PostgresUnavailableError, postgres_server

        if self._postgres is None:
            try:
                self._postgres = self._stack.enter_context(postgres_server(durable=self._durable))
            except PostgresUnavailableError as error:
                self._postgres = error
        if isinstance(self._postgres, PostgresUnavailableError):
            need("PostgreSQL", package="postgresql", why=str(self._postgres))
        return self._postgres

    @contextlib.contextmanager
    def _sqlite_folder(self) -> Iterator[Path]:
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def _settled_file(url: str) -> str:
    """Return the path of a SQLite database whose whole content is in the one file, so that it may be copied."""
    path = url.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def owner_url_of(url: str) -> str:
    """Return the URL, for the owner of its tables, of a database that was migrated for a test."""
    return re.sub(r"^(postgresql\S*//\w+)_app:", r"\1_owner:", url)


def settings_for(database_url: str, **changes: object) -> Settings:
    """Return settings for `database_url` with the tests' own keys; `changes` overrides fields.

    The worker has no pages, and no limit of requests a minute is in the way.
    """
    fields = {"database_url": database_url, "seal_key": SEAL_KEY, "audit_key": AUDIT_KEY, "worker_port": 0}
    fields |= {"requests_a_minute": 1_000_000, "requests_a_minute_of_an_address": 1_000_000}
    return Settings(**(fields | changes))  # type: ignore[arg-type]  # checked by the dataclass's own names


def kinds_of(test: pytest.Function | pytest.Item) -> tuple[str, ...]:
    """Return the databases that a test runs on, by its markers."""
    for kind in KINDS:
        if test.get_closest_marker(f"{kind}_only"):
            return (kind,)
    return KINDS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that touches state once on each database."""
    if "database_kind" in metafunc.fixturenames:
        metafunc.parametrize("database_kind", kinds_of(metafunc.definition))


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Yield the maker of databases, for tests that need more than one or one of a wider scope."""
    from models.engine import POSTGRESQL_TIMEOUTS
    from tests.compiled import share_statements
    from tests.quick_service import hash_passwords_quickly, remember_templates

    # A machine that stalls for seconds within a transaction of this process is no fault of the code's.
    POSTGRESQL_TIMEOUTS["idle_in_transaction_session_timeout"] = "60s"
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        share_statements(patch)
        remember_templates(patch)
        hash_passwords_quickly(patch)
        yield Databases(stack.enter_context(made_folder("recovery-test-files-")), stack)


@pytest.fixture
def stored_clinic() -> None:
    """Have `database_url` begin with the clinic of `tests.api.conftest`, which takes long to store."""


@pytest.fixture
def database_url(request: pytest.FixtureRequest, databases: Databases, database_kind: str) -> Iterator[str]:
    """Yield the URL of a migrated database of the kind that this run of the test is for: empty, or see above."""
    with databases.migrated(database_kind, _fill_for(request)) as url:
        yield url


def _fill_for(request: pytest.FixtureRequest) -> Fill | None:
    if "stored_clinic" not in request.fixturenames:
        return None
    from tests.api.conftest import store_clinic

    return store_clinic


@pytest.fixture
def empty_database_url(databases: Databases, database_kind: str) -> Iterator[str]:
    """Yield the URL of a database that was never migrated."""
    with databases.empty(database_kind) as url:
        yield url


@pytest.fixture
def engine(databases: Databases, database_url: str) -> Iterator[Engine]:
    """Yield an engine for arranging and looking: see `engines_of`."""
    with engines_of(databases, database_url) as engine:
        yield engine


@pytest.fixture
def service_engine(engine: Engine) -> Engine:
    """Return an engine with the service's own role and settings, except for one: see `_allow_stalls`."""
    return service_engine_of(engine)


@contextlib.contextmanager
def engines_of(databases: Databases, url: str) -> Iterator[Engine]:
    """Yield an engine that sees the rows of all practices, as who owns the tables does.

    The service itself is run on another one, which `service_engine_of` finds for it. On SQLite, where all see all,
    both are one.
    """
    from models.engine import make_engine

    engines = [make_engine(each) for each in dict.fromkeys((url, databases.owner_of(url)))]
    _SERVICE_ENGINES[engines[-1]] = engines[0]
    try:
        yield engines[-1]
    finally:
        # A value that is its own key, as on SQLite, would be kept for ever, with all that it compiled.
        del _SERVICE_ENGINES[engines[-1]]
        for each in engines:
            each.dispose()


def service_engine_of(engine: Engine) -> Engine:
    """Return the engine of the service on the database that the fixture `engine` arranges."""
    return _SERVICE_ENGINES.get(engine, engine)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """Yield a session that arranges and looks, in all practices. What the test does not commit is rolled back."""
    from models.engine import make_session_factory

    with make_session_factory(engine)() as session:
        yield session


@pytest.fixture
def owner_url(databases: Databases, database_url: str) -> str:
    """Return the URL of the test's database for who migrates it."""
    return databases.owner_of(database_url)


@pytest.fixture
def settings(database_url: str, owner_url: str) -> Settings:
    """Return settings for this test's database, with keys that protect nothing."""
    return settings_for(database_url, database_owner_url=owner_url)


@pytest.fixture
def clock() -> FixedClock:
    """Return a clock that stands at Monday 2026-03-02 15:00 UTC."""
    return FixedClock()
