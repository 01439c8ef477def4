"""The samples for other apps are current, and a second implementation reads the same from them."""

import json
import random
import shutil
import subprocess
from datetime import date
from typing import Any

import pytest

from tests.needs import need
from tests.vectors.cases import facts, milestone
from tests.vectors.samples import FOLDER, course_json, sample_files

FIRST_DAY = date(2026, 3, 1).toordinal()
SEED = 20260302


@pytest.fixture
def node() -> str:
    """Return the path of Node."""
    found = shutil.which("node")
    if found is None:
        need("Node.js", package="nodejs", why="the second implementation of docs/vectors is JavaScript")
    return found


def check(node: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [node, str(FOLDER / "check.mjs"), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", ["progress.json", "medical_day.json"])
def test_the_samples_are_what_the_code_computes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == sample_files()[name], "write them: python -m tests.vectors"


def test_the_samples_hold_every_state_reason_and_rule() -> None:
    days = [day for case in json.loads(sample_files()["progress.json"])["cases"] for day in case["days"]]

    assert {state for day in days for state in day["states"]} == {
        "upcoming", "open", "due", "overdue", "achieved", "cleared", "eligible", "skipped", "cancelled", "unscheduled",
    }  # fmt: skip
    assert {each["reason"] for day in days for each in day["waiting_for_clinic"]} == {"to_clear", "to_fill", "to_sign"}
    assert {each["rule"] for day in days for each in day["behind"]} == {"after_latest_day", "after_eligible_day"}
    assert {day["adherence"]["done_percent"] for day in days} >= {None, 0, 33, 50, 63, 67}


def test_a_second_implementation_finds_the_same_in_the_samples(node: str) -> None:
    checked = check(node)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "0 differences\n", "")


def test_the_check_finds_an_implementation_that_is_wrong(node: str, tmp_path: Any) -> None:
    right = (FOLDER / "progress.mjs").read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.mjs"
    wrong.write_text(right.replace("on > closes;", "on >= closes;"), encoding="utf-8")

    checked = check(node, str(wrong))

    assert checked.returncode == 1
    assert int(checked.stdout.split()[0]) > 0


def test_a_second_implementation_finds_the_same_in_random_cases(node: str) -> None:
    chance = random.Random(SEED)
    cases = [_random_case(chance) for _ in range(400)]

    checked = check(node, "./progress.mjs", "-", given=json.dumps(cases))

    ours = [[course_json(case, date.fromisoformat(day)) for day in case["days"]] for case in cases]
    assert json.loads(checked.stdout) == ours


def _random_case(chance: random.Random) -> dict[str, Any]:
    ids = [(f"step_{number}", occurrence) for number in range(4) for occurrence in (1, 2)]
    return {
        "milestones": [_random_milestone(chance, *each) for each in ids],
        "facts": [_random_facts(chance, *each) for each in ids if chance.random() < 0.5],
        "days": [_some_day(chance) for _ in range(5)],
    }


def _random_milestone(chance: random.Random, key: str, occurrence: int) -> dict[str, Any]:
    days = ("earliest_on", "target_on", "latest_on", "eligible_on", "slot_until_on")
    return milestone(
        key,
        occurrence,
        **{name: _maybe_day(chance, 0.9) for name in days},
        superseded_on=_maybe_day(chance, 0.2),
        phase=chance.choice(["before_surgery", "after_surgery", "after_surgery"]),
        owner=chance.choice(["patient", "patient", "clinic"]),
        lifts=chance.choice([None, None, "driving"]),
        past_policy=chance.choice([None, None, None, "skip", "not_applicable", "catch_up", "digest"]),
        slot=chance.choice([None, None, "blank", "unsigned", "filled"]),
    )


def _random_facts(chance: random.Random, key: str, occurrence: int) -> dict[str, Any]:
    return facts(
        key,
        occurrence,
        achieved_on=_maybe_day(chance, 0.4),
        skipped_on=_maybe_day(chance, 0.2),
        skip_reason=chance.choice(["patient_declined", "not_applicable", "other", None]),
        cancelled_on=_maybe_day(chance, 0.1),
        clearances=[
            {"cleared_on": _some_day(chance), "revoked_on": _maybe_day(chance, 0.5)}
            for _ in range(chance.choice([0, 0, 1, 2]))
        ],
    )


def _some_day(chance: random.Random) -> str:
    return date.fromordinal(FIRST_DAY + chance.randrange(14)).isoformat()


def _maybe_day(chance: random.Random, likely: float) -> str | None:
    return _some_day(chance) if chance.random() < likely else None
