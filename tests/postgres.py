"""Finds a PostgreSQL for the tests, or starts one of their own. Knows nothing of the project's tables.

In order: the server of TEST_DATABASE_URL; a throwaway cluster from the installed binaries, in memory, on a private unix
socket; a server on 127.0.0.1:5432 that lets us in without a password. Nothing outlives the tests: the cluster dies with
them, and what a killed run left is swept by the next one.
"""

import contextlib
import hashlib
import os
import platform
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from tests.memory import is_running, made_folder

DATABASE_PREFIX = f"recovery_test_{hashlib.sha256(platform.node().encode()).hexdigest()[:6]}_"
CLUSTER_PREFIX = "recovery-test-cluster-"
LOCAL_URLS = (
    "postgresql+psycopg://root@127.0.0.1:5432/postgres",
    "postgresql+psycopg://postgres@127.0.0.1:5432/postgres",
)
START_SECONDS = 30
STRATEGIES_SINCE = 15_00_00
SERVER_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "dynamic_shared_memory_type": "mmap",  # in the data folder, so that it goes with it whatever happens
}
ROLES_SCRIPT = Path(__file__).parents[1] / "deploy" / "postgresql-roles.sql"
ROLE_PASSWORD = "of-tests-only"
NO_DURABILITY = {"fsync": "off", "full_page_writes": "off"}

Connection = psycopg.Connection[tuple[object, ...]]


class PostgresUnavailableError(Exception):
    """There is no server to use and none could be started."""


class PostgresServer:
    """A server on which tests make and drop databases. `url` is its maintenance database.

    `kept`: a connection to that one; without it each task opens one of its own, which takes as long as the task.
    """

    def __init__(self, url: URL, kept: Connection | None = None) -> None:
        self._url = url
        self._kept = kept
        self._count = 0
        # One process may have two of these on one server: each drops its own roles alone.
        prefix = f"{DATABASE_PREFIX}{os.getpid()}_{secrets.token_hex(3)}"
        self._roles = {"owner": f"{prefix}_owner", "app": f"{prefix}_app"}

    def make_roles(self, url: str) -> None:
        """Make a clinic's two roles in the empty database at `url`, by the script that a clinic runs."""
        script = ROLES_SCRIPT.read_text(encoding="utf-8")
        for name, role in self._roles.items():
            script = script.replace(f"recovery_{name}", role)
        with psycopg.connect(_address(make_url(url)), autocommit=True) as connection:
            connection.execute(script.encode())
            # Who looks on sees what the service waits for, and may break its connections.
            granted = sql.SQL("GRANT pg_read_all_stats, pg_signal_backend TO {}")
            connection.execute(granted.format(sql.Identifier(self._roles["owner"])))
            by_replica = sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}")
            connection.execute(by_replica.format(sql.Identifier(self._roles["owner"])))
            for role in self._roles.values():
                password = sql.SQL("ALTER ROLE {} PASSWORD {}")
                connection.execute(password.format(sql.Identifier(role), sql.Literal(ROLE_PASSWORD)))

    def drop_roles(self) -> None:
        """Drop them; the databases where they own something are gone by now."""
        with self._connect() as connection:
            for role in self._roles.values():
                if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is not None:
                    _drop_role(connection, role)

    def as_owner(self, url: str) -> str:
        """Return the URL of the same database for the role that owns its tables."""
        return self._as_role(url, self._roles["owner"])

    def as_app(self, url: str) -> str:
        """Return the URL of the same database for the role that the service works as."""
        return self._as_role(url, self._roles["app"])

    def as_superuser(self, url: str) -> str:
        """Return the URL of the same database for the role that makes and drops databases."""
        return self._url.set(database=_database_of(url)).render_as_string(hide_password=False)

    @staticmethod
    def _as_role(url: str, role: str) -> str:
        return make_url(url).set(username=role, password=ROLE_PASSWORD).render_as_string(hide_password=False)

    def create_database(self, template: str | None = None) -> str:
        """Return the URL of a new database, a copy of the database at URL `template` or empty."""
        self._count += 1
        name = f"{DATABASE_PREFIX}{os.getpid()}_{secrets.token_hex(3)}_{self._count}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(_database_of(template) if template else "template0")
        )
        with self._connect() as connection:
            # To copy files is twice as quick as to write the log of each page; before 15 there was no other way.
            by_files = connection.info.server_version >= STRATEGIES_SINCE
            connection.execute(statement + sql.SQL(" STRATEGY FILE_COPY") if by_files else statement)
        return self._url.set(database=name).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """Drop the database at `url`, closing whatever is still connected to it."""
        with self._connect() as connection:
            _drop(connection, _database_of(url))

    def sweep(self) -> None:
        """Drop the databases of test runs on this machine that were killed before they could."""
        with self._connect() as connection:
            names = [str(row[0]) for row in connection.execute("SELECT datname FROM pg_database")]
            for name in names:
                owner = re.match(rf"{DATABASE_PREFIX}(\d+)_", name)
                if owner and not is_running(int(owner[1])):
                    _drop(connection, name)
            for (role,) in connection.execute("SELECT rolname FROM pg_roles").fetchall():
                owner = re.match(rf"{DATABASE_PREFIX}(\d+)_[0-9a-f]+_(owner|app)$", str(role))
                if owner and not is_running(int(owner[1])):
                    _drop_role(connection, str(role))

    @contextlib.contextmanager
    def _connect(self) -> Iterator[Connection]:
        if self._kept is not None and not self._kept.closed:
            yield self._kept
            return
        with _connected(self._url) as connection:
            yield connection


