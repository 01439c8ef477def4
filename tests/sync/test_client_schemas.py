"""The schemas that app developers paste: as they were looked at, the same for every client, and code that Node runs."""

import json
import shutil
import subprocess
from typing import Any

import pytest
from flask import Flask

from service.cli.sync_schema import COMMANDS
from service.sync.collections import COLLECTIONS, SCHEMA_VERSION, served
from service.sync.schemas import RENDER
from service.sync.schemas.javascript import Call, Code, Value, javascript
from tests.needs import need
from tests.sync.golden_schemas import FOLDER, GOLDEN

pytestmark = pytest.mark.sqlite_only

# In the place of the clients' packages: what the schemas call, handing on what it is given.
PACKAGES = {
    "@nozbe/watermelondb/package.json": json.dumps(
        {"type": "module", "exports": {".": "./index.js", "./Schema/migrations": "./migrations.js"}}
    ),
    "@nozbe/watermelondb/index.js": "export const appSchema = (given) => given, tableSchema = (given) => given",
    "@nozbe/watermelondb/migrations.js": (
        "export const schemaMigrations = (given) => given\n"
        "export const addColumns = ({ table, columns }) => ({ table, columns })\n"
        "export const createTable = ({ name, columns }) => ({ created: name, columns })\n"
    ),
    "@powersync/common/package.json": json.dumps({"type": "module", "exports": "./index.js"}),
    "@powersync/common/index.js": (
        "export const column = { text: 'text', integer: 'integer' }\n"
        "export class Table { constructor(columns, options = {}) { Object.assign(this, { columns, options }) } }\n"
        "export class Schema { constructor(tables) { Object.assign(this, { tables }) } }\n"
    ),
}
# RxDB's strategies are functions: told is what they make of a document that holds nothing but its id.
RUN = """
const [old, watermelon, rxdb, powersync] = await Promise.all(
  ['watermelon.1', 'watermelon', 'rxdb', 'powersync'].map((name) => import(`./${name}.mjs`)))
const strategies = Object.fromEntries(Object.entries(rxdb.collections).map(([name, { migrationStrategies }]) =>
  [name, Object.keys(migrationStrategies)]))
const migrated = Object.fromEntries(Object.entries(rxdb.collections).map(([name, { migrationStrategies }]) =>
  [name, Object.values(migrationStrategies).reduce((document, migrate) => migrate(document), { id: 'a' })]))
console.log(JSON.stringify({ old, watermelon, rxdb, strategies, migrated, powersync }))
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what Node makes of the schemas of every client."""
    node = shutil.which("node")
    if node is None:
        need("Node.js", package="nodejs", why="the schemas that apps paste are JavaScript")
    folder = tmp_path_factory.mktemp("app")
    files = {f"node_modules/{name}": text for name, text in PACKAGES.items()} | {"run.mjs": RUN}
    files |= {f"{client}.mjs": RENDER[client](SCHEMA_VERSION) for client in ("watermelon", "rxdb", "powersync")}
    files["watermelon.1.mjs"] = RENDER["watermelon"](1)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    told = subprocess.run([node, "run.mjs"], cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(told.stdout)


def names_of(version: int) -> dict[str, list[str]]:
    """Return the columns of each collection of a version."""
    return {each.name: [column.name for column in each.columns_of(version)] for each in served(version)}


def tables(schema: Any) -> dict[str, list[Any]]:
    return {table["name"]: table["columns"] for table in schema["tables"]}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_schema_is_what_was_looked_at(name: str) -> None:
    client, version = GOLDEN[name]

    assert (FOLDER / name).read_text(encoding="utf-8") == RENDER[client](version)


def test_every_client_has_every_column(ran: Any) -> None:
    neutral = json.loads(RENDER["json"](SCHEMA_VERSION))["collections"]
    told = {
        "watermelon": {name: [each["name"] for each in of] for name, of in tables(ran["watermelon"]["schema"]).items()},
        "rxdb": {
            name: [each for each in of["schema"]["properties"] if each != "id"]
            for name, of in ran["rxdb"]["collections"].items()
        },
        "powersync": {name: list(of["columns"]) for name, of in ran["powersync"]["schema"]["tables"].items()},
        "json": {
            name: [each["name"] for each in of["columns"] if each["name"] != "id"] for name, of in neutral.items()
        },
    }

    assert told == dict.fromkeys(told, names_of(SCHEMA_VERSION))


def test_an_app_with_watermelondb_that_migrates_ends_with_the_new_schema(ran: Any) -> None:
    grown = tables(ran["old"]["schema"])
    for migration in ran["watermelon"]["migrations"]["migrations"]:
        for step in migration["steps"]:
            name = step.get("created", step.get("table"))
            grown[name] = grown.get(name, []) + step["columns"]

    new = tables(ran["watermelon"]["schema"])
    assert [each["toVersion"] for each in ran["watermelon"]["migrations"]["migrations"]] == [2, 3, 4, 5]
    assert {name: sorted(of, key=str) for name, of in grown.items()} == {
        name: sorted(of, key=str) for name, of in new.items()
    }


def test_a_migrated_document_of_rxdb_has_what_its_new_schema_asks_for(ran: Any) -> None:
    for name, added in {"reminders": {"text", "correction"}, "safety_cards": {"words"}, "patients": set()}.items():
        assert ran["migrated"][name].keys() - {"id"} == added
    for name, each in ran["rxdb"]["collections"].items():
        assert (each["schema"]["version"], ran["strategies"][name]) == (4, ["1", "2", "3", "4"]), name


def test_a_document_that_a_device_makes_needs_only_what_the_device_knows(ran: Any) -> None:
    for collection in COLLECTIONS.values():
        required = set(ran["rxdb"]["collections"][collection.name]["schema"]["required"])
        if collection.creates:
            assert required <= {"id", *collection.written}
        else:
            assert "rev" in required


def test_powersync_tracks_what_a_device_writes_and_nothing_else(ran: Any) -> None:
    tracked = {
        name: set(of["options"]["trackPrevious"]["columns"])
        for name, of in ran["powersync"]["schema"]["tables"].items()
        if of["options"]
    }

    assert tracked == {each.name: set(each.written) for each in COLLECTIONS.values() if each.written}


def test_the_command_prints_the_schema_of_a_version() -> None:
    app = Flask("schemas")
    for command in COMMANDS:
        app.cli.add_command(command)
    commands = app.test_cli_runner()

    printed = commands.invoke(args=["sync-schema", "watermelon", "--version", "1"])
    refused = commands.invoke(args=["sync-schema", "rxdb", "--version", "6"])

    assert (printed.exit_code, printed.stdout) == (0, RENDER["watermelon"](1))
    assert (refused.exit_code, "1<=x<=5" in refused.stderr) == (2, True)


def test_code_is_laid_out_on_one_line_where_it_fits() -> None:
    short: Value = {"name": "pain", "isOptional": True, "lowest": 0, "unit": None}
    long = Call("new Table", ({f"column_{number}": Code("column.text") for number in range(5)}, {"a": [1, 2]}))

    assert javascript(short) == "{ name: 'pain', isOptional: true, lowest: 0, unit: null }"
    assert javascript(long) == (
        "new Table(\n"
        "  {\n"
        "    column_0: column.text,\n"
        "    column_1: column.text,\n"
        "    column_2: column.text,\n"
        "    column_3: column.text,\n"
        "    column_4: column.text,\n"
        "  },\n"
        "  { a: [1, 2] },\n"
        ")"
    )


def test_no_line_of_code_is_longer_than_an_editor_shows() -> None:
    lines = [line for name in GOLDEN if name.endswith(".js") for line in (FOLDER / name).read_text().splitlines()]

    assert max(map(len, lines)) <= 100
