"""Phones and the server they sync with: one in memory, or the service itself."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clients.driver import Client, Row, Schema
from tests.clients.reference_server import TOKEN, ReferenceServer
from tests.clients.service import APP, USED, Service, Ward, new_ward, running_service, schema_of
from tests.database import Databases

Services = Callable[..., Service]
Phones = Callable[..., Client]

RETRY_MS = 50
SCHEMA: Schema = {
    "version": 1,
    "collections": {
        "milestones": {
            "writable": True,
            "columns": [
                {"name": "title", "type": "string"},
                {"name": "done", "type": "boolean"},
                {"name": "pain", "type": "number"},
                {"name": "note", "type": "string", "optional": True},
            ],
        },
        "protocols": {"writable": False, "columns": [{"name": "title", "type": "string"}]},
    },
}


def milestone(**columns: object) -> Row:
    """Return the columns of a milestone that is not done."""
    return {"title": "Stop aspirin", "done": False, "pain": 3, "note": None} | columns


def with_grades() -> Schema:
    """Return the schema of a later version of the app: protocols have a grade."""
    protocols = SCHEMA["collections"]["protocols"]
    grade = {"name": "grade", "type": "string", "optional": True}
    later = {**protocols, "columns": [*protocols["columns"], grade]}
    return {"version": 2, "collections": {**SCHEMA["collections"], "protocols": later}}


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Client]]:
    """Return the clients that run, by name: starting one takes longer than a test."""
    running: dict[str, Client] = {}
    yield running
    for client in running.values():
        client.close()


@pytest.fixture
def server() -> Iterator[ReferenceServer]:
    """Return a server without rows."""
    with ReferenceServer() as running:
        yield running


@pytest.fixture
def phone(
    request: pytest.FixtureRequest,
    clients: dict[str, Client],
    server: ReferenceServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Client:
    """Return the client that the test names, with an empty database."""
    name = request.param
    client = running_client(clients, name, name, tmp_path_factory)
    client.open(server.base, TOKEN, SCHEMA, retry_ms=RETRY_MS)
    return client


def running_client(clients: dict[str, Client], key: str, name: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Return the client of that key, started again if it has ended: one that answers too late is killed."""
    if key in clients and not clients[key].is_running():
        clients.pop(key).close()
    if key not in clients:
        clients[key] = Client(name, tmp_path_factory.mktemp(key))
    return clients[key]


@pytest.fixture(scope="session")
def services(databases: Databases) -> Iterator[Services]:
    """Return the services that run, by database and application: starting one takes longer than many tests."""
    running: dict[tuple[str, str], Service] = {}
    with contextlib.ExitStack() as stack:

        def on(kind: str, app: str = APP) -> Service:
            if (kind, app) not in running:
                url = stack.enter_context(databases.migrated(kind))
                running[kind, app] = stack.enter_context(running_service(url, app))
            return running[kind, app]

        yield on


@pytest.fixture
def service(services: Services, database_kind: str) -> Service:
    """Return the running service on the database that this run of the test is for."""
    return services(database_kind)


@pytest.fixture
def ward(service: Service) -> Ward:
    """Return a clinic of this test's own."""
    return new_ward(service)


@pytest.fixture
def phones(clients: dict[str, Client], tmp_path_factory: pytest.TempPathFactory) -> Phones:
    """Return a way to open the n-th phone of a kind, with an empty database and tokens of its own, or a given one."""

    def opened(ward: Ward, name: str, number: int = 0, *, token: str | None = None, schema: Any = None) -> Client:
        phone = running_client(clients, f"{name}{number}", name, tmp_path_factory)
        given = schema or schema_of(*USED)
        if token is None:
            tokens = ward.new_tokens()
            token, refresh_token = tokens.access.secret, tokens.refresh.secret
        else:
            refresh_token = ""
        phone.open(ward.service.base, token, given, retry_ms=RETRY_MS, refresh_token=refresh_token)
        return phone

    return opened