def _connected(url: URL) -> Connection:
    return psycopg.connect(_address(url), autocommit=True, connect_timeout=5)


def _address(url: URL) -> str:
    """Return a libpq connection string: the URL without SQLAlchemy's driver."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _database_of(url: str) -> str:
    name = make_url(url).database
    if name is None:
        raise ValueError("expected a database name in the URL, got none")
    return name


def _drop(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _drop_role(connection: Connection, role: str) -> None:
    """Drop a role with the rights that it still has."""
    for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
        connection.execute(sql.SQL(statement).format(sql.Identifier(role)))


@contextlib.contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Yield a server to use; a `durable` one, where we start it, keeps its data on disk as a clinic's would.

    Raises PostgresUnavailableError, with what was tried, when there is none.
    """
    given = os.environ.get("TEST_DATABASE_URL")
    with contextlib.ExitStack() as stack:
        if given:
            url = make_url(given).set(drivername="postgresql+psycopg")
        elif server_programs():
            url = stack.enter_context(_throwaway_cluster(server_programs()[-1], durable=durable))
        else:
            url = _local_url()
        server = PostgresServer(url, stack.enter_context(_connected(url)))
        server.sweep()
        try:
            yield server
        finally:
            server.drop_roles()


def _local_url() -> URL:
    for candidate in map(make_url, LOCAL_URLS):
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(_address(candidate), connect_timeout=2).close()
            return candidate
    raise PostgresUnavailableError("no TEST_DATABASE_URL, no installed binaries, nothing on 127.0.0.1:5432")


def server_programs() -> list[Path]:
    """Return the folders with a server's programs, oldest version first."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    on_path = shutil.which("initdb")
    if not found and on_path:
        found = [Path(on_path).resolve().parent]
    return sorted(found, key=lambda path: [int(number) for number in re.findall(r"\d+", str(path))])


class RestartableCluster:
    """A throwaway cluster that can be stopped as by a crash, and started again with what it had committed."""

    def __init__(self, program: list[str | Path], home: Path) -> None:
        self._program = program
        self._home = home
        self._running = contextlib.ExitStack()

    def start(self) -> PostgresServer:
        """Start it, recovering from a crash, and return the server."""
        settings = SERVER_SETTINGS | NO_DURABILITY
        running = _running_server(self._program, self._home, signal.SIGQUIT, settings)
        return PostgresServer(self._running.enter_context(running))

    def crash(self) -> None:
        """Have every process of it end at once, as `pg_ctl stop -m immediate` does."""
        self._running.close()


@contextlib.contextmanager
def restartable_cluster() -> Iterator[RestartableCluster]:
    """Make a cluster, not started yet. Raises PostgresUnavailableError without the server's programs."""
    if not server_programs():
        raise PostgresUnavailableError("no installed binaries")
    with _made_cluster(server_programs()[-1]) as (program, home):
        cluster = RestartableCluster(program, home)
        try:
            yield cluster
        finally:
            cluster.crash()


@contextlib.contextmanager
def _throwaway_cluster(binaries: Path, *, durable: bool) -> Iterator[URL]:
    """Start a cluster that only this machine's socket reaches: in memory, unless it is to be `durable`."""
    settings = SERVER_SETTINGS if durable else SERVER_SETTINGS | NO_DURABILITY
    made = _made_cluster(binaries, in_memory=not durable)
    with made as (program, home), _running_server(program, home, signal.SIGINT, settings) as url:
        yield url


@contextlib.contextmanager
def _made_cluster(binaries: Path, *, in_memory: bool = True) -> Iterator[tuple[list[str | Path], Path]]:
    """Yield how to start a new cluster's server, and its folder, which goes afterwards."""
    with made_folder(CLUSTER_PREFIX, in_memory=in_memory) as home:
        as_server = _as_server_user(home)
        initdb = [*as_server, binaries / "initdb", "-D", home / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8"]
        _run([*initdb, "--locale=C", "--no-sync"], home)
        yield [*as_server, "setpriv", "--pdeathsig", "INT", "--", binaries / "postgres"], home


def _as_server_user(home: Path) -> list[str | Path]:
    """Return the prefix that gives up root, which PostgreSQL refuses, after handing it the folder."""
    if os.geteuid() != 0:
        return []
    try:
        shutil.chown(home, "postgres", "postgres")
    except LookupError:
        raise PostgresUnavailableError("root may not run the server, and there is no user postgres") from None
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]


@contextlib.contextmanager
def _running_server(
    program: list[str | Path], home: Path, end: signal.Signals, settings: Mapping[str, str]
) -> Iterator[URL]:
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [*program, "-D", home / "data", "-k", home, *options]
    with (home / "log").open("wb") as log, subprocess.Popen(command, cwd="/", stdout=log, stderr=log) as server:
        try:
            url = URL.create("postgresql+psycopg", username="postgres", database="postgres", query={"host": str(home)})
            _wait_until_it_answers(url, server, home / "log")
            yield url
        finally:
            server.send_signal(end)


def _wait_until_it_answers(url: URL, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(_address(url), connect_timeout=2).close()
            return
        time.sleep(0.02)
    raise PostgresUnavailableError(f"the installed server did not start: {log.read_text(errors='replace')[-400:]}")


def _run(command: list[str | Path], home: Path) -> None:
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PostgresUnavailableError(f"no cluster could be made in {home}: {done.stderr[-400:]}")
