"""The schemas that `flask sync-schema` prints, given to the clients' own packages."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from service.sync.collections import COLLECTIONS, SCHEMA_VERSION
from service.sync.columns import Kind
from service.sync.schemas import RENDER
from tests.clients.install import FOLDER, PACKAGES, require_clients

pytestmark = pytest.mark.sqlite_only

MADE = {"id": "q-1", "episode_id": "e-1", "milestone_id": None, "instrument": "nrs", "answered_at": 1, "answers": "{}"}


def as_required(module: str) -> str:
    """Return a module in the older form of Node.js, which is how WatermelonDB's package is built."""
    required = re.sub(r"^import (\{.*\}) from (.*)$", r"const \1 = require(\2)", module, flags=re.MULTILINE)
    return re.sub(r"^export const (\w+) =", r"const \1 = exports.\1 =", required, flags=re.MULTILINE)


def old_reminder() -> dict[str, Any]:
    """Return a reminder as a phone of version 1 keeps it."""
    filled = {Kind.number: 1, Kind.instant: 1, Kind.flag: True}
    columns = COLLECTIONS["reminders"].columns_of(1)
    return {"id": "r-1"} | {each.name: None if each.optional else filled.get(each.kind, "text") for each in columns}


@pytest.fixture
def told(tmp_path: Path) -> Any:
    """Return what the packages make of the schemas."""
    require_clients()
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    incomplete = {name: value for name, value in MADE.items() if name != "answers"}
    rows = json.dumps({"kept": old_reminder(), "made": MADE, "incomplete": incomplete})
    files = {
        "watermelon.cjs": as_required(RENDER["watermelon"](SCHEMA_VERSION)),
        "powersync.mjs": RENDER["powersync"](SCHEMA_VERSION),
        "rxdb.1.mjs": RENDER["rxdb"](1),
        "rxdb.mjs": RENDER["rxdb"](SCHEMA_VERSION),
        "rows.mjs": f"export default {rows}",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    command = ["node", str(FOLDER / "schemas.mjs"), str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(ran.stdout.splitlines()[-1])


def test_every_client_takes_its_schema_and_an_older_phone_migrates(told: Any) -> None:
    names = list(COLLECTIONS)

    assert told["watermelon"] == {"tables": names, "version": SCHEMA_VERSION, "migratesTo": SCHEMA_VERSION}
    assert [each["name"] for each in told["powersync"]] == names
    assert {each["name"] for each in told["powersync"] if each["tracked"]} == {
        each.name for each in COLLECTIONS.values() if each.written
    }
    assert sorted(told["rxdb"]["collections"]) == sorted(names)
    assert told["rxdb"]["migrated"] == old_reminder() | {"text": None, "correction": None}
    assert told["rxdb"]["refused"] == "VD2"  # its validator's code: a required column is missing
