"""What app developers paste is what the tests run: the code in docs/mobile.md, and the example in examples/."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import Services
from tests.clients.install import require_clients
from tests.clients.service import new_ward
from tests.e2e.clinic_at import ROOT

PLACES = ("tests/clients/*.*js", "tests/clients/rxdb_server/*.mjs", "examples/*.mjs")
PROGRAMS = [program for place in PLACES for program in ROOT.glob(place)]


@pytest.mark.sqlite_only
def test_the_code_for_apps_is_the_code_that_the_tests_run() -> None:
    found = re.findall(
        r"^( *)```js\n(.*?)```", (ROOT / "docs" / "mobile.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    blocks = [block.removeprefix(indent).replace(f"\n{indent}", "\n") for indent, block in found]
    run = [program.read_text("utf-8") for program in PROGRAMS]

    assert len(blocks) == 6
    assert [block for block in blocks if not any(block.rstrip() in text for text in run)] == []


@pytest.mark.slow
@pytest.mark.sqlite_only
def test_the_example_enrols_works_offline_and_synchronises(services: Services, tmp_path: Path) -> None:
    require_clients()
    ward = new_ward(services("sqlite"))
    code = ward.call("POST", "/enrolments", {"patient_id": ward.patient_id}).json()["code"]

    def phone(*told: str) -> str:
        example, file = str(ROOT / "examples" / "headless.mjs"), str(tmp_path / "phone.json")
        command = ["node", example, ward.service.base, file, *told]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    phone("enrol", code)
    first = phone("sync")
    offline = phone("report", "4", "walk")
    after = phone("sync")

    told = "to tick off: spine_straight, walk"  # while a clinician's limit holds, whatever the day
    assert first == f"{len(ward.milestone_ids)} milestones, 0 check-ins, 0 unsent\n{told}"
    assert offline == f"{len(ward.milestone_ids)} milestones, 0 check-ins, 1 unsent\n{told}"
    assert after == f"{len(ward.milestone_ids)} milestones, 1 check-ins, 0 unsent\n{told}"
    rows = ward.stored("check_ins").values()
    assert [(row["pain"], row["exercises"]) for row in rows] == [(4, '["walk"]')]


@pytest.mark.slow
@pytest.mark.sqlite_only
def test_the_example_forgets_everything_when_it_was_removed_and_says_so(services: Services, tmp_path: Path) -> None:
    require_clients()
    ward, file = new_ward(services("sqlite")), tmp_path / "phone.json"
    code = ward.call("POST", "/enrolments", {"patient_id": ward.patient_id}).json()["code"]

    def phone(base: str, *told: str) -> int:
        command = ["node", str(ROOT / "examples" / "headless.mjs"), base, str(file), *told]
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode

    enrolled = phone(ward.service.base, "enrol", code)
    tokens = json.loads(file.read_text("utf-8"))["tokens"]
    ward.revoke_phones()
    removed = phone(ward.service.base, "sync")
    (device,) = ward.call("GET", f"/patients/{ward.patient_id}/devices").json()["items"]
    gone = not file.exists()
    file.write_text(json.dumps({"forgotten": tokens["refresh_token"]}), "utf-8")
    unheard = phone("http://127.0.0.1:9", "sync")

    assert (enrolled, removed, gone, device["state"]) == (0, 1, True, "confirmed")
    assert (unheard, file.exists()) == (1, True)
